#!/usr/bin/env bash
# Prints the path of Chromium or Chrome: what SHOAL_CHROMIUM names, else the first that is installed.
set -euo pipefail
for name in "${SHOAL_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
  "/Applications/Chromium.app/Contents/MacOS/Chromium" \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
  if [ -n "$name" ] && command -v "$name"; then exit 0; fi
done
exit 1
