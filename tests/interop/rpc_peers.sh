# JSON-RPC and MessagePack-RPC against their foreign peers: read by run.sh, whose functions it uses.

# What it printed says whether the registry, and not the peer, is to blame.
registry_is_silent() {
  grep -Eq 'dial tcp|lookup |proxyconnect|connection (refused|reset)|i/o timeout|TLS handshake|x509:|module lookup disabled|toolchain not available|(Get|reading) "?https?://|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTCACHED' "$1"
}

# The same of a Go that is older than what go.mod asks for; before 1.21 it does not even read the number.
go_is_too_old() {
  grep -Eq 'invalid go version|requires go >= ' "$1"
}

# build_rpc_peer NAME FOLDER COMMAND...: in a copy of the folder; says why not, and fails when that is nobody's fault here.
build_rpc_peer() {
  name=$1
  cp -R "$here/$2" "$work/$2" || return 1
  folder=$work/$2
  shift 2
  (cd "$folder" && limited 300 "$@") >"$work/build" 2>&1
  code=$?
  if [ "$code" -eq 0 ]; then return 0; fi
  if [ "$code" -eq 124 ] || registry_is_silent "$work/build"; then
    echo "skipped: $name (registry does not answer)"
    return 1
  fi
  if go_is_too_old "$work/build"; then
    echo "skipped: $name (needs Go 1.23, found $(go env GOVERSION))"
    return 1
  fi
  sed 's/^/  | /' "$work/build"
  fail "$name does not build"
  return 1
}

if [ "$binaries" != self ]; then
  for program in rpc_server rpc_client; do
    if [ ! -x "$binaries/$program" ]; then
      echo "interop: $binaries/$program is missing; build the targets rpc_server and rpc_client first" >&2
      exit 1
    fi
  done

  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "skipped: jayson, vscode-jsonrpc (no node or npm)"
  elif build_rpc_peer "jayson, vscode-jsonrpc" node_jsonrpc npm ci --no-audit --no-fund; then
    peer=$work/node_jsonrpc/peer.js
    if start_server "$binaries/rpc_server"; then
      run_cases "jayson and vscode-jsonrpc clients, tenon server" node "$peer" call "$address"
      stop_server
    fi
    if start_server node "$peer" serve lines; then
      run_cases "tenon client, jayson server" "$binaries/rpc_client" "jsonrpc+tcp://$address"
      stop_server
    fi
    if start_server node "$peer" serve headers; then
      run_cases "tenon client, vscode-jsonrpc server" "$binaries/rpc_client" "jsonrpc+lsp+tcp://$address"
      stop_server
    fi
  fi
  summary "jayson 5.0.0, vscode-jsonrpc 8.2.1"

  if ! command -v go >/dev/null 2>&1; then
    echo "skipped: neovim-go-client (no Go toolchain)"
  elif build_rpc_peer neovim-go-client go_msgpack_rpc go build -buildvcs=false -o peer .; then
    peer=$work/go_msgpack_rpc/peer
    if start_server "$binaries/rpc_server"; then
      run_cases "Neovim's Go client, tenon server" "$peer" call "$address"
      stop_server
    fi
    if start_server "$peer" serve; then
      run_cases "tenon client, a server on Neovim's Go endpoint" "$binaries/rpc_client" "msgpackrpc://$address"
      stop_server
    fi
  fi
  summary "neovim-go-client v1.2.1"
fi
