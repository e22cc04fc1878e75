// A server that stops while grpc-go's client calls it: the client moves on to the next address, and no call fails.
package main

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

type process struct {
	command *exec.Cmd
	input   io.WriteCloser
	address string
}

func start(program string) process {
	command := exec.Command(program)
	input, err := command.StdinPipe()
	if err != nil {
		fail("%v", err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		fail("%v", err)
	}
	if err := command.Start(); err != nil {
		fail("%v", err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		fail("%s does not say where it listens: %v", program, err)
	}
	return process{command, input, strings.TrimPrefix(strings.TrimSpace(line), "listening ")}
}

// Its standard input ends, and so does it, within ten seconds.
func (one process) stop() {
	one.input.Close()
	slow := time.AfterFunc(10*time.Second, func() { one.command.Process.Kill() })
	defer slow.Stop()
	if err := one.command.Wait(); err != nil {
		fail("the server at %s does not end well: %v", one.address, err)
	}
}

func drain(program string) {
	first, second := start(program), start(program)
	addresses := manual.NewBuilderWithScheme("drain")
	addresses.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: first.address}, {Addr: second.address}}})
	connection, err := grpc.NewClient("drain:///servers", grpc.WithResolvers(addresses), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fail("%v", err)
	}
	client := pb.NewTestServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	var atFirst, atSecond atomic.Int64
	var over atomic.Bool
	var callers sync.WaitGroup
	failures := make(chan error, 1000)
	call := func(do func(...grpc.CallOption) error) {
		for !over.Load() && ctx.Err() == nil {
			var served peer.Peer
			if err := do(grpc.Peer(&served)); err != nil {
				failures <- err
				return
			}
			switch served.Addr.String() {
			case first.address:
				atFirst.Add(1)
			case second.address:
				atSecond.Add(1)
			}
		}
	}
	for i := 0; i < 32; i++ {
		callers.Add(2)
		go func() {
			defer callers.Done()
			call(func(options ...grpc.CallOption) error {
				_, err := client.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: 100}, options...)
				return err
			})
		}()
		go func() { // a tenth of a second each: some are under way when the server goes
			defer callers.Done()
			call(func(options ...grpc.CallOption) error {
				items, err := client.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{ResponseParameters: []*pb.ResponseParameters{
					{Size: 10}, {Size: 10, IntervalUs: 100000}}}, options...)
				for err == nil {
					_, err = items.Recv()
				}
				if err == io.EOF {
					return nil
				}
				return err
			})
		}()
	}
	reach := func(count *atomic.Int64, name string) {
		for count.Load() < 2000 && len(failures) == 0 {
			if ctx.Err() != nil {
				fail("%s has answered %d calls in 30 s", name, count.Load())
			}
			time.Sleep(time.Millisecond)
		}
	}
	reach(&atFirst, "the first server")
	first.stop()
	reach(&atSecond, "the second server")
	over.Store(true)
	callers.Wait()
	second.stop()
	select {
	case err := <-failures:
		fail("a call failed because its server stopped: %v", err)
	default:
	}
	println("answered by the first server", atFirst.Load(), "and by the second", atSecond.Load())
}
