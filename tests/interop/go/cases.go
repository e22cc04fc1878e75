package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/share"
)

var cases = []testCase{
	{"multiplies", multiplies},
	{"reverses a string", reversesString},
	{"mixed message", mixedMessage},
	{"mixed message of zeros and nils", mixedZeros},
	{"metadata both ways", metadata},
	{"error text", errorText},
	{"metadata beside an error", metadataBesideError},
	{"unknown method", unknownMethod},
	{"unknown service", unknownService},
	{"arguments of a wrong type", wrongType},
	{"a codec that nobody speaks", rawBytes},
	{"one-way", oneWay},
	{"one-way errors stay silent", oneWayErrors},
	{"heartbeat", heartbeat},
	{"timeout", timeout},
	{"1000 calls at once", thousand},
	{"1 MiB payload", mebibyte},
	{"gzip", gzip},
}

func multiplies(p *peer) error {
	for _, args := range []Args{{7, 8}, {-3, 40000}, {0, 0}, {1 << 31, -(1 << 31)}} {
		var reply Reply
		if err := p.invoke("Mul", &args, &reply); err != nil {
			return err
		}
		if err := expect(fmt.Sprint(args), reply.C, args.A*args.B); err != nil {
			return err
		}
	}
	return nil
}

func reversesString(p *peer) error {
	for text, expected := range map[string]string{"": "", "tenon": "nonet", "a\"\\\n\u2028<é€😀": "😀€é<\u2028\n\\\"a"} {
		var found string
		if err := p.invoke("Text", &text, &found); err != nil {
			return err
		}
		if err := expect("reversed text", found, expected); err != nil {
			return err
		}
	}
	return nil
}

func sendMixed(p *peer, sent Mixed) error {
	var found Mixed
	if err := p.invoke("Mixed", &sent, &found); err != nil {
		return err
	}
	if !found.When.Equal(sent.When) {
		return fmt.Errorf("time: expected %v, found %v", sent.When, found.When)
	}
	// Time zones and empty against nil containers are free; everything else is not.
	found.When = sent.When
	expected := sent
	expected.Inner.Name += "!"
	normalise(&expected)
	normalise(&found)
	if !reflect.DeepEqual(expected, found) {
		return fmt.Errorf("expected %+v, found %+v", expected, found)
	}
	return nil
}

func normalise(m *Mixed) {
	if len(m.Strings) == 0 {
		m.Strings = nil
	}
	if len(m.Counts) == 0 {
		m.Counts = nil
	}
	if len(m.Inner.Values) == 0 {
		m.Inner.Values = nil
	}
	if len(m.Data) == 0 {
		m.Data = nil
	}
}

func mixedMessage(p *peer) error {
	sent := Mixed{
		String: "grüße", Bool: true,
		I8: -128, I16: -32768, I32: -2147483648, I64: -9223372036854775808,
		U8: 255, U16: 65535, U32: 4294967295, U64: 18446744073709551615,
		F32: 1.5, F64: -2.5e-300,
		Strings: []string{"a", "", "c"},
		Counts:  map[string]int{"one": 1, "minus": -100000, "big": 1 << 40},
		Inner:   Nested{"inner", []int32{1, -1, 1 << 30}},
		When:    time.Date(2024, 2, 29, 23, 59, 59, 123456789, time.UTC),
		Data:    []byte{0, 1, 2, 254, 255},
	}
	if err := sendMixed(p, sent); err != nil {
		return err
	}
	// The three lengths of msgpack's timestamp: whole seconds, before 1970, and a zone that is not UTC for json.
	for _, when := range []time.Time{
		time.Unix(1700000000, 0), time.Date(1969, 7, 20, 20, 17, 40, 500000000, time.UTC),
		time.Date(2038, 1, 19, 3, 14, 8, 1000, time.FixedZone("", 5*3600+1800)),
	} {
		sent.When = when
		if err := sendMixed(p, sent); err != nil {
			return err
		}
	}
	return nil
}

// The time is the epoch: Go's own zero, the year 1, is outside what a std::chrono clock of nanoseconds can hold.
func mixedZeros(p *peer) error {
	return sendMixed(p, Mixed{When: time.Unix(0, 0)})
}

func withMetadata(request, response map[string]string) (context.Context, context.CancelFunc) {
	ctx := context.WithValue(context.Background(), share.ReqMetaDataKey, request)
	ctx = context.WithValue(ctx, share.ResMetaDataKey, response)
	return context.WithTimeout(ctx, patience)
}

func metadata(p *peer) error {
	request := map[string]string{"trace": "abc", "empty": "", "utf8": "grüße", "long": strings.Repeat("x", 3000)}
	response := map[string]string{}
	ctx, cancel := withMetadata(request, response)
	defer cancel()
	var reply Reply
	if err := p.Call(ctx, "Arith", "Meta", &Args{}, &reply); err != nil {
		return err
	}
	for key, value := range request {
		found, there := response["echo-"+key]
		if !there {
			return fmt.Errorf("response metadata lacks echo-%s", key)
		}
		if err := expect("echo-"+key, found, value); err != nil {
			return err
		}
	}
	return expect("keys the server saw", reply.C, len(request))
}

func errorText(p *peer) error {
	err := p.invoke("Fail", &Args{}, &Reply{})
	if err == nil {
		return errors.New("expected an error, found success")
	}
	if err := expect("error text", err.Error(), "no such thing"); err != nil {
		return err
	}
	if _, ok := err.(client.ServiceError); !ok {
		return fmt.Errorf("expected a ServiceError, found %T", err)
	}
	return p.usable()
}

func metadataBesideError(p *peer) error {
	response := map[string]string{}
	ctx, cancel := withMetadata(map[string]string{}, response)
	defer cancel()
	if err := p.Call(ctx, "Arith", "Fail", &Args{}, &Reply{}); err == nil {
		return errors.New("expected an error, found success")
	}
	return expect(protocol.ServiceError, response[protocol.ServiceError], "no such thing")
}

func refused(p *peer, err error, mention string) error {
	if err == nil {
		return errors.New("expected an error, found success")
	}
	if _, ok := err.(client.ServiceError); !ok {
		return fmt.Errorf("expected the server's error, found %T: %w", err, err)
	}
	if !strings.Contains(err.Error(), mention) {
		return fmt.Errorf("expected an error that mentions %q, found %q", mention, err)
	}
	return p.usable()
}

func unknownMethod(p *peer) error {
	return refused(p, p.invoke("Missing", &Args{}, &Reply{}), "Missing")
}

func unknownService(p *peer) error {
	return refused(p, p.invokeOn("Nowhere", "Mul", &Args{}, &Reply{}), "Nowhere")
}

func wrongType(p *peer) error {
	text := "seven"
	return refused(p, p.invoke("Mul", &text, &Reply{}), "")
}

// Serialisation 0 means raw bytes, which no method of the service takes.
func rawBytes(p *peer) error {
	option := p.option
	option.SerializeType = protocol.SerializeNone
	raw := &peer{address: p.address, option: option}
	if err := raw.connect(); err != nil {
		return err
	}
	defer raw.Close()
	// The reply object stays untouched by an error without a payload; bytes could take one with a payload.
	var reply []byte
	if err := raw.invoke("Mul", []byte("seven"), &reply); err == nil {
		return errors.New("expected an error, found success")
	}
	if raw.IsShutdown() {
		return errors.New("the server closed the connection")
	}
	return p.usable()
}

func thousand(p *peer) error {
	results := make(chan error, 1000)
	for i := range 1000 {
		go func() {
			var reply Reply
			err := p.invoke("Mul", &Args{i, i + 1}, &reply)
			if err == nil {
				err = expect(fmt.Sprintf("%d * %d", i, i+1), reply.C, i*(i+1))
			}
			results <- err
		}()
	}
	var first error
	for range 1000 {
		if err := <-results; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func mebibyte(p *peer) error {
	sent := Blob{Data: make([]byte, 1<<20), Text: strings.Repeat("tenon 0123456789", 1<<16)}
	for i := range sent.Data {
		sent.Data[i] = byte(i * 7)
	}
	for _, blob := range []Blob{{Data: sent.Data}, {Text: sent.Text}, {Data: sent.Data[:65536], Text: sent.Text[:65535]}} {
		var found Blob
		if err := p.invoke("Big", &blob, &found); err != nil {
			return err
		}
		if !bytes.Equal(blob.Data, found.Data) || blob.Text != found.Text {
			return fmt.Errorf("expected the same %d + %d bytes, found %d + %d", len(blob.Data), len(blob.Text), len(found.Data), len(found.Text))
		}
	}
	return nil
}

// rpcx compresses what is longer than 1024 bytes.
func gzip(p *peer) error {
	p.Close()
	p.option.CompressType = protocol.Gzip
	if err := p.connect(); err != nil {
		return err
	}
	sent, found := Blob{Text: strings.Repeat("tenon ", 1000)}, Blob{}
	err := p.invoke("Big", &sent, &found)
	if p.gzip == "refused" {
		return refused(p, err, "gzip")
	}
	if err != nil {
		return err
	}
	if err := expect("text", found.Text, sent.Text); err != nil {
		return err
	}
	return p.usable()
}
