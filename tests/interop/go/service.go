package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/smallnest/rpcx/share"
)

// Arith is the service that both sides serve; tests/interop/rpcx_server.cpp is its twin.
type Arith struct {
	notes     atomic.Int64
	deadlines atomic.Int64
}

func (a *Arith) Mul(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

func (a *Arith) Fail(ctx context.Context, args *Args, reply *Reply) error {
	return errors.New("no such thing")
}

// Slow takes A milliseconds, or ends at the deadline that the caller sent as __ServerTimeout.
func (a *Arith) Slow(ctx context.Context, args *Args, reply *Reply) error {
	select {
	case <-time.After(time.Duration(args.A) * time.Millisecond):
		reply.C = args.A
		return nil
	case <-ctx.Done():
		a.deadlines.Add(1)
		return ctx.Err()
	}
}

// Deadlines says how many calls of Slow ended at their deadline.
func (a *Arith) Deadlines(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = int(a.deadlines.Load())
	return nil
}

// Meta answers every key of the request's metadata with `echo-` before it; the protocol's own keys start with `__`.
func (a *Arith) Meta(ctx context.Context, args *Args, reply *Reply) error {
	request, _ := ctx.Value(share.ReqMetaDataKey).(map[string]string)
	response, _ := ctx.Value(share.ResMetaDataKey).(map[string]string)
	for key, value := range request {
		if !strings.HasPrefix(key, "__") {
			response["echo-"+key] = value
			reply.C++
		}
	}
	return nil
}

func (a *Arith) Note(ctx context.Context, args *Args, reply *Reply) error {
	a.notes.Add(1)
	return nil
}

// Noted says how often Note was called.
func (a *Arith) Noted(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = int(a.notes.Load())
	return nil
}

// Text reverses the characters, not the bytes.
func (a *Arith) Text(ctx context.Context, args *string, reply *string) error {
	characters := []rune(*args)
	for i, j := 0, len(characters)-1; i < j; i, j = i+1, j-1 {
		characters[i], characters[j] = characters[j], characters[i]
	}
	*reply = string(characters)
	return nil
}

func (a *Arith) Big(ctx context.Context, args *Blob, reply *Blob) error {
	*reply = *args
	return nil
}

// Mixed marks one nested field, so that an answer is known to have gone through both codecs.
func (a *Arith) Mixed(ctx context.Context, args *Mixed, reply *Mixed) error {
	*reply = *args
	reply.Inner.Name += "!"
	return nil
}
