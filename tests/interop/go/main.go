// Command peer is the foreign side of the interop tests: a server and a client made of the real rpcx module.
//
//	peer serve 127.0.0.1:0                        prints `listening HOST:PORT`, ends when stdin closes
//	peer call 127.0.0.1:9000 [served|refused]     runs every case against a server of the same service; the last word
//	                                              says what the server does with gzip
//	peer invoke 127.0.0.1:9000 Arith Mul '{"A":6,"B":7}'
//	                                              makes one call and prints the answer as JSON
package main

import (
	"fmt"
	"os"
)

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 2 && arguments[0] == "serve":
		os.Exit(serve(arguments[1]))
	case len(arguments) == 2 && arguments[0] == "call":
		os.Exit(callAll(arguments[1], "served"))
	case len(arguments) == 3 && arguments[0] == "call" && (arguments[2] == "served" || arguments[2] == "refused"):
		os.Exit(callAll(arguments[1], arguments[2]))
	case len(arguments) == 5 && arguments[0] == "invoke":
		os.Exit(invoke(arguments[1], arguments[2], arguments[3], arguments[4]))
	}
	fmt.Fprintln(os.Stderr, "usage: peer serve HOST:PORT | peer call HOST:PORT [served|refused] | peer invoke HOST:PORT SERVICE METHOD JSON")
	os.Exit(2)
}
