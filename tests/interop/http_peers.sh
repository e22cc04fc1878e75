# Connect, JSON-RPC over HTTP and gRPC-Web against their foreign clients, the pages in a browser, OpenAPI judged by others: read by run.sh, whose functions it uses,
# and build_rpc_peer.
# TENON_SCREENSHOT   where the picture of the page goes (default: thrown away)

if [ "$binaries" != self ]; then
  for program in http_server http_client; do
    if [ ! -x "$binaries/$program" ]; then
      echo "interop: $binaries/$program is missing; build the targets http_server and http_client first" >&2
      exit 1
    fi
  done
  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "skipped: connect-node (no node or npm)"
  elif build_rpc_peer connect-node node_http npm ci --no-audit --no-fund; then
    peer=$work/node_http/peer.js
    if start_server "$binaries/http_server"; then
      run_cases "connect-node, tenon server" node "$peer" connect "$address"
      if has_zlib "$binaries/http_server"; then
        run_cases "connect-node with gzip, tenon server" node "$peer" gzip "$address"
      else
        echo "skipped: connect-node with gzip (built without zlib)"
      fi
      run_cases "connect-node's streams, tenon server" node "$peer" streams "$address"
      run_cases "server-sent events for Node's fetch, tenon server" node "$peer" events "$address"
      if command -v curl >/dev/null 2>&1; then
        sse=$(curl -sN --max-time 10 -H 'Accept: text/event-stream' -d '{"symbol":"ACME","shares":2}' "http://$address/shop.v1.Ticker/Watch" 9>&-)
        if [ "$(printf '%s\n' "$sse" | grep -c '^data: {"symbol":"ACME"')" = 2 ] && [ "$(printf '%s\n' "$sse" | tail -n 2)" = "$(printf 'event: end\ndata: {}')" ]; then
          pass "curl -N hears server-sent events"
        else
          fail "curl -N hears server-sent events: $sse"
        fi
      fi
      run_cases "jayson over HTTP, tenon server" node "$peer" jsonrpc "$address"
      run_cases "gRPC-Web of connect-node, tenon server" node "$peer" grpcweb "$address"
      stop_server
    fi
    if start_server node "$work/node_http/server.js"; then
      run_cases "tenon client, connect-node server" "$binaries/http_client" "http://$address"
      stop_server
    fi
    if start_server "$binaries/http_server"; then
      run_cases "tenon client over HTTP, tenon server" "$binaries/http_client" "http://$address"
      stop_server
    fi
  fi
  summary "connect-node 2.0.1, jayson 5.0.0"

  if ! command -v go >/dev/null 2>&1; then
    echo "skipped: connect-go (no Go toolchain)"
  elif build_rpc_peer connect-go go_connect go build -buildvcs=false -o peer .; then
    if start_server "$binaries/http_server"; then
      run_cases "Connect's Go client, tenon server" "$work/go_connect/peer" "$address"
      stop_server
    fi
    summary "connect-go v1.18.1"
  fi

  browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
  if [ -z "$browser" ]; then
    echo "skipped: Chromium (apt: chromium)"
  elif ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "skipped: Chromium (no node or npm)"
  elif [ ! -d "$work/node_http/node_modules" ]; then
    echo "skipped: Chromium (its driver could not be had)"
  else
    if start_server "$binaries/http_server"; then
      run_cases "$("$browser" --version 2>/dev/null | cut -d. -f1), tenon server" node "$work/node_http/page.js" "$browser" "$address" "${TENON_SCREENSHOT:-$work/page.png}"
      stop_server
    fi
    summary "Chromium, connect-web 2.0.1"
  fi

  if ! command -v python3 >/dev/null 2>&1 || ! python3 -m venv "$work/openapi" >/dev/null 2>&1; then
    echo "skipped: openapi-spec-validator (no python3 with venv)"
  elif ! limited 120 "$work/openapi/bin/pip" install --quiet openapi-spec-validator==0.7.1 >"$work/pip" 2>&1; then
    echo "skipped: openapi-spec-validator (the package index does not answer)"
  else
    if start_server "$binaries/http_server"; then
      run_cases "openapi-spec-validator, tenon server" "$work/openapi/bin/python" "$here/openapi.py" "http://$address/openapi.json"
      stop_server
    fi
    summary "openapi-spec-validator 0.7.1"
  fi

  if ! command -v python3 >/dev/null 2>&1; then
    echo "skipped: the readme's lines in other languages (no python3 to read them)"
  elif start_server "$binaries/rpcx_server"; then
    for language in curl python javascript go; do
      case $language in
        python) tool=python3 ;;
        javascript) tool=node ;;
        *) tool=$language ;;
      esac
      if ! command -v "$tool" >/dev/null 2>&1; then
        echo "skipped: the readme's lines for $language (no $tool)"
      else
        run_cases "the readme's lines for $language" python3 "$here/snippets.py" "$here/../../README.md" "$language" "$address"
      fi
    done
    stop_server
    summary "readme"
  else
    summary "readme"
  fi
fi
