# Connect, JSON-RPC over HTTP and gRPC-Web against their foreign clients: read by run.sh, whose functions it uses, and build_rpc_peer.

if [ "$binaries" != self ]; then
  if [ ! -x "$binaries/http_server" ]; then
    echo "interop: $binaries/http_server is missing; build the target http_server first" >&2
    exit 1
  fi
  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "skipped: connect-node (no node or npm)"
  elif build_rpc_peer connect-node node_http npm ci --no-audit --no-fund; then
    peer=$work/node_http/peer.js
    if start_server "$binaries/http_server"; then
      run_cases "connect-node, tenon server" node "$peer" connect "$address"
      run_cases "jayson over HTTP, tenon server" node "$peer" jsonrpc "$address"
      run_cases "gRPC-Web of connect-node, tenon server" node "$peer" grpcweb "$address"
      stop_server
    fi
  fi
  summary "connect-node 2.0.1, jayson 5.0.0"
fi
