#!/bin/sh
# The examples, from a bare Debian 12 on: installs what is missing, builds them, then starts the market server and calls it
# three ways. Ends with 0 when every call was answered.
# usage: sh examples/run.sh        TENON_BUILD_DIR: where to build (default: build, in the repository)
set -u
cd "$(dirname "$0")/.." || exit 1

build=${TENON_BUILD_DIR:-build}/examples
mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd)
failed=0
server_pid=""

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
indented() { awk '{ print "    " $0 }'; }

# Runs a command as a newcomer would type it: shows it, then what it prints.
show() { # <what is shown> <command>...
  printf '  $ %s\n' "$1"
  shift
  if "$@" >"$build/answer" 2>&1; then
    indented <"$build/answer"
    return 0
  fi
  indented <"$build/answer"
  echo "    (this call failed)"
  failed=1
  return 1
}

stop_server() {
  exec 9>&-
  if [ -n "$server_pid" ]; then
    # Closing its stdin asks it to stop; whoever does not hear that is told again.
    (sleep 5 && kill "$server_pid") >/dev/null 2>&1 9>&- &
    watcher=$!
    wait "$server_pid"
    server_code=$?
    kill "$watcher" 2>/dev/null
    server_pid=""
  fi
}
trap stop_server EXIT
trap 'exit 1' INT TERM

say "1. What is needed"
sh tests/install_packages.sh "to compile the examples" g++ cmake ninja-build curl \
  libasio-dev libboost-dev libmsgpack-cxx-dev nlohmann-json3-dev || exit 1
echo "  a C++20 compiler, asio, Boost headers, msgpack and json: here"

say "2. Building three of the examples (each takes some seconds)"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTENON_TESTS=OFF -DTENON_EXAMPLES=ON >"$build/configure" 2>&1 || {
  cat "$build/configure"
  exit 1
}
NINJA_STATUS='  [%f/%t] ' cmake --build "$build" --target example_hello example_market_server example_market_client || exit 1
programs=$build/examples

say "3. hello: a server and its client in one process"
show "./hello" "$programs/hello"

say "4. The market server, and three callers who never met"
rm -f "$build/stdin" "$build/server"
mkfifo "$build/stdin" || exit 1
"$programs/market_server" 0 <"$build/stdin" >"$build/server" 2>&1 9>&- &
server_pid=$!
exec 9>"$build/stdin"

# The server picks a free port and says which.
url=""
tries=0
while [ -z "$url" ] && [ $tries -lt 100 ] && kill -0 "$server_pid" 2>/dev/null; do
  url=$(sed -n 's/.*listening on \(tcp:[^ ]*\).*/\1/p' "$build/server" | head -n 1)
  [ -n "$url" ] || sleep 0.1
  tries=$((tries + 1))
done
if [ -z "$url" ]; then
  echo "  the market server did not say where it listens; it said:"
  indented <"$build/server"
  exit 1
fi
address=${url#tcp://}
echo "  \$ ./market_server 0 &"
echo "    listening on $url"

say "   our typed client: member functions, checked by the compiler"
show "./market_client $url" "$programs/market_client" "$url"

say "   curl: the same service is JSON over HTTP on the same port"
show "curl -d '\"ACME\"' http://$address/market/last" \
  curl -sS --fail-with-body -m 10 -d '"ACME"' "http://$address/market/last"
show "curl -d '[\"ACME\", 3]' http://$address/market/buy" \
  curl -sS --fail-with-body -m 10 -d '["ACME", 3]' "http://$address/market/buy"

say "   Go: the real rpcx client, which knows nothing of tenon"
if ! command -v go >/dev/null 2>&1; then
  echo "  left out: there is no Go on this machine (1.21 or later; https://go.dev/dl)"
elif ! (cd tests/interop/go && timeout 300 go build -o "$build/peer" .) >"$build/go" 2>&1; then
  echo "  left out: Go could not build the client:"
  tail -n 3 "$build/go" | indented
else
  show "peer invoke $address market last '\"ACME\"'" "$build/peer" invoke "$address" market last '"ACME"'
fi

stop_server
if [ "$server_code" != 0 ]; then
  echo
  echo "The market server ended with $server_code; it said:"
  indented <"$build/server"
  failed=1
fi

if [ $failed = 0 ]; then
  say "That was it. Next: read examples/hello.cpp, change it, and run this again."
else
  say "Something above did not work as it should."
fi
exit $failed
