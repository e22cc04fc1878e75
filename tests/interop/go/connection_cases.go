package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
)

// The cases about what a connection does beside answering: one-way calls, heartbeats, deadlines.

func oneWay(p *peer) error {
	before, err := p.count("Noted")
	if err != nil {
		return err
	}
	for range 10 {
		// No reply object is what makes a call one-way.
		if err := p.invoke("Note", &Args{}, nil); err != nil {
			return err
		}
	}
	return p.waitForCount("Noted", before+10, 2*time.Second)
}

// spy counts what arrives on a connection.
type spy struct {
	mutex      sync.Mutex
	heartbeats int
	oneWays    int
}

func (s *spy) ClientAfterDecode(m *protocol.Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if m.IsHeartbeat() {
		s.heartbeats++
	}
	if m.IsOneway() {
		s.oneWays++
	}
	return nil
}

func (p *peer) connectWatched() (*spy, error) {
	p.Close()
	s := new(spy)
	p.Client = client.NewClient(p.option)
	p.Plugins = client.NewPluginContainer()
	p.Plugins.Add(s)
	return s, p.Client.Connect("tcp", p.address)
}

func oneWayErrors(p *peer) error {
	s, err := p.connectWatched()
	if err != nil {
		return err
	}
	text := "seven"
	for method, args := range map[string]any{"Missing": &Args{}, "Fail": &Args{}, "Mul": &text} {
		if err := p.invoke(method, args, nil); err != nil {
			return err
		}
	}
	for range 20 {
		if err := p.usable(); err != nil {
			return err
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return expect("answers to one-way calls", s.oneWays, 0)
}

func heartbeat(p *peer) error {
	p.option.Heartbeat = true
	p.option.HeartbeatInterval = 10 * time.Millisecond
	p.option.MaxWaitForHeartbeat = 2 * time.Second
	s, err := p.connectWatched()
	if err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if err := p.usable(); err != nil {
			return err
		}
		s.mutex.Lock()
		found := s.heartbeats
		s.mutex.Unlock()
		if found >= 5 {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("expected 5 heartbeats within 5 s, found %d", found)
		}
	}
	// The same request as the client's own, whose wrong answer it would only log.
	request, reply := time.Now().UnixNano(), int64(0)
	if err := p.invokeOn("", "", &request, &reply); err != nil {
		return err
	}
	return expect("echoed time", reply, request)
}

// Only the XClient sends __ServerTimeout.
func timeout(p *peer) error {
	discovery, err := client.NewPeer2PeerDiscovery("tcp@"+p.address, "")
	if err != nil {
		return err
	}
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, discovery, p.option)
	defer x.Close()
	multiply := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return x.Call(ctx, "Mul", &Args{1, 1}, &Reply{})
	}
	// A first call, so that dialling is not in the time below.
	if err := multiply(); err != nil {
		return err
	}
	before, err := p.count("Deadlines")
	if err != nil {
		return err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err = x.Call(ctx, "Slow", &Args{A: 2000}, &Reply{})
	elapsed := time.Since(start)
	// The server's own deadline error may arrive a moment before the client's.
	if err == nil || (!errors.Is(err, context.DeadlineExceeded) && !strings.Contains(strings.ToLower(err.Error()), "deadline")) {
		return fmt.Errorf("expected a deadline error, found %v", err)
	}
	if elapsed > time.Second {
		return fmt.Errorf("expected it after 50 ms, found %v", elapsed)
	}
	if err := p.waitForCount("Deadlines", before+1, time.Second); err != nil {
		return fmt.Errorf("the handler must see __ServerTimeout: %w", err)
	}
	// The late answer belongs to nobody and must not disturb what follows.
	return multiply()
}
