#!/bin/sh
# Makes ./peer: prints the .proto, has protoc generate Go from it, as anybody would, and compiles main.go with that.
# usage: sh build.sh GRPC_DESK_SERVER   in this folder, or a copy of it
set -e
mkdir -p proto deskpb
"$1" proto >proto/desk.proto
go build -buildvcs=false -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
# The .proto names no Go package, which is the caller's to choose: M does.
PATH=$PWD/bin:$PATH protoc -I proto --go_out=. --go_opt=module=desk,Mdesk.proto=desk/deskpb --go-grpc_out=. --go-grpc_opt=module=desk,Mdesk.proto=desk/deskpb proto/desk.proto
go build -buildvcs=false -o peer .
