#!/bin/sh
# All tests of tenon, from a bare Debian 12 on: installs what is missing, then runs the stages below.
# usage: sh tests/run.sh           every stage
#        sh tests/run.sh quick     g++ only, without sanitizers and foreign peers
# TENON_BUILD_DIR   where to build (default: build, in the repository)
# TENON_JOBS        how many compilers at once (default: one per core, as far as memory goes)
# TENON_FUZZ_SECONDS  how long each fuzzer runs (default: 10)
# TENON_EVERY_SECONDS  how long all protocols' clients call one port at once, in each build that has them (default: 5)
# TENON_SEEDS       how many simulated worlds each build looks at (default: 20000 optimised, 1500 otherwise)
# TENON_STREAM_MEGABYTES  how much the proofs stream to a reader that sleeps (default: 100)
# TENON_ASIO        the include folder of another asio than the system's, for every stage: say /path/to/asio/include of the newest release
# A failing stage does not stop the later ones; the end is a summary, and 1 when anything failed.
set -u
cd "$(dirname "$0")/.." || exit 1

what=${1:-all}
case $what in
  all | quick) ;;
  *)
    echo "usage: sh tests/run.sh [quick]"
    exit 1
    ;;
esac
build=${TENON_BUILD_DIR:-build}
mkdir -p "$build/log" || exit 1
build=$(cd "$build" && pwd)

summary=""
failed=0
began=$(date +%s)

note() { # <state> <stage> <text>: one line of the summary
  summary="$summary
$(printf '  %-8s %-34s %s' "$1" "$2" "$3")"
  if [ "$1" = failed ]; then failed=1; fi
}

stage() { # <name> <command>...: runs it, times it, notes how it ended
  stage_name=$1
  shift
  printf '\n== %s\n' "$stage_name"
  stage_began=$(date +%s)
  if "$@"; then state=ok; else state=failed; fi
  spent=$(($(date +%s) - stage_began))
  echo "== $stage_name: $state after $spent s"
  note $state "$stage_name" "$spent s"
}

install_packages() {
  sh tests/install_packages.sh "to compile and run the tests" \
    g++ cmake ninja-build python3 curl ca-certificates \
    libasio-dev libboost-dev libmsgpack-cxx-dev nlohmann-json3-dev doctest-dev || return 1
  sh tests/install_packages.sh --optional "compiles the same file only once" ccache
  sh tests/install_packages.sh --optional "counts instructions" valgrind
  sh tests/install_packages.sh --optional "HTTP/2, for gRPC" libnghttp2-dev
  sh tests/install_packages.sh --optional "WebSocket" libwslay-dev
  sh tests/install_packages.sh --optional "gzip" zlib1g-dev
  sh tests/install_packages.sh --optional "TENON_IO_URING" liburing-dev
  sh tests/install_packages.sh --optional "the protobuf that ours is held against" protobuf-compiler libprotobuf-dev
  if [ "$what" = all ]; then
    sh tests/install_packages.sh --optional "the second compiler" clang-19
    sh tests/install_packages.sh --optional "its sanitizers and its fuzzer" libclang-rt-19-dev
    sh tests/install_packages.sh --optional "the browser that opens the page" chromium
    sh tests/install_packages.sh --optional "the oldest clang that is promised" clang-14
  fi
  return 0
}

count_jobs() { # one compiler takes up to 1.5 GB under sanitizers
  awk -v cores="$(nproc)" '/^MemAvailable/ { n = int($2 / 1500000) }
    END { if (n > cores) n = cores; if (n < 1) n = 1; print n }' /proc/meminfo
}

# Configures in $build/<folder>; says nothing unless it fails.
configure() { # <folder> <compiler> <flags> [cmake option]...
  folder=$build/$1
  compiler=$2
  flags=$3
  shift 3
  launcher=""
  if command -v ccache >/dev/null 2>&1; then launcher=ccache; fi
  cmake -S . -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" ${asio:+"$asio"} "$@" >"$build/log/configure" 2>&1 || {
    cat "$build/log/configure"
    return 1
  }
}

compile() { # [ninja option]...  -k 0: one broken file does not hide the others
  NINJA_STATUS='[%f/%t, %es] ' cmake --build "$folder" -j "$jobs" "$@" -- -k 0
}

# What could be built is tested even where something could not; ctest's own summary stays visible.
build_and_test() { # <folder> <compiler> <flags> [cmake option]...
  configure "$@" || return 1
  built=0
  compile || built=1
  $run_under ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error || return 1
  return "$built"
}

# Of these g++ 12 warns under sanitizers where there is nothing, in asio and in its own library; the other stages keep the warnings.
false_warnings="-Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-restrict -Wno-dangling-pointer -Wno-mismatched-new-delete -Wno-tsan"

guesses=$(echo "$false_warnings" | sed 's/ -Wno-tsan//; s/-Wno-/-Wno-error=/g')

has_sanitizers() { # <compiler>
  echo 'int main() {}' >"$build/log/sanitizers.cpp"
  "$1" -fsanitize=address,undefined "$build/log/sanitizers.cpp" -o "$build/log/sanitizers" 2>/dev/null && "$build/log/sanitizers"
}

# Every header by its door, every sentence of a misuse, every example.
oldest_clang() { # <folder> <compiler>
  configure "$1" "$2" -O0 -DTENON_TEST_HEADERS=doors || return 1
  built=0
  compile --target headers_alone --target examples/all || built=1
  ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error -L misuse || return 1
  ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error -R '^examples/' || return 1
  return "$built"
}

# Containers often forbid it. A ring as large as asio makes it.
has_io_uring() { # <compiler>
  printf '#include <liburing.h>\nint main() { io_uring ring; return io_uring_queue_init(16384, &ring, 0) < 0; }\n' >"$build/log/uring.cpp"
  "$1" "$build/log/uring.cpp" -o "$build/log/uring" -luring 2>/dev/null && "$build/log/uring"
}

# Some kernels place memory where the thread sanitizer of this compiler does not expect it; without randomised addresses
# it works there. Sets run_under; fails when nothing helps.
can_run_tsan() { # <compiler>
  echo 'int main() {}' >"$build/log/tsan.cpp"
  "$1" -fsanitize=thread "$build/log/tsan.cpp" -o "$build/log/tsan" 2>/dev/null || return 1
  run_under=""
  "$build/log/tsan" 2>/dev/null && return 0
  run_under="setarch $(uname -m) -R"
  $run_under "$build/log/tsan" 2>/dev/null
}

# Keeps the exit code of a command whose output also goes into a file.
logged() { # <file> <command>...
  logged_file=$1
  shift
  { "$@" 2>&1 && echo 0 >"$logged_file.code" || echo 1 >"$logged_file.code"; } | tee "$logged_file"
  return "$(cat "$logged_file.code")"
}

# By name: a peer that was not met is not a peer that agreed.
note_skipped() { # <log>
  while read -r line; do
    [ -z "$line" ] || note skipped "${line#skipped: }" ""
  done <<EOF
$(grep '^skipped: ' "$1")
EOF
}

# ccache and precompiled headers agree only with these. Paths below the repository count as the same from any clone of it.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
run_under=""

# Every compiler looks there before the system's folders; CMake is told as well, since it would name the system's.
asio=""
if [ -n "${TENON_ASIO:-}" ]; then
  if [ ! -f "$TENON_ASIO/asio.hpp" ]; then
    echo "TENON_ASIO=$TENON_ASIO: there is no asio.hpp in that folder"
    exit 1
  fi
  TENON_ASIO=$(cd "$TENON_ASIO" && pwd)
  asio="-Dtenon_asio_INCLUDE_DIR=$TENON_ASIO"
  export CPLUS_INCLUDE_PATH="$TENON_ASIO${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}"
fi

stage "install packages" install_packages
jobs=${TENON_JOBS:-$(count_jobs)}

stage "g++" build_and_test gcc g++ "-O0 -g1"
stage "compile time of a hello server" python3 tests/compile_time.py g++
stage "what a call costs" logged "$build/log/guards" env TENON_BUILD_DIR="$build" python3 tests/bench/guards.py
note_skipped "$build/log/guards"
stage "the benchmark's own sums" python3 tests/bench/check_tool.py
stage "the benchmark's programs compile" logged "$build/log/bench" python3 tests/bench/check_compiles.py
note_skipped "$build/log/bench"

if [ "$what" = all ]; then
  clang=""
  for name in clang++-19 clang++; do
    if [ -z "$clang" ] && command -v $name >/dev/null 2>&1; then clang=$name; fi
  done
  if [ -n "$clang" ]; then stage "compile time with $clang" python3 tests/compile_time.py "$clang" 1; fi
  # Each file is compiled under sanitizers only once more, by the other compiler: that is as quick as without them at -O0, and takes g++ five times as long.
  sanitizers="-O0 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
  if [ -z "$clang" ]; then
    note skipped "clang" "no clang to be had here"
    stage "g++, address and undefined" build_and_test asan g++ "$sanitizers $false_warnings" -DTENON_TEST_HOUSE=OFF
  elif has_sanitizers "$clang"; then
    stage "$clang, address and undefined" build_and_test asan "$clang" "$sanitizers" -DTENON_TEST_HOUSE=OFF -DTENON_EXAMPLES=OFF
  else
    note skipped "$clang, address and undefined" "the runtime of its sanitizers is not to be had here"
    stage "$clang" build_and_test clang "$clang" "-O0 -g1" -DTENON_TEST_HOUSE=OFF
  fi
  if command -v clang++-14 >/dev/null 2>&1; then
    stage "clang++-14, doors, misuse, examples" oldest_clang clang14 clang++-14
  else
    note skipped "clang++-14, doors, misuse, examples" "no clang 14 to be had here"
  fi

  if has_io_uring g++; then
    # What stands on sockets.
    stage "g++, io_uring" build_and_test uring g++ "-O0 -g1" -DTENON_IO_URING=ON -DTENON_TEST_HOUSE=OFF -DTENON_EXAMPLES=OFF "-DTENON_TEST_LAYERS=net;proofs;every"
  else
    note skipped "g++, io_uring" "there is no liburing, or the kernel does not let it work"
  fi

  # Users compile as gnu++20, which is CMake's default and defines unix and linux, or as plain c++20: this one is plain. What g++ 12 guesses of memory while it optimises is
  # shown and fails nothing: in a test it took the end of an asio handler for the reading of a value that was never written. Most protocols stand outside the one header.
  stage "g++, optimised, single_include" build_and_test single g++ "-O2 $guesses" -DTENON_TEST_INCLUDE=single -DTENON_TEST_PRECOMPILED=tenon \
    -DTENON_EXAMPLES=OFF -DCMAKE_CXX_EXTENSIONS=OFF "-DTENON_TEST_LAYERS=core;reflect;codec;policy;config;net;service;client;server;simulation;proofs"
  if can_run_tsan g++; then
    export TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1"
    # Codecs, protocols and descriptions know no threads, and the simulated worlds have one.
    stage "g++, threads" build_and_test tsan g++ "-O1 -g1 -fno-omit-frame-pointer -fsanitize=thread $false_warnings" \
      -DTENON_TEST_HOUSE=OFF -DTENON_EXAMPLES=OFF -DTENON_TEST_PRECOMPILED=tenon "-DTENON_TEST_LAYERS=core;policy;net;client;server;grpc;processes"
    run_under=""
  else
    note skipped "g++, threads" "the thread sanitizer does not run on this kernel"
  fi

  # Short: whether each decoder and session still stands. `sh tests/fuzz/run.sh 600` is the thorough run.
  stage "fuzzers" logged "$build/log/fuzz" env TENON_BUILD_DIR="$build" sh tests/fuzz/run.sh "${TENON_FUZZ_SECONDS:-10}"
  note_skipped "$build/log/fuzz"

  if [ -f tests/interop/run.sh ]; then
    stage "foreign peers" logged "$build/log/interop" sh tests/interop/run.sh "$build/gcc/tests"
    note_skipped "$build/log/interop"
    stage "json, judged by others" logged "$build/log/json" sh tests/interop/json.sh "$build/gcc/tests"
    note_skipped "$build/log/json"
    stage "protobuf's conformance suite" logged "$build/log/conformance" sh tests/interop/conformance.sh "$build/gcc/tests"
    note_skipped "$build/log/conformance"
  fi
fi

spent=$(($(date +%s) - began))
printf '\nSummary after %d min %d s, %s compilers at once:%s\n' $((spent / 60)) $((spent % 60)) "$jobs" "$summary"
if [ $failed = 0 ]; then echo "All stages passed."; else echo "Some stages failed."; fi
exit $failed
