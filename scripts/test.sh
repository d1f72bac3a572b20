#!/usr/bin/env bash
# Runs every test and ends with one line: N passed, N failed. Goes on after a failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

results=$PWD/.build/test
rm -rf "$results"
mkdir -p "$results"
failed=0
# Logs are read as plain text.
[ -t 1 ] || export NO_COLOR=1

echo "== Go"
# Whole nodes with real films take their time on a small machine that does other work too.
go test -timeout 30m -json ./... 2>&1 | node scripts/test-report.mjs go "$results/go.json" || failed=1

echo "== TypeScript"
npm --prefix web run --silent test -- --reporter=default --reporter=json --outputFile="$results/typescript.json" || failed=1

echo "== Browser"
SHOAL_CHROMIUM=$(scripts/chromium.sh) SHOAL_BIN=$PWD/bin/shoal npm --prefix web run --silent test:browser -- \
  --reporter=default --reporter=json --outputFile="$results/browser.json" || failed=1

node scripts/test-report.mjs sum "$results/go.json" "$results/typescript.json" "$results/browser.json" || failed=1
exit $failed
