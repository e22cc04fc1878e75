# WebSocket against npm's ws, both ways, and a page in a browser: read by run.sh, whose functions it uses, and build_rpc_peer.

if [ "$binaries" != self ]; then
  browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  if [ ! -x "$binaries/websocket_server" ] || [ ! -x "$binaries/websocket_client" ]; then
    echo "skipped: ws (tenon::websocket was not built: libwslay is missing)"
  elif ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "skipped: ws (no node or npm)"
  elif build_rpc_peer ws node_websocket npm ci --no-audit --no-fund; then
    peer=$work/node_websocket/peer.js
    if start_server "$binaries/websocket_server"; then
      run_cases "ws client, tenon server" node "$peer" call "$address"
      if [ -n "$browser" ]; then run_cases "a page in Chromium, tenon server" node "$peer" browse "$address" "$browser"
      else echo "skipped: a page in a browser (no chromium)"; fi
      stop_server
    fi
    if start_server node "$peer" serve; then
      run_cases "tenon client, ws server" "$binaries/websocket_client" "ws://$address/rpc"
      stop_server
    fi
  fi
  summary "ws 8.18.3"
fi
