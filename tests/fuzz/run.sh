#!/bin/sh
# The fuzzers, one after the other: libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer, from seeds that each fuzzer writes itself.
# usage: sh tests/fuzz/run.sh [SECONDS [FUZZER...]]   10 seconds each and all of them, unless said otherwise; 600 is a thorough run
# The compiler is $FUZZ_CXX (clang++-19, else clang++). What is built, and each corpus as it grew, lies in $TENON_BUILD_DIR (build), in fuzz/; so does an input that
# stops a fuzzer. A fuzzer that cannot be built here is reported as skipped.
set -u

cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-10}
if [ $# -gt 0 ]; then shift; fi
if [ $# -eq 0 ]; then
  for source in tests/fuzz/*.cpp; do set -- "$@" "$(basename "$source" .cpp)"; done
fi

compiler=${FUZZ_CXX:-}
for name in clang++-19 clang++; do
  if [ -z "$compiler" ] && command -v $name >/dev/null 2>&1; then compiler=$name; fi
done
work=${TENON_BUILD_DIR:-build}/fuzz
mkdir -p "$work" || exit 1
work=$(cd "$work" && pwd)
launcher=""
if command -v ccache >/dev/null 2>&1; then launcher=ccache; fi

flags="-std=c++20 -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DMSGPACK_NO_BOOST"
echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' >"$work/nothing.cpp"
if [ -z "$compiler" ] || ! "$compiler" -fsanitize=fuzzer,address,undefined "$work/nothing.cpp" -o "$work/nothing" 2>/dev/null; then
  echo "skipped: fuzzers (no clang with libFuzzer)"
  exit 0
fi

failed=0
for fuzzer in "$@"; do
  libraries=$(sed -n "1s/.* Links \(.*\)\.\$/\1/p" "tests/fuzz/$fuzzer.cpp" | tr -d "," | sed "s/[a-z0-9]\{1,\}/-l&/g")
  # shellcheck disable=SC2086 # a list
  if [ -n "$libraries" ] && ! "$compiler" $libraries -fsanitize=fuzzer "$work/nothing.cpp" -o "$work/nothing" 2>/dev/null; then
    echo "skipped: $fuzzer (no library for $libraries)"
    continue
  fi
  # shellcheck disable=SC2086 # a list
  if ! $launcher "$compiler" $flags -I include -c "tests/fuzz/$fuzzer.cpp" -o "$work/$fuzzer.o" ||
    ! "$compiler" -fsanitize=fuzzer,address,undefined "$work/$fuzzer.o" $libraries -o "$work/$fuzzer"; then
    echo "FAIL $fuzzer does not build"
    failed=1
    continue
  fi
  mkdir -p "$work/$fuzzer.corpus" "$work/$fuzzer.seeds"
  TENON_FUZZ_SEEDS=$work/$fuzzer.seeds "$work/$fuzzer" || failed=1
  if "$work/$fuzzer" -max_total_time="$seconds" -max_len=8192 -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/$fuzzer." \
    "$work/$fuzzer.corpus" "$work/$fuzzer.seeds" >"$work/$fuzzer.log" 2>&1; then
    echo "ok $fuzzer: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$fuzzer.log") inputs in $seconds s"
  else
    echo "FAIL $fuzzer"
    tail -n 40 "$work/$fuzzer.log" | sed 's/^/  | /'
    failed=1
  fi
done
exit $failed
