#!/usr/bin/env bash
# Checks everything that needs no test to run. Goes on after a finding, so that one run shows all.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

failed=0
# Logs are read as plain text.
[ -t 1 ] || export NO_COLOR=1
check() { # check NAME COMMAND…
  echo "· $1"
  shift
  "$@" || failed=1
}

unformatted=$(gofmt -l bench cmd internal sim test web/*.go)
check "gofmt $unformatted" test -z "$unformatted"
check "go vet" go vet ./...
check "staticcheck" go tool staticcheck ./...
check "Biome" npm --prefix web run --silent lint
check "tsc" npm --prefix web run --silent check
for system in darwin windows; do
  for architecture in amd64 arm64; do
    check "builds for $system/$architecture" env GOOS=$system GOARCH=$architecture CGO_ENABLED=0 go build ./...
  done
done
if command -v shellcheck >/dev/null; then
  check "shellcheck" shellcheck scripts/*.sh .ci/run
fi
exit $failed
