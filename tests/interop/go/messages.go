package main

import "time"

// The messages of the service. Their field names are the names on the wire: rpcx's msgpack codec knows no tags.

type Args struct{ A, B int }

type Reply struct{ C int }

type Blob struct {
	Data []byte
	Text string
}

type Nested struct {
	Name   string
	Values []int32
}

type Mixed struct {
	String  string
	Bool    bool
	I8      int8
	I16     int16
	I32     int32
	I64     int64
	U8      uint8
	U16     uint16
	U32     uint32
	U64     uint64
	F32     float32
	F64     float64
	Strings []string
	Counts  map[string]int
	Inner   Nested
	When    time.Time
	Data    []byte
}
