#!/bin/sh
# System calls per call of tenon's echo server beside a load, by strace: at w2 and w3, by epoll and by io_uring, and of raw asio's. It takes the programs that sh tests/bench/run.sh has built.
# usage: sh tests/bench/system_calls.sh        $TENON_BENCH_DIR (build-bench) is where they are
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
programs=${TENON_BENCH_DIR:-$root/build-bench}/bin
work=$(mktemp -d)
server=""
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null; fi; rm -rf "$work"' EXIT
command -v strace >/dev/null || { echo "strace is missing: apt-get install strace"; exit 1; }

measure() { # <server> <connections> <in flight> <bytes>
  if [ ! -x "$programs/$1" ]; then
    echo "skipped: $1 was not built"
    return
  fi
  "$programs/$1" >"$work/port" &
  server=$!
  sleep 0.5
  strace -f -c -p $server -o "$work/counted" 2>/dev/null &
  tracer=$!
  sleep 0.5
  "$programs/$(echo "$1" | sed 's/server.*/client/')" port="$(sed 's/.*://' "$work/port")" connections="$2" in_flight="$3" bytes="$4" seconds=2 warm_up=0.001 >"$work/load"
  kill -INT $tracer
  wait $tracer || true
  kill $server
  wait $server 2>/dev/null || true
  server=""
  calls=$(sed 's/calls_per_second=\([0-9]*\).*/\1/' "$work/load")
  awk -v name="$1" -v shape="$2 x $3 x $4" -v calls=$((calls * 2)) '$NF == "total" { printf "%-28s %-14s %.3f system calls per call\n", name, shape, $4 / calls; found = 1 }
    END { exit !found }' "$work/counted" || { cat "$work/counted"; exit 1; }
}
measure tenon_echo_server 1 64 64
measure tenon_echo_server 64 16 581
measure tenon_echo_server_io_uring 64 16 581
measure asio_server 64 16 581
