// Connect's own client for Go against the market of http_server.cpp. usage: peer HOST:PORT
//
// Without generated code: on protobuf's wire a StringValue is a message with a text in field 1, which quote_request and quote begin with too, and a Struct
// is any JSON object.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var failed = 0

func check(name string, good bool, found any) {
	if good {
		fmt.Println("ok", name)
		return
	}
	failed++
	fmt.Printf("FAIL %s: found %v\n", name, found)
}

type text = wrapperspb.StringValue

func run(name, url string, options ...connect.ClientOption) {
	ask := func(method string, more ...connect.ClientOption) *connect.Client[text, text] {
		return connect.NewClient[text, text](http.DefaultClient, url+"/shop.v1.Market/"+method, append(options, more...)...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request := connect.NewRequest(wrapperspb.String("ACME"))
	request.Header().Set("trace", "abc")
	answer, err := ask("Last").CallUnary(ctx, request)
	check(name+": a call", err == nil && answer.Msg.Value == "ACME", err)
	if err == nil {
		check(name+": metadata", answer.Header().Get("echo-trace") == "abc", answer.Header())
		check(name+": trailing metadata", answer.Trailer().Get("cost") == "7", answer.Trailer())
	}
	large := strings.Repeat("x", 262144)
	answer, err = ask("Buy").CallUnary(ctx, connect.NewRequest(wrapperspb.String(large)))
	check(name+": 256 KiB", err == nil && answer.Msg.Value == large, err)
	_, err = ask("Last").CallUnary(ctx, connect.NewRequest(wrapperspb.String("NONE")))
	var refused *connect.Error
	if errors.As(err, &refused) {
		check(name+": an error", refused.Code() == connect.CodeNotFound && refused.Message() == "no such symbol: \"NONE\" é", refused)
		details := refused.Details()
		good := len(details) == 1
		if good {
			value, err := details[0].Value()
			detail, is := value.(*wrapperspb.StringValue)
			good = err == nil && is && detail.Value == "hi"
		}
		check(name+": its detail", good, details)
	} else {
		check(name+": an error", false, err)
	}
	_, err = ask("Missing").CallUnary(ctx, connect.NewRequest(wrapperspb.String("")))
	check(name+": an unknown method", connect.CodeOf(err) == connect.CodeUnimplemented, err)
}

// On protobuf's wire and in JSON a Struct is any object; quote_request has no StringValue that would say how many.
func runStreams(name, url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ask := func(method string) *connect.Client[structpb.Struct, structpb.Struct] {
		return connect.NewClient[structpb.Struct, structpb.Struct](http.DefaultClient, url+"/shop.v1.Ticker/"+method, connect.WithProtoJSON())
	}
	watch := func(symbol string, shares float64) (prices []float64, trailer http.Header, err error) {
		asked, _ := structpb.NewStruct(map[string]any{"symbol": symbol, "shares": shares})
		stream, err := ask("Watch").CallServerStream(ctx, connect.NewRequest(asked))
		if err != nil {
			return nil, nil, err
		}
		for stream.Receive() {
			prices = append(prices, stream.Msg().Fields["price"].GetNumberValue())
		}
		return prices, stream.ResponseTrailer(), stream.Err()
	}
	prices, trailer, err := watch("ACME", 3)
	check(name+": items", err == nil && len(prices) == 3 && prices[2] == 3, err)
	check(name+": trailing metadata", trailer.Get("cost") == "7", trailer)
	prices, _, err = watch("NONE", 1)
	check(name+": an error behind an item", len(prices) == 1 && connect.CodeOf(err) == connect.CodeNotFound, err)
	prices, _, err = watch("LARGE", 100)
	check(name+": 6 MiB of items", err == nil && len(prices) == 100, err)
	upload := ask("Total").CallClientStream(ctx)
	for _, symbol := range []string{"A", "B", "C"} {
		order, _ := structpb.NewStruct(map[string]any{"symbol": symbol, "shares": 14})
		if err := upload.Send(order); err != nil {
			check(name+": a caller that streams", false, err)
			return
		}
	}
	answer, err := upload.CloseAndReceive()
	check(name+": a caller that streams", err == nil && answer.Msg.Fields["price"].GetNumberValue() == 42 && answer.Msg.Fields["symbol"].GetStringValue() == "ABC", err)
	text := connect.NewClient[text, text](http.DefaultClient, url+"/shop.v1.Ticker/Watch")
	stream, err := text.CallServerStream(ctx, connect.NewRequest(wrapperspb.String("ACME")))
	check(name+": protobuf, and no item", err == nil && !stream.Receive() && stream.Err() == nil, err)
}

func main() {
	url := "http://" + os.Args[1]
	run("Connect", url)
	run("Connect, gzip", url, connect.WithSendGzip())
	run("Connect, GET", url, connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects), connect.WithHTTPGetMaxURLSize(4000, true))
	run("gRPC-Web", url, connect.WithGRPCWeb())
	runStreams("Connect, streams", url)
	asked, _ := structpb.NewStruct(map[string]any{"symbol": "ACME", "shares": 2})
	client := connect.NewClient[structpb.Struct, structpb.Struct](http.DefaultClient, url+"/shop.v1.Market/Buy", connect.WithProtoJSON())
	answer, err := client.CallUnary(context.Background(), connect.NewRequest(asked))
	check("Connect, JSON", err == nil && answer.Msg.Fields["price"].GetNumberValue() == 85, err)
	slow, _ := structpb.NewStruct(map[string]any{"symbol": "A", "shares": 3000})
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	client = connect.NewClient[structpb.Struct, structpb.Struct](http.DefaultClient, url+"/shop.v1.Market/Slow", connect.WithProtoJSON())
	_, err = client.CallUnary(short, connect.NewRequest(slow))
	check("Connect, a deadline", connect.CodeOf(err) == connect.CodeDeadlineExceeded, err)
	if failed != 0 {
		os.Exit(1)
	}
}
