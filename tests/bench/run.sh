#!/bin/sh
# Echo over loopback: tenon against raw asio, turn by turn in the same run, because absolute figures of one machine drift by 10-20 %.
# usage: sh tests/bench/run.sh [ROUNDS [SECONDS]]
# The compiler is $CXX (g++), binaries go to $TENON_BUILD_DIR (build), in bench/. $WAY is how the client calls: then (default), task, awaitable; $KIND the
# kind of handler: plain (default), task, awaitable.
set -eu

rounds=${1:-5}
seconds=${2:-3}
workloads="1x1x64 1x64x64 64x16x581"
way=${WAY:-then}
kind=${KIND:-plain}
compiler=${CXX:-g++}
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
binaries=${TENON_BUILD_DIR:-build}/bench
mkdir -p "$binaries"
binaries=$(cd "$binaries" && pwd)
results=$binaries/results
server=

stop_server() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
  fi
}
trap stop_server EXIT
trap 'exit 1' HUP INT TERM

build() {
  if [ -x "$binaries/$1" ] && [ -z "$(find include tests/bench -name '*.[ch]pp' -newer "$binaries/$1" | head -n 1)" ]; then return; fi
  echo "building $1"
  # shellcheck disable=SC2086 # CXXFLAGS is a list
  "$compiler" -std=c++20 -O3 -DNDEBUG -DMSGPACK_NO_BOOST ${CXXFLAGS:-} -I include "tests/bench/$1.cpp" -o "$binaries/$1" -pthread
}

pin() {
  core=$1
  shift
  if [ "$pinned" = yes ]; then exec taskset -c "$core" "$@"; else exec "$@"; fi
}

# Microseconds for which some runnable process had to wait for a core, since the machine started; nothing where the kernel does not say.
waiting() { sed -n 's/^some.*total=//p' /proc/pressure/cpu 2>/dev/null || true; }

# measure SIDE WORKLOAD: one line `WORKLOAD ROUND SIDE CALLS P50 P99 DISTURBED` in the results; DISTURBED is the percentage of the time for which something had to
# wait for a core: server and client have one each, so others were running.
measure() {
  case $1 in
    raw) prefix=raw_ server_kind='' client_way='' ;;
    *) prefix='' server_kind=$kind client_way=$way ;;
  esac
  : >"$binaries/listening"
  # The server may end with its standard input, so that it never outlives this script.
  # shellcheck disable=SC2086 # nothing, or one word
  (pin 0 "$binaries/${prefix}echo_server" 0 $server_kind) <"$binaries/open" >"$binaries/listening" &
  server=$!
  port=
  waited=0
  while [ -z "$port" ]; do
    port=$(sed -n 's/^listening.*:\([0-9][0-9]*\)$/\1/p' "$binaries/listening")
    if [ -n "$port" ]; then break; fi
    waited=$((waited + 1))
    if [ "$waited" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
      echo "bench: ${prefix}echo_server did not print where it listens" >&2
      exit 1
    fi
    sleep 0.1
  done
  before=$(waiting)
  # shellcheck disable=SC2046,SC2086 # the three numbers of the workload; nothing, or one word
  line=$( (pin 1 "$binaries/${prefix}echo_client" "$port" $(echo "$2" | tr x ' ') "$seconds" $client_way) )
  after=$(waiting)
  stop_server
  # The client has warmed up for a second, or for less when it measures for less.
  disturbed=$(awk -v waited="$((${after:-0} - ${before:-0}))" -v seconds="$seconds" 'BEGIN { printf "%.0f", waited / 1e4 / (seconds + (seconds < 1 ? seconds : 1)) }')
  echo "$2 $round $1 $(echo "$line" | sed 's/[a-z0-9_]*=//g') $disturbed" >>"$results"
  printf '  %-10s %-6s %s disturbed=%s%%\n' "$2" "$1" "$line" "$disturbed"
}

for program in raw_echo_server raw_echo_client echo_server echo_client allocations; do build $program; done

pinned=no
if command -v taskset >/dev/null 2>&1 && taskset -c 1 true 2>/dev/null; then
  pinned=yes
  echo "server on core 0, client on core 1; $rounds rounds of $seconds s"
else
  echo "not pinned: no taskset, or no second core; $rounds rounds of $seconds s"
fi

rm -f "$binaries/open"
mkfifo "$binaries/open"
exec 3<>"$binaries/open"
: >"$results"
round=1
while [ "$round" -le "$rounds" ]; do
  echo "round $round"
  for workload in $workloads; do
    # Who comes first changes from round to round.
    if [ $((round % 2)) -eq 1 ]; then sides="raw tenon"; else sides="tenon raw"; fi
    for side in $sides; do measure "$side" "$workload"; done
  done
  round=$((round + 1))
done
exec 3>&-
rm -f "$binaries/open"

# Medians of each figure over the calm rounds of a workload; the ratio is the median of the rounds' own ratios, so that drift between rounds cancels.
awk '
  function median(list,    values, count, i, j, swap) {
    count = split(list, values, " ")
    for (i = 1; i < count; i++)
      for (j = i + 1; j <= count; j++)
        if (values[j] + 0 < values[i] + 0) { swap = values[i]; values[i] = values[j]; values[j] = swap }
    return count % 2 ? values[(count + 1) / 2] + 0 : (values[count / 2] + values[count / 2 + 1]) / 2
  }
  {
    if (!($1 in known)) { known[$1] = 1; order[++workloads] = $1 }
    calls[$1, $2, $3] = $4
    p50[$1, $2, $3] = $5
    p99[$1, $2, $3] = $6
    if ($7 > disturbed[$1, $2]) disturbed[$1, $2] = $7
    if ($2 > rounds) rounds = $2
  }
  END {
    print ""
    print "connections x in flight x bytes; medians of the rounds in which nothing waited for a core for more than 10 % of the time (a * when there was none: of all)"
    printf "%-10s | %12s %8s %8s | %12s %8s %8s | %9s %6s\n", "workload", "raw calls/s", "p50 us", "p99 us", "tenon call/s", "p50 us", "p99 us", "tenon/raw", "rounds"
    for (i = 1; i <= workloads; i++) {
      w = order[i]
      calm = 0
      for (r = 1; r <= rounds; r++) if (disturbed[w, r] <= 10) calm++
      split("", figure)
      used = 0
      for (r = 1; r <= rounds; r++) {
        if (calm && disturbed[w, r] > 10) continue
        used++
        figure["ratio"] = figure["ratio"] " " calls[w, r, "tenon"] / calls[w, r, "raw"]
        for (s = 1; s <= 2; s++) {
          side = s == 1 ? "raw" : "tenon"
          figure[side, "calls"] = figure[side, "calls"] " " calls[w, r, side]
          figure[side, "p50"] = figure[side, "p50"] " " p50[w, r, side]
          figure[side, "p99"] = figure[side, "p99"] " " p99[w, r, side]
        }
      }
      printf "%-10s | %12.0f %8.1f %8.1f | %12.0f %8.1f %8.1f | %9.2f %5d%s\n", w, median(figure["raw", "calls"]), median(figure["raw", "p50"]), median(figure["raw", "p99"]), median(figure["tenon", "calls"]), median(figure["tenon", "p50"]), median(figure["tenon", "p99"]), median(figure["ratio"]), used, calm ? " " : "*"
    }
  }' "$results"

echo
"$binaries/allocations"
