#!/usr/bin/env bash
# Ends with one sentence when Go, Node or npm is missing or too old.
set -euo pipefail

need() { # need NAME MINIMUM FOUND REMEDY
  if [ -z "$3" ]; then
    echo "$1 $2 or newer is needed and none was found: $4, then try again." >&2
    exit 1
  fi
  if [ "$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)" != "$2" ]; then
    echo "$1 $2 or newer is needed and this is $3: $4, then try again." >&2
    exit 1
  fi
}

go=$(go env GOVERSION 2>/dev/null || true)
node=$(node --version 2>/dev/null || true)
npm=$(npm --version 2>/dev/null || true)
go=${go#go}
need Go 1.26 "${go%%[!0-9.]*}" "install it from https://go.dev/dl"
need Node 20.19 "${node#v}" "install it from https://nodejs.org"
need npm 10 "$npm" "install it together with Node from https://nodejs.org"
