#!/bin/sh
# gRPC servers side by side, under the same load program (h2load): calls per second, median of interleaved runs.
# usage: sh tests/bench/grpc/run.sh [rounds] [seconds]      default: 5 rounds of 2 seconds per workload
# needs: g++, libnghttp2-dev, nghttp2-client, libgrpc++-dev, protobuf-compiler, protobuf-compiler-grpc
set -eu

here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-5}
seconds=${2:-2}
work=$(mktemp -d)
servers=
trap 'for s in $servers; do kill $s 2>/dev/null || true; done; rm -rf "$work"' EXIT

echo "building"
protoc -I "$here" --cpp_out="$work" --grpc_out="$work" --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" "$here/echo.proto"
g++ -std=c++20 -O3 -I "$here/../../../include" -DMSGPACK_NO_BOOST "$here/server.cpp" -o "$work/tenon" -lnghttp2 -pthread
g++ -std=c++17 -O3 -I "$work" "$here/peer_server.cpp" "$work/echo.pb.cc" "$work/echo.grpc.pb.cc" -o "$work/grpc++" $(pkg-config --cflags --libs grpc++ protobuf) -pthread

for which in tenon grpc++; do
  mkfifo "$work/$which.input"
  taskset -c 0 "$work/$which" <"$work/$which.input" >"$work/$which.address" &
  servers="$servers $!"
  eval "exec $(( $(echo "$servers" | wc -w) + 6 ))>\"$work/$which.input\""
done
sleep 0.5

# A message of so many bytes: gRPC's prefix, then protobuf's field 1.
python3 - "$work" <<'PY'
import struct, sys
for size in (64, 581):
    body = b"\x0a" + (bytes([size]) if size < 128 else bytes([size & 0x7f | 0x80, size >> 7])) + bytes(i % 251 for i in range(size))
    open(f"{sys.argv[1]}/{size}.bin", "wb").write(b"\0" + struct.pack(">I", len(body)) + body)
PY

measure() { # <which> <connections> <in flight> <bytes>
  port=$(sed 's/.*://' "$work/$1.address")
  taskset -c 1 h2load -D "$seconds" -c "$2" -m "$3" -d "$work/$4.bin" -H 'content-type: application/grpc' -H 'te: trailers' \
    "http://127.0.0.1:$port/bench.Echo/Say" 2>/dev/null | sed -n 's/^finished in .*s, \([0-9.]*\) req.*/\1/p' >>"$work/$1.$2.$3.$4"
}

for load in "1 1 64" "1 64 64" "64 16 64" "64 16 581"; do
  set -- $load
  round=0
  while [ $round -lt "$rounds" ]; do
    for which in tenon grpc++; do measure $which "$1" "$2" "$3"; done
    round=$((round + 1))
  done
  ours=$(sort -n "$work/tenon.$1.$2.$3" | sed -n "$((rounds / 2 + 1))p")
  theirs=$(sort -n "$work/grpc++.$1.$2.$3" | sed -n "$((rounds / 2 + 1))p")
  awk -v c="$1" -v m="$2" -v b="$3" -v o="$ours" -v t="$theirs" 'BEGIN { printf "%3d x %-3d %4d B   tenon %9.0f/s   gRPC C++ %9.0f/s   ratio %.2f\n", c, m, b, o, t, o / t }'
done
