# gRPC against grpc-go and its own interoperability cases, both ways: read by run.sh, whose functions it uses.

if [ "$binaries" != self ]; then
  if [ ! -x "$binaries/grpc_server" ] || [ ! -x "$binaries/grpc_client" ]; then
    echo "skipped: grpc-go (tenon::grpc was not built: libnghttp2 is missing)"
  elif ! command -v go >/dev/null 2>&1; then
    echo "skipped: grpc-go (no Go toolchain)"
  elif build_rpc_peer grpc-go go_grpc go build -buildvcs=false -o peer .; then
    peer=$work/go_grpc/peer
    if start_server "$binaries/grpc_server"; then
      run_cases "grpc-go client, tenon server" "$peer" call "$address"
      stop_server
    fi
    if start_server "$peer" serve; then
      run_cases "tenon client, grpc-go server" "$binaries/grpc_client" "grpc://$address"
      stop_server
    fi
  fi
  summary "grpc-go 1.67.1, unary and streaming cases"
fi
