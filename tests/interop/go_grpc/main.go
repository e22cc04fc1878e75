// gRPC's own interoperability tests by grpc-go: its test server, and its test cases as a client.
// usage: peer serve           prints `listening HOST:PORT`, ends with its standard input
//
//	peer call HOST:PORT [gzip]  runs every case, the compressed ones if it is told to, in a process of its own, for a failing one ends its process
//	peer case HOST:PORT NAME
//	peer drain PROGRAM   starts two servers of it, and lets one of them go while calls run
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

var cases = []string{
	"empty_unary", "large_unary", "special_status_message", "unimplemented_method", "unimplemented_service",
	"status_code_and_message", "custom_metadata", "deadline", "many_at_once",
	"client_streaming", "server_streaming", "ping_pong", "empty_stream", "cancel_after_begin", "cancel_after_first_response",
	"timeout_on_sleeping_server", "many_streams",
}

var gzipCases = []string{"compressed_unary", "compressed_client_streaming", "compressed_ping_pong"}

func fail(format string, values ...any) {
	fmt.Printf(format+"\n", values...)
	os.Exit(1)
}

func run(name string, connection *grpc.ClientConn) {
	client := pb.NewTestServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	switch name {
	case "empty_unary":
		interop.DoEmptyUnaryCall(ctx, client)
	case "large_unary":
		interop.DoLargeUnaryCall(ctx, client)
	case "special_status_message":
		interop.DoSpecialStatusMessage(ctx, client)
	case "unimplemented_method":
		interop.DoUnimplementedMethod(ctx, connection)
	case "unimplemented_service":
		interop.DoUnimplementedService(ctx, pb.NewUnimplementedServiceClient(connection))
	case "status_code_and_message":
		interop.DoStatusCodeAndMessage(ctx, client)
	case "custom_metadata":
		interop.DoCustomMetadata(ctx, client)
	case "client_streaming":
		interop.DoClientStreaming(ctx, client)
	case "server_streaming":
		interop.DoServerStreaming(ctx, client)
	case "ping_pong":
		interop.DoPingPong(ctx, client)
	case "empty_stream":
		interop.DoEmptyStream(ctx, client)
	case "cancel_after_begin":
		interop.DoCancelAfterBegin(ctx, client)
	case "cancel_after_first_response":
		interop.DoCancelAfterFirstResponse(ctx, client)
	case "timeout_on_sleeping_server":
		interop.DoTimeoutOnSleepingServer(ctx, client)
	case "many_streams": // 1000 at once, of 20 messages each that are larger than a window together
		failures := make(chan error, 1000)
		for i := 0; i < 1000; i++ {
			go func() {
				wanted := &pb.StreamingOutputCallRequest{}
				for n := 0; n < 20; n++ {
					wanted.ResponseParameters = append(wanted.ResponseParameters, &pb.ResponseParameters{Size: 10000})
				}
				answers, err := client.StreamingOutputCall(ctx, wanted)
				count := 0
				for err == nil {
					var one *pb.StreamingOutputCallResponse
					if one, err = answers.Recv(); err == nil && len(one.GetPayload().GetBody()) == 10000 {
						count++
					}
				}
				if err == io.EOF {
					err = nil
				}
				if err == nil && count != 20 {
					err = fmt.Errorf("expected 20 messages, found %d", count)
				}
				failures <- err
			}()
		}
		for i := 0; i < 1000; i++ {
			if err := <-failures; err != nil {
				fail("got %v", err)
			}
		}
	// grpc-go's interop package has no cases of compression: these are its plain ones, sent compressed. Its client announces gzip, since the package is linked.
	case "compressed_unary":
		size := int32(314159)
		answer, err := client.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: size, Payload: &pb.Payload{Body: make([]byte, 271828)}}, grpc.UseCompressor(gzip.Name))
		if err != nil || len(answer.GetPayload().GetBody()) != int(size) {
			fail("got %v, %d bytes", err, len(answer.GetPayload().GetBody()))
		}
	case "compressed_client_streaming":
		interop.DoClientStreaming(ctx, client, grpc.UseCompressor(gzip.Name))
	case "compressed_ping_pong":
		interop.DoPingPong(ctx, client, grpc.UseCompressor(gzip.Name))
	case "deadline":
		short, stop := context.WithTimeout(ctx, time.Nanosecond)
		defer stop()
		if _, err := client.EmptyCall(short, &pb.Empty{}); status.Code(err) != codes.DeadlineExceeded {
			fail("got %v", err)
		}
	case "many_at_once":
		failures := make(chan error, 1000)
		for i := 0; i < 1000; i++ {
			go func(size int32) {
				answer, err := client.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: size})
				if err == nil && len(answer.GetPayload().GetBody()) != int(size) {
					err = fmt.Errorf("expected %d bytes, found %d", size, len(answer.GetPayload().GetBody()))
				}
				failures <- err
			}(int32(i * 10))
		}
		for i := 0; i < 1000; i++ {
			if err := <-failures; err != nil {
				fail("got %v", err)
			}
		}
	default:
		fail("no such case")
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fail("%v", err)
		}
		server := grpc.NewServer()
		pb.RegisterTestServiceServer(server, interop.NewTestServer())
		fmt.Printf("listening %s\n", listener.Addr())
		go server.Serve(listener)
		io.Copy(io.Discard, os.Stdin)
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "drain" {
		drain(os.Args[2])
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "case" {
		connection, err := grpc.NewClient(os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			fail("%v", err)
		}
		defer connection.Close()
		run(os.Args[3], connection)
		return
	}
	if len(os.Args) < 3 || os.Args[1] != "call" {
		fail("usage: peer serve | call HOST:PORT [gzip] | case HOST:PORT NAME | drain PROGRAM")
	}
	if len(os.Args) == 4 && os.Args[3] == "gzip" {
		cases = append(cases, gzipCases...)
	}
	bad := 0
	for _, name := range cases {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		said, err := exec.CommandContext(ctx, os.Args[0], "case", os.Args[2], name).CombinedOutput()
		cancel()
		if err != nil {
			bad++
			fmt.Printf("FAIL %s: %v: %s\n", name, err, bytes.TrimSpace(said))
			continue
		}
		fmt.Printf("ok %s\n", name)
	}
	if bad > 0 {
		os.Exit(1)
	}
}
