// MessagePack-RPC peer for tests/interop: the endpoint of Neovim's Go client.
// usage: peer call HOST:PORT   prints a line for each case
//        peer serve            serves calc until standard input closes; prints where it listens
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neovim/go-client/msgpack/rpc"
)

type box struct {
	Name  string `msgpack:"name"`
	Sizes []int  `msgpack:"sizes"`
}

var failed = false

func report(name string, good bool, found any) {
	if good {
		fmt.Println("ok", name)
	} else {
		fmt.Printf("FAIL %s: found %v\n", name, found)
		failed = true
	}
}

func call(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	peer, err := rpc.NewEndpoint(conn, conn, conn)
	if err != nil {
		return err
	}
	go peer.Serve()

	same := func(name, method string, expected any, arguments ...any) {
		reply := reflect.New(reflect.TypeOf(expected))
		err := peer.Call(method, reply.Interface(), arguments...)
		report(name, err == nil && reflect.DeepEqual(reply.Elem().Interface(), expected), fmt.Sprint(reply.Elem(), " ", err))
	}
	same("two arguments", "calc.subtract", 19, 42, 23)
	same("a slash in the name", "calc/subtract", 19, 42, 23)
	same("no arguments", "calc.version", "1")
	same("an array as the one argument", "calc.total", 7, []int{1, 2, 4})
	same("a struct", "calc.keep", box{"é😀", []int{1, 200, 70000, -5}}, box{"é😀", []int{1, 200, 70000, -5}})
	same("text of many bytes", "calc.keep", box{strings.Repeat("x", 100000), []int{1}}, box{strings.Repeat("x", 100000), []int{1}})
	err = peer.Call("calc.fail", nil, "gone")
	report("an error", err != nil && strings.Contains(err.Error(), "NOT_FOUND: gone"), err)
	err = peer.Call("calc.none", nil)
	report("an unknown method", err != nil && strings.Contains(err.Error(), "UNIMPLEMENTED"), err)
	err = peer.Call("calc.subtract", nil, "x", 1)
	report("wrong arguments", err != nil && strings.Contains(err.Error(), "INVALID_ARGUMENT"), err)

	done := make(chan *rpc.Call, 2)
	var slow, quick int
	first := peer.Go("calc.slow", done, &slow, 150)
	peer.Go("calc.subtract", done, &quick, 2, 1)
	report("out of order", <-done != first && quick == 1 && <-done == first && slow == 150, fmt.Sprint(quick, " ", slow))

	var before, after int
	peer.Call("calc.noted", &before)
	err = peer.Notify("calc.note", "x")
	peer.Call("calc.noted", &after)
	report("a notification", err == nil && after == before+1, after)

	var group sync.WaitGroup
	var wrong atomic.Int32
	for i := 0; i < 500; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			var found int
			if err := peer.Call("calc.subtract", &found, i, 1); err != nil || found != i-1 {
				wrong.Add(1)
			}
		}(i)
	}
	group.Wait()
	report("500 calls at once", wrong.Load() == 0, wrong.Load())
	return nil
}

func serve() error {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening", door.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var notes atomic.Int32
	for {
		conn, err := door.Accept()
		if err != nil {
			return err
		}
		peer, err := rpc.NewEndpoint(conn, conn, conn)
		if err != nil {
			return err
		}
		methods := map[string]any{
			"calc.subtract": func(minuend, subtrahend int) (int, error) { return minuend - subtrahend, nil },
			"calc.total": func(numbers []int) (int, error) {
				sum := 0
				for _, each := range numbers {
					sum += each
				}
				return sum, nil
			},
			"calc.keep":    func(what box) (box, error) { return what, nil },
			"calc.version": func() (string, error) { return "1", nil },
			"calc.fail":    func(why string) (int, error) { return 0, errors.New(why) },
			"calc.slow": func(milliseconds int) (int, error) {
				time.Sleep(time.Duration(milliseconds) * time.Millisecond)
				return milliseconds, nil
			},
			"calc.note":  func(text string) error { notes.Add(1); return nil },
			"calc.noted": func() (int, error) { return int(notes.Load()), nil },
		}
		for name, method := range methods {
			if err := peer.Register(name, method); err != nil {
				return err
			}
		}
		go peer.Serve()
	}
}

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == "call" {
		err = call(os.Args[2])
	} else {
		err = serve()
	}
	if err != nil {
		fmt.Println("FAIL", err)
	}
	if err != nil || failed {
		os.Exit(1)
	}
}
