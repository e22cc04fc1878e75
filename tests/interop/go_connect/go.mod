module interop/go_connect

go 1.23.0

require (
	connectrpc.com/connect v1.18.1
	google.golang.org/protobuf v1.36.4
)
