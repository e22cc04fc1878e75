package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
)

// invoke makes one call to any service in msgpack; the arguments and the answer are shown as JSON.
func invoke(address, service, method, arguments string) int {
	log.SetDummyLogger()
	answer, err := invokeOnce(address, service, method, arguments)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	fmt.Println(answer)
	return 0
}

func invokeOnce(address, service, method, arguments string) (string, error) {
	decoder := json.NewDecoder(bytes.NewBufferString(arguments))
	decoder.UseNumber()
	var args, reply any
	if err := decoder.Decode(&args); err != nil {
		return "", fmt.Errorf("the arguments are not JSON: %w", err)
	}
	c := client.NewClient(client.DefaultOption)
	if err := c.Connect("tcp", address); err != nil {
		return "", err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Call(ctx, service, method, numbers(args), &reply); err != nil {
		return "", err
	}
	answer, err := json.Marshal(reply)
	return string(answer), err
}

// numbers makes integers of what is written as one: in msgpack, 3.0 is no integer.
func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return value
}
