#!/bin/sh
# The benchmark: builds tenon's and its peers' programs, runs them side by side and draws charts. README.md says what is measured and how.
# usage: sh tests/bench/run.sh [--quick] [--list] [--rounds N] [--seconds S] [workload...]
# The compiler is $CXX (g++); programs go to $TENON_BENCH_DIR (build-bench). The first build takes some minutes, the default set of workloads less than ten.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${TENON_BENCH_DIR:-$root/build-bench}
cache=""
if command -v ccache >/dev/null 2>&1; then cache="-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi
make=""
if command -v ninja >/dev/null 2>&1; then make="-G Ninja"; fi

mkdir -p "$build"
# shellcheck disable=SC2086 # nothing, or words
if ! cmake -S "$root/tests/bench" -B "$build" $make $cache -DCMAKE_CXX_COMPILER="${CXX:-g++}" >"$build/build.log" 2>&1 || ! cmake --build "$build" -j "$(nproc)" >>"$build/build.log" 2>&1; then
  cat "$build/build.log" >&2
  exit 1
fi
exec python3 "$root/tests/bench/run.py" "$build" "$@"
