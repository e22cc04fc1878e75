#!/bin/sh
# Installs Debian packages that are missing, and says what and why.
# usage: sh tests/install_packages.sh [--optional] <why> <package>...
# Ends with 0 when all are there afterwards. With --optional a failure is said in one line, as something one can do without.
set -u

optional=no
if [ "$1" = "--optional" ]; then
  optional=yes
  shift
fi
why=$1
shift

missing=""
for package in "$@"; do
  state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)
  [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "This system has no apt-get. $why: please install what Debian calls$missing"
  # Under other names the things may be there; the configure step says what is really missing.
  [ $optional = yes ] && exit 1
  exit 0
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null 2>&1; then
    as_root=sudo
  else
    echo "$why: these packages are missing and this is not root:$missing"
    echo "Please run: apt-get install$missing"
    exit 1
  fi
fi

echo "Installing$missing ($why)"
terminal=0
if [ -t 1 ]; then terminal=1; fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The whole log only when something fails. Lists are fetched once per day.
lists_are_fresh() {
  [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null | head -n 1)" ]
}
export DEBIAN_FRONTEND=noninteractive
if ! lists_are_fresh; then
  echo "  reading the package lists"
  $as_root apt-get update >"$log" 2>&1 || tail -n 5 "$log"
fi
# shellcheck disable=SC2086  # $missing is a list of words
{
  $as_root apt-get install -y --no-install-recommends $missing </dev/null 2>&1
  echo "apt-get ended with $?"
} | tee "$log" | awk -v terminal="$terminal" '
  # In place on a terminal; elsewhere every twentieth, so that a log shows life as well.
  function show(what) {
    if (terminal) printf "\r\033[K  %s", what
    else if (++shown % 20 == 1) print "  " what
    fflush()
  }
  /^Need to get/ { print "  " $0; fflush() }
  /^Get:[0-9]+ / { show("downloading " $5) }
  /^Setting up/ { show("setting up " $3); count++ }
  END { if (terminal) printf "\r\033[K"; print "  " count + 0 " packages set up" }'
if grep -q '^apt-get ended with 0$' "$log"; then
  exit 0
fi
if [ $optional = yes ]; then
  echo "  not to be had here:$missing ($why); going on without"
else
  cat "$log"
  echo "Could not install$missing ($why)."
fi
exit 1
