#!/bin/sh
# Encoding and decoding of two messages: each codec of tenon against the library that people use for that format, in turns in one process.
# usage: sh tests/bench/run_codec.sh [msgpack|json|protobuf]...
# The compiler is $CXX (g++), at -O2; binaries go to $TENON_BUILD_DIR (build), in bench/. Protobuf needs protoc and libprotobuf.
set -eu

compiler=${CXX:-g++}
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
binaries=${TENON_BUILD_DIR:-build}/bench
mkdir -p "$binaries"
if [ $# -eq 0 ]; then set -- msgpack json protobuf; fi

for codec in "$@"; do
  source=tests/bench/codec_$codec.cpp
  if [ ! -f "$source" ]; then
    echo "skipped: $codec (no $source)"
    continue
  fi
  more=""
  if [ "$codec" = protobuf ]; then
    if ! command -v protoc >/dev/null 2>&1 || ! pkg-config --exists protobuf 2>/dev/null; then
      echo "skipped: protobuf (no protoc, or no libprotobuf)"
      continue
    fi
    protoc --proto_path=tests/bench --cpp_out="$binaries" tests/bench/codec.proto
    more="$binaries/codec.pb.cc -I $binaries $(pkg-config --cflags --libs protobuf)"
  fi
  # shellcheck disable=SC2086 # lists
  "$compiler" -std=c++20 -O2 -DNDEBUG -DMSGPACK_NO_BOOST ${CXXFLAGS:-} -I include "$source" -o "$binaries/codec_$codec" $more -pthread
  "$binaries/codec_$codec"
  echo
done
