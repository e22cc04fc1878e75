# gRPC against grpc-go and its own interoperability cases, and against Python's grpcio, both ways; and Go's and Python's stubs of the .proto that tenon prints.
# Read by run.sh, whose functions it uses.

if [ "$binaries" != self ]; then
  if [ ! -x "$binaries/grpc_server" ] || [ ! -x "$binaries/grpc_client" ]; then
    echo "skipped: grpc-go (tenon::grpc was not built: libnghttp2 is missing)"
  elif ! command -v go >/dev/null 2>&1; then
    echo "skipped: grpc-go (no Go toolchain)"
  elif build_rpc_peer grpc-go go_grpc go build -buildvcs=false -o peer .; then
    peer=$work/go_grpc/peer
    spoken=
    if has_zlib "$binaries/grpc_server"; then spoken=gzip; else echo "skipped: gzip with grpc-go (tenon::zlib was not built: zlib is missing)"; fi
    if start_server "$binaries/grpc_server"; then
      run_cases "grpc-go client, tenon server" "$peer" call "$address" $spoken
      stop_server
    fi
    if start_server "$peer" serve; then
      run_cases "tenon client, grpc-go server" "$binaries/grpc_client" "grpc://$address"
      stop_server
    fi
  fi
  summary "grpc-go 1.67.1, unary and streaming cases"

  # Go's, with stubs of the .proto that tenon prints.
  if [ ! -x "$binaries/grpc_desk_server" ]; then
    echo "skipped: protoc-gen-go (tenon::grpc was not built: libnghttp2 is missing)"
  elif ! command -v go >/dev/null 2>&1; then
    echo "skipped: protoc-gen-go (no Go toolchain)"
  elif ! command -v protoc >/dev/null 2>&1; then
    echo "skipped: protoc-gen-go (no protoc)"
  elif build_rpc_peer protoc-gen-go go_generated sh build.sh "$binaries/grpc_desk_server"; then
    spoken=
    if has_zlib "$binaries/grpc_desk_server"; then spoken=gzip; else echo "skipped: gzip with protoc-gen-go's stubs (tenon::zlib was not built: zlib is missing)"; fi
    if start_server "$binaries/grpc_desk_server"; then
      run_cases "Go client generated of our .proto, tenon server" "$work/go_generated/peer" "$address" $spoken
      stop_server
    fi
  fi
  summary "protoc-gen-go 1.36.4, protoc-gen-go-grpc 1.5.1, all four kinds of call"

  # Python's, with stubs of the same.
  python=$work/grpcio/bin/python
  stubs=$work/desk_stubs
  if [ ! -x "$binaries/grpc_desk_server" ] || [ ! -x "$binaries/grpc_desk_client" ]; then
    echo "skipped: grpcio (tenon::grpc was not built: libnghttp2 is missing)"
  elif ! command -v python3 >/dev/null 2>&1 || ! python3 -m venv "$work/grpcio" >/dev/null 2>&1; then
    echo "skipped: grpcio (no python3 with venv)"
  elif ! limited 240 "$python" -m pip install --quiet --only-binary :all: grpcio==1.85.3 grpcio-tools==1.85.1 grpcio-status==1.85.1 >"$work/pip" 2>&1; then
    echo "skipped: grpcio (pip has none for this machine, or does not answer)"
  else
    mkdir "$stubs"
    "$binaries/grpc_desk_server" proto >"$stubs/desk.proto"
    if ! "$python" -m grpc_tools.protoc -I "$stubs" --python_out="$stubs" --grpc_python_out="$stubs" "$stubs/desk.proto" >"$work/build" 2>&1; then
      sed 's/^/  | /' "$work/build"
      fail "grpcio-tools does not take the .proto that tenon prints"
    else
      spoken=identity
      if has_zlib "$binaries/grpc_desk_server"; then spoken=gzip; else echo "skipped: gzip with grpcio (tenon::zlib was not built: zlib is missing)"; fi
      if start_server "$binaries/grpc_desk_server"; then
        run_cases "grpcio client, tenon server" "$python" "$here/grpc/desk.py" call "$stubs" "$address" "$spoken"
        stop_server
      fi
      if start_server "$python" "$here/grpc/desk.py" serve "$stubs"; then
        run_cases "tenon client, grpcio server" "$binaries/grpc_desk_client" "grpc://$address"
        stop_server
      fi
    fi
  fi
  summary "grpcio 1.85.3, all four kinds of call"
fi
