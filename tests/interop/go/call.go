package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/protocol"
)

// peer is one connection to the server under test, in one codec.
type peer struct {
	*client.Client
	address string
	option  client.Option
	gzip    string
}

type testCase struct {
	name string
	run  func(*peer) error
}

func callAll(address, gzip string) int {
	log.SetDummyLogger()
	failed := 0
	for _, codec := range []struct {
		name string
		kind protocol.SerializeType
	}{{"msgpack", protocol.MsgPack}, {"json", protocol.JSON}} {
		option := client.DefaultOption
		option.SerializeType = codec.kind
		for _, c := range cases {
			if err := runCase(c, &peer{address: address, option: option, gzip: gzip}); err != nil {
				fmt.Printf("FAIL %s %s: %v\n", codec.name, c.name, err)
				failed = 1
			} else {
				fmt.Printf("ok %s %s\n", codec.name, c.name)
			}
		}
	}
	return failed
}

// Each case has a connection of its own, so that one that breaks it does not fail the next.
func runCase(c testCase, p *peer) error {
	if err := p.connect(); err != nil {
		return err
	}
	defer p.Close()
	return c.run(p)
}

func (p *peer) connect() error {
	p.Client = client.NewClient(p.option)
	return p.Client.Connect("tcp", p.address)
}

// patience bounds every call, so that a lost answer fails its case and not the whole run.
const patience = 3 * time.Second

func (p *peer) invoke(method string, args, reply any) error {
	return p.invokeOn("Arith", method, args, reply)
}

func (p *peer) invokeOn(service, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.Call(ctx, service, method, args, reply)
}

func (p *peer) count(method string) (int, error) {
	var reply Reply
	err := p.invoke(method, &Args{}, &reply)
	return reply.C, err
}

// waitForCount asks until the counter of `method` reaches `least`, for at most `limit`.
func (p *peer) waitForCount(method string, least int, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		found, err := p.count(method)
		if err != nil {
			return err
		}
		if found >= least {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: expected at least %d within %v, found %d", method, least, limit, found)
		}
	}
}

// usable proves that the connection survived what a case did to it.
func (p *peer) usable() error {
	if p.IsShutdown() {
		return errors.New("the server closed the connection")
	}
	var reply Reply
	if err := p.invoke("Mul", &Args{6, 7}, &reply); err != nil {
		return fmt.Errorf("a call after it: %w", err)
	}
	return expect("6 * 7 after it", reply.C, 42)
}

func expect[T comparable](what string, found, expected T) error {
	if found != expected {
		return fmt.Errorf("%s: expected %v, found %v", what, expected, found)
	}
	return nil
}
