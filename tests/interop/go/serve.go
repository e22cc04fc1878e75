package main

import (
	"fmt"
	"io"
	"net"
	"os"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"
)

func serve(address string) int {
	// rpcx warns of every error that a case provokes.
	log.SetDummyLogger()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer serve:", err)
		return 1
	}
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		fmt.Fprintln(os.Stderr, "peer serve:", err)
		return 1
	}
	go s.ServeListener("tcp", listener)
	fmt.Println("listening", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
	return 0
}
