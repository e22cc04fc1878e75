#!/bin/sh
# Foreign peers against tenon: the real rpcx module in Go, as client and as server, curl, and Python's msgpack.
# usage: sh tests/interop/run.sh BINARIES   where BINARIES holds rpcx_server and rpcx_client
#        sh tests/interop/run.sh self       the Go peer against itself: shows that the cases are right
# A peer that cannot be had here is reported as skipped and fails nothing.
set -u

here=$(cd "$(dirname "$0")" && pwd)
rpcx_version=v1.9.1
case ${1:-} in
  '')
    echo "usage: sh tests/interop/run.sh BINARIES | self" >&2
    exit 2
    ;;
  self) binaries=self ;;
  *)
    for program in rpcx_server rpcx_client; do
      if [ ! -x "$1/$program" ]; then
        echo "interop: $1/$program is missing; build the targets rpcx_server and rpcx_client first" >&2
        exit 1
      fi
    done
    binaries=$(cd "$1" && pwd)
    ;;
esac

work=$(mktemp -d)
server=
ok=0
failed=0
all_failed=0

clean_up() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null; fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

pass() {
  echo "  ok $1"
  ok=$((ok + 1))
}

fail() {
  echo "  FAIL $1"
  failed=$((failed + 1))
}

# The last line of a group of cases.
summary() {
  echo "interop $1: $ok ok, $failed failed"
  all_failed=$((all_failed + failed))
  ok=0
  failed=0
}

# start_server COMMAND...: sets `address` to what it prints. Its standard input stays open on descriptor 9 until stop_server.
start_server() {
  rm -f "$work/input"
  mkfifo "$work/input"
  : >"$work/listening"
  "$@" <"$work/input" >"$work/listening" &
  server=$!
  exec 9>"$work/input"
  waited=0
  while :; do
    address=$(sed -n 's/^listening //p' "$work/listening")
    if [ -n "$address" ]; then return 0; fi
    waited=$((waited + 1))
    if [ "$waited" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
      fail "$(basename "$1") did not print where it listens"
      stop_server
      return 1
    fi
    sleep 0.1
  done
}

# Closing its standard input ends a server, with exit code 0 and within ten seconds.
stop_server() {
  exec 9>&-
  waited=0
  while kill -0 "$server" 2>/dev/null; do
    waited=$((waited + 1))
    if [ "$waited" -gt 100 ]; then
      fail "the server does not end when its standard input closes"
      kill -9 "$server" 2>/dev/null
      break
    fi
    sleep 0.1
  done
  wait "$server" 2>/dev/null
  code=$?
  server=
  if [ "$code" -ne 0 ]; then fail "the server ended with exit code $code"; fi
}

# run_cases NAME COMMAND...: a client that prints a line for each case.
run_cases() {
  echo "$1"
  shift
  limited 120 "$@" 9>&- >"$work/cases" 2>"$work/errors"
  code=$?
  sed 's/^/  /' "$work/cases"
  ok=$((ok + $(grep -c '^ok ' "$work/cases")))
  found=$(grep -c '^FAIL ' "$work/cases")
  failed=$((failed + found))
  if [ "$code" -eq 124 ]; then
    fail "the client did not end within two minutes"
  elif [ "$code" -ne 0 ] && [ "$found" -eq 0 ]; then
    fail "the client ended with exit code $code"
  fi
  if [ "$code" -ne 0 ]; then sed 's/^/  | /' "$work/errors"; fi
}

has_zlib() { ldd "$1" 2>/dev/null | grep -q 'libz\.'; }

limited() {
  if command -v timeout >/dev/null 2>&1; then
    timeout "$@"
  else
    shift
    "$@"
  fi
}

# Builds the Go peer; says why not and fails when that is nobody's fault here.
build_peer() {
  if ! command -v go >/dev/null 2>&1; then
    echo "skipped: rpcx-go (no Go toolchain)"
    return 1
  fi
  # Before 1.21 go neither reads this go.mod nor fetches a newer toolchain.
  release=$(go env GOVERSION 2>/dev/null)
  minor=$(echo "$release" | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  if [ -n "$minor" ] && [ "$minor" -lt 21 ]; then
    echo "skipped: rpcx-go (needs Go 1.23, found $release)"
    return 1
  fi
  echo "building the rpcx peer with $release; a first time fetches its modules"
  (cd "$here/go" && limited 300 go build -buildvcs=false -o "$work/peer" .) >"$work/build" 2>&1
  code=$?
  if [ "$code" -eq 0 ]; then return 0; fi
  if [ "$code" -eq 124 ] || grep -Eq 'dial tcp|lookup |proxyconnect|connection (refused|reset)|i/o timeout|TLS handshake|x509:|module lookup disabled|toolchain not available|(Get|reading) "?https?://' "$work/build"; then
    echo "skipped: rpcx-go (module proxy does not answer)"
    return 1
  fi
  sed 's/^/  | /' "$work/build"
  fail "the rpcx peer does not build"
  summary "rpcx-go $rpcx_version"
  return 1
}

# curl_case NAME STATUS TEXT ARGUMENTS...: the answer's status, and TEXT somewhere in its head or body.
curl_case() {
  name=$1
  status=$2
  text=$3
  shift 3
  found=$(curl -sS --max-time 10 -D "$work/head" -o "$work/body" -w '%{http_code}' "$@" 2>"$work/errors" 9>&-)
  if [ "$found" != "$status" ]; then
    fail "$name: expected status $status, found $found: $(cat "$work/body" "$work/errors" 2>/dev/null | head -c 300)"
  elif ! cat "$work/head" "$work/body" 2>/dev/null | tr -d '\r' | grep -qiF -- "$text"; then
    fail "$name: expected '$text', found: $(head -c 300 "$work/body")"
  else
    pass "$name"
  fi
  rm -f "$work/head" "$work/body"
}

curl_cases() {
  url=http://$address
  quote='{"symbol":"ACME","price":42.5}'
  curl_case "the one parameter's bare value" 200 "$quote" -d '"ACME"' "$url/market/last"
  curl_case "a positional array" 200 '"price":127.5' -d '["ACME", 3]' "$url/market/buy"
  curl_case "an object by parameter names" 200 '"price":127.5' -d '{"shares": 3, "symbol": "ACME"}' "$url/market/buy"
  curl_case "a struct" 200 '{"C":42}' -d '{"A":6,"B":7}' "$url/Arith/Mul"
  curl_case "content type of the answer" 200 'content-type: application/json' -H 'Content-Type: application/json' -d '"ACME"' "$url/market/last"
  curl_case "metadata both ways" 200 'echo-trace: abc' -H 'trace: abc' -d '{}' "$url/Arith/Meta"

  curl_case "a handler's error" 404 'no such symbol: NONE' -d '"NONE"' "$url/market/last"
  curl_case "its code by name" 404 '"code":"not_found"' -d '"NONE"' "$url/market/last"
  curl_case "an invalid argument" 400 '"code":"invalid_argument"' -d '["ACME", 0]' "$url/market/buy"
  curl_case "a wrong type" 400 shares -d '["ACME", "three"]' "$url/market/buy"
  curl_case "not json" 400 invalid_argument -d '{"A":' "$url/Arith/Mul"
  curl_case "an empty body" 400 invalid_argument -X POST "$url/market/last"
  curl_case "unknown method" 404 none -d '{}' "$url/market/none"
  curl_case "unknown service" 404 nowhere -d '{}' "$url/nowhere/last"
  curl_case "unknown path" 404 '"code"' -d '{}' "$url/"
  curl_case "GET is refused" 405 'allow: POST' "$url/market/last"
  curl_case "HEAD is refused" 405 'allow: POST' -I "$url/market/last"
  curl_case "a deadline" 504 deadline_exceeded -H 'Connect-Timeout-Ms: 50' -d '{"A":2000}' "$url/Arith/Slow"

  curl_case "HTTP/1.0" 200 "$quote" --http1.0 -d '"ACME"' "$url/market/last"
  curl_case "a chunked body" 200 "$quote" -H 'Transfer-Encoding: chunked' -d '"ACME"' "$url/market/last"
  awk 'BEGIN { printf "{\"Text\":\""; for (i = 0; i < 65536; i++) printf "0123456789abcdef"; printf "\"}" }' >"$work/mebibyte"
  curl_case "1 MiB" 200 0123456789abcdef --data-binary "@$work/mebibyte" "$url/Arith/Big"
  curl_case "1 MiB in chunks" 200 0123456789abcdef -H 'Transfer-Encoding: chunked' --data-binary "@$work/mebibyte" "$url/Arith/Big"
  awk 'BEGIN { printf "\""; for (i = 0; i < 524288; i++) printf "0123456789abcdef"; printf "\"" }' >"$work/eight_mebibytes"
  curl_case "8 MiB is over the limit" 413 resource_exhausted --data-binary "@$work/eight_mebibytes" "$url/Arith/Text"

  # curl sends a body without its 100 after a second, so a case by status alone would pass.
  curl -sSv --max-time 10 -H 'Expect: 100-continue' -d '"ACME"' -o "$work/body" "$url/market/last" 2>"$work/errors" 9>&-
  if grep -q '^< HTTP/1.1 100' "$work/errors" && grep -qF "$quote" "$work/body"; then
    pass "Expect: 100-continue"
  else
    fail "Expect: 100-continue: no 100, or no answer after it: $(head -c 300 "$work/body")"
  fi

  # Connections opened for each of three requests: one, then none, also after an error.
  opened=$(curl -sS --max-time 10 -d '"NONE"' -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects}' "$url/market/last" "$url/market/none" "$url/market/last" 9>&-)
  if [ "$opened" = 100 ]; then pass "keep-alive"; else fail "keep-alive: expected connections opened 100, found $opened"; fi
}

# What rpcx's gateway answers, of whichever server: Go's own shows that the cases are right.
gateway_cases() {
  set -- -H 'X-RPCX-Version: 0' -H 'X-RPCX-MessageID: 12345678' -H 'X-RPCX-SerializeType: 1'
  curl_case "gateway: a call" 200 '{"C":42}' "$@" -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: Mul' -d '{"A":6,"B":7}' "http://$address/"
  curl_case "gateway: the service in the path, by PUT" 200 '{"C":42}' "$@" -X PUT -H 'X-RPCX-ServiceMethod: Mul' -d '{"A":6,"B":7}' "http://$address/Arith"
  for repeated in 'X-RPCX-MessageID: 12345678' 'X-RPCX-ServicePath: Arith' 'X-RPCX-ServiceMethod: Mul' 'X-RPCX-SerializeType: 1' 'X-RPCX-Version: 0'; do
    curl_case "gateway: $repeated is repeated" 200 "$repeated" "$@" -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: Mul' -d '{"A":6,"B":7}' "http://$address/"
  done
  curl_case "gateway: metadata both ways" 200 'X-RPCX-Meta: echo-trace=a+b%26c' "$@" -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: Meta' -H 'X-RPCX-Meta: trace=a+b%26c' -d '{}' "http://$address/"
  curl_case "gateway: an error's status" 500 'X-RPCX-MessageStatusType: Error' "$@" -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: Fail' -d '{}' "http://$address/"
  curl_case "gateway: an error's message" 500 'X-RPCX-ErrorMessage:' "$@" -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: Fail' -d '{}' "http://$address/"
  curl_case "gateway: an unknown method" 500 'X-RPCX-MessageStatusType: Error' "$@" -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: None' -d '{}' "http://$address/"
  curl_case "gateway: no method" 200 'X-RPCX-ErrorMessage: empty servicemethod' "$@" -H 'X-RPCX-ServicePath: Arith' -d '{}' "http://$address/"
  curl_case "gateway: no service" 200 'X-RPCX-ErrorMessage: empty servicepath' "$@" -H 'X-RPCX-ServiceMethod: Mul' -d '{}' "http://$address/"
}

if build_peer; then
  if [ "$binaries" = self ]; then
    if start_server "$work/peer" serve 127.0.0.1:0; then
      run_cases "Go client, Go server" "$work/peer" call "$address" served
      stop_server
    fi
  else
    if start_server "$binaries/rpcx_server"; then
      run_cases "Go client, tenon server" "$work/peer" call "$address" refused
      stop_server
    fi
    if ! has_zlib "$binaries/rpcx_server"; then
      echo "skipped: rpcx-go with gzip (built without zlib)"
    elif start_server "$binaries/rpcx_server" gzip; then
      run_cases "Go client, tenon server with gzip" "$work/peer" call "$address" served
      stop_server
    fi
    if start_server "$work/peer" serve 127.0.0.1:0; then
      run_cases "tenon client, Go server" "$binaries/rpcx_client" "tcp://$address"
      if command -v curl >/dev/null 2>&1; then
        echo "curl, Go server's gateway"
        gateway_cases
      fi
      stop_server
    fi
  fi
  summary "rpcx-go $rpcx_version"
fi

if [ "$binaries" != self ]; then
  if ! command -v curl >/dev/null 2>&1; then
    echo "skipped: curl (not installed)"
  elif start_server "$binaries/rpcx_server"; then
    echo "curl, tenon server"
    curl_cases
    stop_server
    if start_server "$binaries/rpcx_server" gateway; then
      echo "curl, tenon server's gateway for rpcx"
      gateway_cases
      stop_server
    fi
    summary curl
  else
    summary curl
  fi
fi

if [ "$binaries" != self ] && [ -x "$binaries/msgpack_values" ]; then
  if ! command -v python3 >/dev/null 2>&1 || ! python3 -m venv "$work/python" >/dev/null 2>&1; then
    echo "skipped: msgpack-python (no python3 with venv)"
  elif ! limited 120 "$work/python/bin/pip" install --quiet msgpack >"$work/pip" 2>&1; then
    echo "skipped: msgpack-python (the package index does not answer)"
  else
    run_cases "msgpack of Python" "$work/python/bin/python" "$here/msgpack_values.py" "$binaries/msgpack_values"
    summary msgpack-python
  fi
fi

. "$here/rpc_peers.sh"
. "$here/grpc_peers.sh"
. "$here/grpc_services.sh"
. "$here/http_peers.sh"
. "$here/websocket_peers.sh"

[ "$all_failed" -eq 0 ]
