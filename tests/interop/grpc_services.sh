# What people use around gRPC servers, against ours: grpcurl by reflection, grpc-health-probe, a client that sees its server go, h2spec; and our client with a real etcd.
# Read by run.sh, whose functions it uses, after grpc_peers.sh.

# go_tool NAME MODULE@VERSION: builds a program into $work/tools. Says why not, and fails when that is nobody's fault here.
go_tool() {
  if ! command -v go >/dev/null 2>&1; then
    echo "skipped: $1 (no Go toolchain)"
    return 1
  fi
  (GOBIN=$work/tools GOFLAGS=-buildvcs=false limited 300 go install "$2") >"$work/build" 2>&1
  code=$?
  if [ "$code" -eq 0 ]; then return 0; fi
  if [ "$code" -eq 124 ] || registry_is_silent "$work/build"; then
    echo "skipped: $1 (module proxy does not answer)"
    return 1
  fi
  if go_is_too_old "$work/build"; then
    echo "skipped: $1 (needs a newer Go than $(go env GOVERSION))"
    return 1
  fi
  sed 's/^/  | /' "$work/build"
  fail "$1 does not build"
  return 1
}

# grpcurl_case NAME TEXT ARGUMENTS...: TEXT somewhere in what it prints, blanks aside.
grpcurl_case() {
  name=$1
  text=$2
  shift 2
  limited 20 "$work/tools/grpcurl" -plaintext "$@" >"$work/said" 2>&1 9>&-
  if tr -d ' \n' <"$work/said" | grep -qF -- "$text"; then
    pass "$name"
  else
    fail "$name: expected '$text', found: $(head -c 300 "$work/said")"
  fi
}

grpcurl_cases() {
  test=grpc.testing.TestService
  grpcurl_case "list" "grpc.health.v1.Healthgrpc.reflection.v1.ServerReflectiongrpc.reflection.v1alpha.ServerReflection$test" "$address" list
  grpcurl_case "list the methods of a service" "$test.EmptyCall$test.FullDuplexCall" "$address" list "$test"
  grpcurl_case "describe a service" 'rpcFullDuplexCall(stream.grpc.testing.StreamingOutputCallRequest)returns(stream.grpc.testing.StreamingOutputCallResponse);' "$address" describe "$test"
  grpcurl_case "describe a message" 'int32response_size=2;' "$address" describe grpc.testing.SimpleRequest
  grpcurl_case "a template of a message" '"responseSize":0' -msg-template "$address" describe grpc.testing.SimpleRequest
  grpcurl_case "a unary call" '"body":"AAAA"' -d '{"response_size":3}' "$address" "$test/UnaryCall"
  grpcurl_case "a streamed answer" '"body":"AA=="}}{"payload":{"body":"AAA="' -d '{"response_parameters":[{"size":1},{"size":2}]}' "$address" "$test/StreamingOutputCall"
  grpcurl_case "a streamed request" '"aggregatedPayloadSize":5' -d '{"payload":{"body":"AAAA"}}{"payload":{"body":"AAA="}}' "$address" "$test/StreamingInputCall"
  grpcurl_case "an error" 'Code:NotFound' -d '{"service":"nobody"}' "$address" grpc.health.v1.Health/Check
  grpcurl_case "health" '"status":"SERVING"' -d "{\"service\":\"$test\"}" "$address" grpc.health.v1.Health/Check
  grpcurl_case "what is not there" 'Symbolnotfound:grpc.testing.Nothing' "$address" describe grpc.testing.Nothing
}

# probe_case NAME CODE ARGUMENTS...: exit codes are the program's own: 2 when it cannot connect, 3 when the call fails, 4 when the status is not SERVING.
probe_case() {
  name=$1
  expected=$2
  shift 2
  limited 20 "$work/tools/grpc-health-probe" -addr "$address" "$@" >"$work/said" 2>&1 9>&-
  code=$?
  if [ "$code" = "$expected" ]; then pass "$name"; else fail "$name: expected exit code $expected, found $code: $(head -c 300 "$work/said")"; fi
}

# The failing cases in h2spec's report, a line each, as h2spec_failures.txt has them.
h2spec_failed() {
  awk '/<testcase / { match($0, /package="[^"]*"/); where = substr($0, RSTART + 9, RLENGTH - 10); match($0, /classname="[^"]*"/); what = substr($0, RSTART + 11, RLENGTH - 12) }
       /<(error|failure)>/ { print where " " what }' "$1" | sed 's/&#34;/"/g; s/&#39;/'"'"'/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}

h2spec_cases() {
  host=${address%:*}
  limited 120 "$work/tools/h2spec" -h "$host" -p "${address##*:}" -P /grpc.testing.TestService/EmptyCall --timeout 1 -j "$work/h2spec.xml" >"$work/said" 2>&1 9>&-
  total=$(sed -n 's/^\([0-9]*\) tests, .*/\1/p' "$work/said")
  if [ "${total:-0}" -lt 140 ]; then
    fail "h2spec did not run to its end: $(tail -n 3 "$work/said")"
    return
  fi
  h2spec_failed "$work/h2spec.xml" >"$work/h2spec_failed"
  grep -v '^#' "$here/h2spec_failures.txt" | grep . >"$work/h2spec_listed"
  if grep -vxF -f "$work/h2spec_listed" "$work/h2spec_failed" >"$work/h2spec_news"; then
    sed 's/^/  | /' "$work/h2spec_news"
    fail "h2spec: cases fail that are not in h2spec_failures.txt"
  else
    pass "$total cases of h2spec, $(grep -c . "$work/h2spec_failed") of the $(grep -c . "$work/h2spec_listed") in h2spec_failures.txt failed"
  fi
}

# Sets etcd to the program: an installed one, or Debian's, laid into this run's folder and not installed.
find_etcd() {
  etcd=$(command -v etcd) && return 0
  etcd=$work/etcd/usr/bin/etcd
  command -v apt-get >/dev/null 2>&1 || return 1
  mkdir -p "$work/etcd" && (cd "$work/etcd" && limited 120 apt-get -q download etcd-server && dpkg-deb -x etcd-server_*.deb .) >"$work/build" 2>&1 && [ -x "$etcd" ]
}

# Its sockets are files of this run: no port is taken from anybody.
etcd_case() {
  mkdir -p "$work/etcd/run"
  (cd "$work/etcd/run" && exec "$etcd" --data-dir data --listen-client-urls unix://localhost:1 --advertise-client-urls unix://localhost:1 --listen-peer-urls unix://localhost:2 \
    --initial-advertise-peer-urls unix://localhost:2 --initial-cluster default=unix://localhost:2 >"$work/etcd/log" 2>&1) &
  server=$!
  waited=0
  until grep -q 'ready to serve client requests' "$work/etcd/log" 2>/dev/null; do
    waited=$((waited + 1))
    if [ "$waited" -gt 200 ] || ! kill -0 "$server" 2>/dev/null; then
      fail "etcd does not start: $(tail -n 3 "$work/etcd/log")"
      return
    fi
    sleep 0.1
  done
  limited 30 "$binaries/etcd_get" "grpc+unix://$work/etcd/run/localhost:1" >"$work/said" 2>&1
  sed '1,/^\/\/ prints:$/d; s,^// ,,' "$here/../../examples/etcd_get.cpp" >"$work/expected"
  if cmp -s "$work/said" "$work/expected"; then pass "examples/etcd_get.cpp puts, gets and watches a key"; else fail "examples/etcd_get.cpp prints: $(head -c 300 "$work/said")"; fi
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=
}

if [ "$binaries" != self ] && [ -x "$binaries/grpc_server" ]; then
  if go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.1; then
    echo "grpcurl, tenon server"
    if start_server "$binaries/grpc_server"; then
      grpcurl_cases
      stop_server
    fi
    summary "grpcurl v1.9.1"
  fi

  if go_tool grpc-health-probe github.com/grpc-ecosystem/grpc-health-probe@v0.4.57; then
    echo "grpc-health-probe, tenon server"
    if start_server "$binaries/grpc_server" 5; then
      probe_case "the server as a whole" 0
      probe_case "a service" 0 -service grpc.testing.TestService
      probe_case "a service that is not there" 3 -service nobody
      # From here on it is a lame duck, as soon as it has noticed.
      exec 9>&-
      tries=0
      while limited 20 "$work/tools/grpc-health-probe" -addr "$address" >/dev/null 2>&1 && [ "$tries" -lt 30 ]; do tries=$((tries + 1)); done
      probe_case "a server that stops does not serve" 4
      probe_case "nor do its services" 4 -service grpc.testing.TestService
      stop_server
      probe_case "a server that has stopped is not there" 2
    fi
    summary "grpc-health-probe v0.4.57"
  fi

  if [ -x "$work/go_grpc/peer" ]; then
    echo "grpc-go's client, two tenon servers of which one stops"
    if limited 90 "$work/go_grpc/peer" drain "$binaries/grpc_server" >"$work/said" 2>&1; then
      pass "no call fails: $(cat "$work/said")"
    else
      fail "$(head -c 500 "$work/said")"
    fi
    summary "grpc-go 1.67.1, a drain"
  fi

  if go_tool h2spec github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible; then
    echo "h2spec, tenon server"
    if start_server "$binaries/grpc_server"; then
      h2spec_cases
      stop_server
    fi
    summary "h2spec v2.2.1"
  fi

  if [ ! -x "$binaries/etcd_get" ]; then
    echo "skipped: etcd (etcd_get was not built)"
  elif ! find_etcd; then
    echo "skipped: etcd (neither installed nor to be had from the package archive)"
  else
    echo "tenon client, etcd"
    etcd_case
    summary etcd
  fi
fi
