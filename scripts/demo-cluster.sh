#!/usr/bin/env bash
# Runs three nodes on this machine as one library, with two sample clips, until Ctrl-C. Nothing of it is kept.
set -euo pipefail
shoal=$(cd "$(dirname "$0")/.." && pwd)/bin/shoal

# The settings of this user and of a file .env are for other nodes.
for name in $(compgen -e | grep '^SHOAL_' || true) HOST_IP HOST_PORT DHT_PORT API_PORT; do
  unset "$name"
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/shoal-demo-XXXXXX")
cd "$dir"
pids=()
http=()

stop() {
  trap - EXIT INT TERM
  if [ ${#pids[@]} -gt 0 ]; then
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
  fi
  cd /
  rm -rf "$dir"
}
trap stop EXIT
trap 'echo; echo "stopping the nodes"; exit 0' INT TERM

fail() { # fail SENTENCE [NODE]
  echo "$1" >&2
  [ -z "${2:-}" ] || tail -n 5 "$2.log" >&2
  exit 1
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints the first free port from $1 on.
free_port() {
  local port=$1
  while taken "$port"; do
    port=$((port + 1))
    [ "$port" -lt $(($1 + 50)) ] || fail "No port from $1 to $port is free: end what uses them, then try again."
  done
  echo "$port"
}

# Waits $1 seconds at most until a command succeeds, unless node $2 ends before.
await() { # await SECONDS NODE SENTENCE COMMAND…
  local last=$((SECONDS + $1)) node=$2 sentence=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    kill -0 "${pids[$((node - 1))]}" 2>/dev/null || fail "$sentence: node $node ended. Its last words:" "$node"
    [ "$SECONDS" -lt "$last" ] || fail "$sentence in time. The last words of node $node:" "$node"
    sleep 0.2
  done
}

# Asks node $1 with a command of shoal.
ask() {
  local node=$1 command=$2
  shift 2
  "$shoal" "$command" --data "$dir/$node" --node "http://127.0.0.1:${http[$((node - 1))]}" "$@"
}

# Starts node $1, with more flags of serve.
start() {
  local node=$1 p2p
  shift
  http+=("$(free_port $((3010 + node)))")
  p2p=$(free_port $((9013 + node)))
  # In a process group of its own, so that Ctrl-C ends this script and this script the nodes, in order.
  set -m
  "$shoal" serve --data "$dir/$node" --name "node $node" --http "127.0.0.1:${http[$((node - 1))]}" --p2p "127.0.0.1:$p2p" \
    --no-mdns "$@" </dev/null >"$node.log" 2>&1 &
  pids+=($!)
  set +m
  await 40 "$node" "Node $node did not start" ask "$node" ls
}

# Starts node $1 as a member of node 1's cluster.
join() {
  local node=$1 link
  shift
  link=$(ask 1 invite 2>invite.log) || fail "Node 1 made no invite: $(tail -n 3 invite.log)"
  start "$node" --join "$link" "$@"
}

alive() { ask "$1" status | grep -q "$2 of $2 nodes alive"; }

ready_on() { ask "$1" ls | awk '$2 == "ready" { print $1 }'; }

both_ready() { [ "$(ready_on "$1" | wc -l)" -eq 2 ]; }

[ -x "$shoal" ] || fail "bin/shoal is not there: make build, then try again."
echo "starting three nodes in $dir"
start 1
join 2
join 3 --demo # It adds the clips once it has joined, so that they go to the others too.
for node in 1 2 3; do
  await 20 "$node" "Node $node did not find the others" alive "$node" 3
done
echo "adding two sample clips on node 3"
await 180 3 "The clips were not ready" both_ready 3
for node in 1 2; do
  await 20 "$node" "Node $node did not hear of the clips" both_ready "$node"
done

video=$(ready_on 3 | head -n 1)
echo
for node in 1 2 3; do
  echo "Watch from node $node: http://127.0.0.1:${http[$((node - 1))]}/watch/$video"
done
echo "Admin, works once:  $(ask 1 link)"
echo
ask 1 status
echo
echo "To see what becomes of it, end one: kill -9 ${pids[2]} is node 3. Ctrl-C ends all."
wait "${pids[0]}"
