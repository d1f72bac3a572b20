import { fetchedOf, type Planner, type Wanted } from "./planner.ts";
import { bytesIn, type Range, subtract } from "./ranges.ts";
import { rules } from "./rules.ts";
import type { PeerView, TransferView } from "./snapshot.ts";

/** Asks peers for what they have of a chunk, and in the urgent zone also for what they are fetching. */
export function askPeers(plan: Planner, wanted: Wanted): void {
  const urgent = wanted.zone === "urgent";
  if (urgent) swapSlow(plan, wanted);
  if (wanted.here.length > 0) askHolders(plan, wanted, openForPeers(plan, wanted));
  else if (urgent || fetchedOf(wanted).length > 0) askFetchers(plan, wanted);
}

/**
 * What peers may be asked for: all that nobody was asked for yet; in the urgent zone also what comes too late from the
 * origin, but for the bytes that it is about to send.
 */
function openForPeers(plan: Planner, wanted: Wanted): Range[] {
  const { chunk, promised } = wanted;
  const inTime = wanted.zone !== "urgent" || plan.originNeeds(0) < wanted.due - rules.originMargin;
  const fetched = fetchedOf(wanted).map(({ start, end }) => ({
    start,
    end: inTime ? end : Math.min(end, start + rules.leastPiece),
  }));
  return subtract(chunk.missing, [...promised, ...fetched]);
}

function askHolders(plan: Planner, wanted: Wanted, open: readonly Range[]): void {
  const urgent = wanted.zone === "urgent";
  const total = bytesIn(open);
  if (total === 0) return;
  const usable = wanted.here.filter((peer) => isUsable(plan, peer) && plan.capacity(peer, urgent) > 0);
  if (usable.length === 0) {
    plan.lookAt(plan.snapshot.now + 0.25);
    return;
  }
  const best = usable.sort((a, b) => cost(plan, a, total) - cost(plan, b, total));
  const count = urgent ? Math.min(rules.peersPerChunk, Math.ceil(total / rules.leastPiece)) : 1;
  const chosen = best.slice(0, Math.max(1, count));
  let left = open;
  for (const [index, peer] of chosen.entries()) {
    const share = Math.ceil(bytesIn(left) / (chosen.length - index));
    const amount = Math.min(Math.max(share, rules.leastPiece), plan.capacity(peer, urgent));
    left = ask(plan, wanted, peer, left, amount);
  }
}

/** Asks a peer for the first bytes of what is open, and returns the rest. */
function ask(
  plan: Planner,
  wanted: Wanted,
  peer: PeerView,
  open: readonly Range[],
  amount: number,
): readonly Range[] {
  const rest: Range[] = [];
  let left = amount;
  for (const range of open) {
    // A sliver that would be left over is taken along.
    const length = range.end - range.start;
    const take = length - left < rules.leastPiece / 4 && left > 0 ? length : Math.min(left, length);
    if (take <= 0 || !plan.takesMore(peer)) {
      rest.push(range);
      continue;
    }
    plan.request(peer, wanted, { start: range.start, end: range.start + take });
    if (take < length) rest.push({ start: range.start + take, end: range.end });
    left -= take;
  }
  return rest;
}

/**
 * Asks those who are fetching for all that is missing. Each sends only what it gets from the origin itself, so that they do not
 * send the same unless they fetch the same.
 */
function askFetchers(plan: Planner, wanted: Wanted): void {
  const coming = fetchedOf(wanted).map(({ start }) => ({ start, end: start + rules.leastSkip }));
  for (const peer of wanted.fetching) {
    if (!isUsable(plan, peer)) continue;
    const asked = wanted.transfers.filter(({ from }) => from === peer.id);
    for (const part of subtract(wanted.chunk.missing, [...asked, ...coming])) {
      if (plan.capacity(peer, true) > 0) plan.request(peer, wanted, part);
    }
  }
}

/** Takes a request from a peer that would be late when one at least twice as fast is free. */
function swapSlow(plan: Planner, wanted: Wanted): void {
  for (const transfer of wanted.transfers) {
    const slow = wanted.here.find(({ id }) => id === transfer.from);
    if (slow === undefined || !isLate(plan, wanted, transfer, slow)) continue;
    const faster = wanted.here.some(
      (peer) => peer.rate > 2 * slow.rate && isUsable(plan, peer) && plan.capacity(peer, true) > 0,
    );
    if (faster) plan.cancel(transfer, "redundant", wanted);
  }
}

function isLate(plan: Planner, wanted: Wanted, transfer: TransferView, peer: PeerView): boolean {
  const started = plan.snapshot.now - transfer.since > 0.5;
  return started && plan.peerNeeds(peer, 0) > wanted.due - rules.originMargin;
}

function isUsable(plan: Planner, peer: PeerView): boolean {
  const { now } = plan.snapshot;
  if (now < peer.restingUntil) plan.lookAt(peer.restingUntil);
  return peer.gives && now >= peer.restingUntil;
}

function cost(plan: Planner, peer: PeerView, bytes: number): number {
  return plan.peerNeeds(peer, bytes) * (peer.near ? 1 : 2) * (1 + peer.failures);
}
