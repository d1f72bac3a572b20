#!/usr/bin/env bash
# Installs those of the named programs (ffmpeg, chromium, nginx, wrk) that are missing, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
# Where nginx lies on Debian, which not every user looks into.
PATH=$PATH:/usr/sbin:/sbin
# Packages of servers start none while they are installed, where this is obeyed.
export RUNLEVEL=1

has() { command -v "$1" >/dev/null; }

present() {
  case $1 in
    ffmpeg) has ffmpeg && has ffprobe ;;
    chromium) scripts/chromium.sh >/dev/null ;;
    nginx | wrk) has "$1" ;;
    *) echo "setup does not know $1" >&2 && exit 2 ;;
  esac
}

# Prints the command that installs $1 here, nothing where no package manager is known.
recipe() {
  if has apt-get; then
    echo "apt-get install -y --no-install-recommends $1"
  elif has dnf; then
    echo "dnf install -y ${1/#ffmpeg/ffmpeg-free}"
  elif has pacman; then
    echo "pacman -Sy --noconfirm --needed $1"
  elif has apk; then
    echo "apk add $1"
  elif has brew; then
    echo "brew install ${1/#chromium/--cask chromium}"
  fi
}

# Prints what gives the right to install: nothing for root, and for Homebrew, which refuses to run as root.
prefix() {
  if [ "$(id -u)" -eq 0 ] || ! has apt-get && ! has dnf && ! has pacman && ! has apk; then
    return
  elif [ -t 0 ]; then
    echo "sudo "
  else
    echo "sudo -n "
  fi
}

install() {
  local name=$1 line words
  line=$(recipe "$name")
  if [ -z "$line" ]; then
    echo "$name is missing and no package manager was found: install $name yourself, then try again." >&2
    exit 1
  fi
  line="$(prefix)$line"
  read -r -a words <<<"$line"
  echo "$name is missing; installing it: $line"
  mkdir -p .build
  if has apt-get; then
    # Old package lists may still do, so that a failure here decides nothing.
    $(prefix) apt-get update -qq >.build/setup.log 2>&1 || true
  fi
  if ! DEBIAN_FRONTEND=noninteractive "${words[@]}" >>.build/setup.log 2>&1 || ! present "$name"; then
    echo "$name could not be installed (.build/setup.log says why): run '${line/sudo -n/sudo}', then try again." >&2
    exit 1
  fi
}

for name in "$@"; do
  present "$name" || install "$name"
done
