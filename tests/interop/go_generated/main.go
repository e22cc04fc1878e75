// A Go client of the desk, with the code that protoc generates of the .proto that tenon prints; build.sh makes both.
// usage: peer HOST:PORT [gzip]    prints `ok <case>` or `FAIL <case>: <why>` for each
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "desk/deskpb"
)

const refusal = "shares must be positive: \u263a"

func expect(good bool, found ...any) error {
	if good {
		return nil
	}
	return fmt.Errorf("found %v", found)
}

// The code of an error, whose text is `text` where that is not empty.
func failsWith(code codes.Code, text string, err error) error {
	found := status.Convert(err)
	return expect(found.Code() == code && (text == "" || found.Message() == text), err)
}

func unary(ctx context.Context, desk pb.DeskClient) error {
	found, err := desk.Buy(ctx, &pb.Order{Symbol: "ACME", Shares: 1 << 40, Tags: []string{"a", "b"}})
	return expect(err == nil && found.GetText() == "ACME x1099511627776" && found.GetPrice() == 1.5*(1<<40), found, err)
}

func large(ctx context.Context, desk pb.DeskClient) error {
	found, err := desk.Buy(ctx, &pb.Order{Symbol: "big", Shares: 1, Attachment: make([]byte, 3_000_000)})
	return expect(err == nil && len(found.GetAttachment()) == 3_000_000, len(found.GetAttachment()), err)
}

func tooLarge(ctx context.Context, desk pb.DeskClient) error {
	_, err := desk.Buy(ctx, &pb.Order{Shares: 1, Attachment: make([]byte, 5_000_000)})
	return failsWith(codes.ResourceExhausted, "", err)
}

func withMetadata(ctx context.Context, desk pb.DeskClient) error {
	var head, tail metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "trace", "abc", "state-bin", "\x00\xff\x01")
	_, err := desk.Buy(ctx, &pb.Order{Symbol: "A", Shares: 1}, grpc.Header(&head), grpc.Trailer(&tail))
	trace, state := head.Get("trace"), tail.Get("state-bin")
	return expect(err == nil && len(trace) == 1 && trace[0] == "abc" && len(state) == 1 && state[0] == "\x00\xff\x01", err, head, tail)
}

func details(ctx context.Context, desk pb.DeskClient) error {
	_, err := desk.Buy(ctx, &pb.Order{Symbol: "A"})
	if wrong := failsWith(codes.FailedPrecondition, refusal, err); wrong != nil {
		return wrong
	}
	more := status.Convert(err).Details()
	if len(more) != 1 {
		return expect(false, more)
	}
	receipt, is := more[0].(*pb.Receipt)
	return expect(is && receipt.GetText() == "more", more)
}

func deadline(ctx context.Context, desk pb.DeskClient) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := desk.Never(ctx, &pb.Order{})
	return failsWith(codes.DeadlineExceeded, "", err)
}

func serverStreaming(ctx context.Context, desk pb.DeskClient) error {
	ticks, err := desk.Watch(ctx, &pb.Wanted{Symbol: "T", Count: 1000, Size: 100})
	if err != nil {
		return err
	}
	for i := int32(1); i <= 1000; i++ {
		if tick, err := ticks.Recv(); err != nil || tick.GetNumber() != i || len(tick.GetText()) != 101 {
			return expect(false, tick, err)
		}
	}
	_, err = ticks.Recv()
	return expect(err == io.EOF, err)
}

func clientStreaming(ctx context.Context, desk pb.DeskClient) error {
	orders, err := desk.Deposit(ctx)
	if err != nil {
		return err
	}
	for i := int64(1); i <= 200; i++ {
		if err := orders.Send(&pb.Order{Symbol: "S", Shares: i, Attachment: make([]byte, 5000)}); err != nil {
			return err
		}
	}
	total, err := orders.CloseAndRecv()
	return expect(err == nil && total.GetShares() == 20100 && total.GetOrders() == 200, total, err)
}

func both(ctx context.Context, desk pb.DeskClient) error {
	trade, err := desk.Trade(ctx)
	if err != nil {
		return err
	}
	for i := 0; i < 50; i++ {
		name := fmt.Sprint("S", i)
		if err := trade.Send(&pb.Order{Symbol: name, Shares: int64(i)}); err != nil {
			return err
		}
		if answer, err := trade.Recv(); err != nil || answer.GetText() != name+"!" || answer.GetPrice() != float64(i) {
			return expect(false, answer, err)
		}
	}
	if err := trade.CloseSend(); err != nil {
		return err
	}
	_, err = trade.Recv()
	return expect(err == io.EOF, err)
}

func errorInStream(ctx context.Context, desk pb.DeskClient) error {
	trade, err := desk.Trade(ctx)
	if err != nil {
		return err
	}
	if err := trade.Send(&pb.Order{Symbol: "A", Shares: 1}); err != nil {
		return err
	}
	if answer, err := trade.Recv(); err != nil || answer.GetText() != "A!" {
		return expect(false, answer, err)
	}
	if err := trade.Send(&pb.Order{Shares: -1}); err != nil {
		return err
	}
	_, err = trade.Recv()
	return failsWith(codes.Aborted, "enough", err)
}

func deadlineInStream(ctx context.Context, desk pb.DeskClient) error {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	ticks, err := desk.Watch(ctx, &pb.Wanted{Symbol: "T", Size: 10})
	if err != nil {
		return err
	}
	count := 0
	for ; err == nil; count++ {
		_, err = ticks.Recv()
	}
	if count < 2 {
		return expect(false, count, err)
	}
	return failsWith(codes.DeadlineExceeded, "", err)
}

func cancelInStream(ctx context.Context, desk pb.DeskClient) error {
	before, err := desk.Ended(ctx, &pb.Nothing{})
	if err != nil {
		return err
	}
	ours, cancel := context.WithCancel(ctx)
	defer cancel()
	ticks, err := desk.Watch(ours, &pb.Wanted{Symbol: "T", Size: 10})
	if err != nil {
		return err
	}
	if tick, err := ticks.Recv(); err != nil || tick.GetNumber() != 1 {
		return expect(false, tick, err)
	}
	cancel()
	for err == nil {
		_, err = ticks.Recv()
	}
	if wrong := failsWith(codes.Canceled, "", err); wrong != nil {
		return wrong
	}
	for i := 0; i < 500; i++ {
		if now, err := desk.Ended(ctx, &pb.Nothing{}); err != nil || now.GetShares() > before.GetShares() {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the handler goes on")
}

func compressed(ctx context.Context, desk pb.DeskClient) error {
	zip := grpc.UseCompressor(gzip.Name)
	text := []byte(strings.Repeat("b", 100_000))
	found, err := desk.Buy(ctx, &pb.Order{Symbol: "zip", Shares: 1, Attachment: text}, zip)
	if err != nil || string(found.GetAttachment()) != string(text) {
		return expect(false, len(found.GetAttachment()), err)
	}
	trade, err := desk.Trade(ctx, zip)
	if err != nil {
		return err
	}
	if err := trade.Send(&pb.Order{Symbol: string(text), Shares: 1}); err != nil {
		return err
	}
	answer, err := trade.Recv()
	return expect(err == nil && answer.GetText() == string(text)+"!", len(answer.GetText()), err)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Println("usage: peer HOST:PORT [gzip]")
		os.Exit(2)
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	cases := []struct {
		name string
		run  func(context.Context, pb.DeskClient) error
	}{
		{"unary", unary},
		{"a message of 3 MB both ways", large},
		{"a message above the limit", tooLarge},
		{"metadata both ways, binary and trailing too", withMetadata},
		{"an error's code, text and details", details},
		{"a deadline", deadline},
		{"server streaming", serverStreaming},
		{"client streaming", clientStreaming},
		{"both stream, in turns", both},
		{"an error ends a stream", errorInStream},
		{"a deadline in mid-stream", deadlineInStream},
		{"a cancel in mid-stream ends the handler", cancelInStream},
	}
	if len(os.Args) > 2 && os.Args[2] == "gzip" {
		cases = append(cases, struct {
			name string
			run  func(context.Context, pb.DeskClient) error
		}{"gzip, unary and both stream", compressed})
	}
	bad := 0
	for _, each := range cases {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		if err := each.run(ctx, pb.NewDeskClient(connection)); err != nil {
			bad++
			fmt.Printf("FAIL %s: %v\n", each.name, err)
		} else {
			fmt.Println("ok", each.name)
		}
		cancel()
	}
	if bad > 0 {
		os.Exit(1)
	}
}
