import { cancelStrays, cancelUseless, dropFailing } from "./cancel-rules.ts";
import { useOrigin } from "./origin-rules.ts";
import { askPeers } from "./peer-rules.ts";
import { lot, Planner, promisedOf, type Wanted, type Zone } from "./planner.ts";
import { bytesIn, subtract } from "./ranges.ts";
import { aheadOf, rules } from "./rules.ts";
import type { ChunkView, PeerView, Plan, Snapshot } from "./snapshot.ts";

/**
 * Decides what to fetch, from whom, and what to give up. The same snapshot always gives the same plan: there is no clock, no
 * chance and no state here. DESIGN.md has the rules and their reasons.
 */
export function decide(snapshot: Snapshot): Plan {
  const plan = new Planner(snapshot);
  const wanted = wantedOf(plan);
  plan.want(wanted);
  cancelStrays(plan);
  for (const chunk of wanted) cancelUseless(plan, chunk);
  if (snapshot.mode === "alone") playAlone(plan, wanted);
  else share(plan, wanted);
  dropFailing(plan);
  return plan.finish();
}

/** Fetches what the player asks for and nothing else, as any player would: whole segments, in its order. */
function playAlone(plan: Planner, wanted: readonly Wanted[]): void {
  for (const { chunk, due } of wanted) {
    if (!chunk.asked) continue;
    const open = subtract(chunk.missing, plan.fetched(chunk));
    if (open.length === 0 || !plan.mayFetch(due, chunk.place.rendition, true)) continue;
    const [start, end] = plan.untouchedSegment(chunk)
      ? [0, chunk.segmentSize]
      : [chunk.offset + (open[0]?.start ?? 0), chunk.offset + (open[0]?.end ?? 0)];
    if (plan.snapshot.joined && plan.snapshot.viewers > 1)
      plan.lease([...plan.placesIn(chunk, start, end)], true);
    plan.fetch(chunk, start, end, due);
  }
}

function share(plan: Planner, wanted: readonly Wanted[]): void {
  const byDeadline = wanted.toSorted((a, b) => a.due - b.due);
  const byRarity = wanted.filter(({ zone }) => zone !== "urgent").sort(rarestFirst);
  const leases: Wanted[] = [];
  // While something is late the origin brings nothing that is needed after it.
  let lastDue = Number.POSITIVE_INFINITY;
  for (const chunk of byDeadline) {
    if (chunk.zone === "urgent") askPeers(plan, chunk);
    // Others need their bytes sooner than this viewer needs what it fetches ahead.
    else if (plan.snapshot.servingUrgent && !chunk.chunk.asked) continue;
    if (chunk.due > lastDue) continue;
    const outlook = useOrigin(plan, chunk);
    if (outlook === "needs-lease") leases.push(chunk);
    else if (outlook === "critical") lastDue = Math.min(lastDue, chunk.due + rules.sameTime);
  }
  if (plan.snapshot.servingUrgent) plan.lookAt(plan.snapshot.now + 0.5);
  else for (const chunk of byRarity) askPeers(plan, chunk);
  if (lastDue === Number.POSITIVE_INFINITY) askLeases(plan, leases, wanted);
}

function rarestFirst(a: Wanted, b: Wanted): number {
  if (a.zone !== b.zone) return a.zone === "safety" ? -1 : 1;
  return a.here.length - b.here.length || a.due - b.due;
}

/** Asks for the first leases that this viewer can use soon, so that the others are left to others. */
function askLeases(plan: Planner, leases: readonly Wanted[], wanted: readonly Wanted[]): void {
  const open = wanted.filter(({ chunk }) => ["asked", "granted"].includes(chunk.lease?.state ?? ""));
  const most = Math.min(rules.leaseBytes, Math.max(1, plan.snapshot.origin.rate * 2));
  let count = open.length;
  let bytes = open.reduce((sum, { chunk }) => sum + bytesIn(chunk.missing), 0);
  const asked: Wanted[] = [];
  for (const next of leases) {
    if (count > 0 && (bytes + next.chunk.size > most || count >= rules.leaseChunks)) break;
    asked.push(next);
    bytes += next.chunk.size;
    count += 1;
  }
  plan.lease(
    asked.map(({ chunk }) => chunk.place),
    false,
  );
}

/** The chunks within the window, as far as the cache keeps them, with their deadlines and zones. */
function wantedOf(plan: Planner): Wanted[] {
  const { snapshot } = plan;
  const ahead = aheadOf(snapshot.watched);
  const urgent = urgentZone(snapshot);
  const wanted: Wanted[] = [];
  let room = snapshot.room;
  for (const chunk of snapshot.chunks) {
    const due = (chunk.start - snapshot.playhead) / Math.max(snapshot.rate, 0.1) - rules.handOver;
    room -= chunk.size;
    if (!chunk.asked && (room < 0 || due > ahead)) continue;
    const next = viewOf(snapshot, chunk, due, zoneOf(due, urgent));
    if (chunk.asked || next.zone !== "future" || isWorthIt(snapshot, next)) wanted.push(next);
  }
  return wanted;
}

function viewOf(snapshot: Snapshot, chunk: ChunkView, due: number, zone: Zone): Wanted {
  const here: PeerView[] = [];
  const fetching: PeerView[] = [];
  for (const peer of snapshot.peers) {
    const holding = peer.holds(chunk.place);
    if (holding === "here") here.push(peer);
    else if (holding === "fetching") fetching.push(peer);
  }
  const { transfers } = chunk;
  return { chunk, due, zone, here, fetching, transfers, promised: promisedOf({ here, transfers }) };
}

function zoneOf(due: number, urgent: number): Zone {
  if (due <= urgent) return "urgent";
  return due <= rules.ahead ? "safety" : "future";
}

/** Long enough for two tries of the largest chunk at the origin, within the bounds. */
function urgentZone({ origin }: Snapshot): number {
  const twice = 2 * (origin.firstByte + (1 << 20) / origin.rate);
  return Math.min(rules.urgentMost, Math.max(rules.urgentLeast, twice));
}

/** In the future, what few have is fetched sooner than what many have, and the near before the far. */
function isWorthIt(snapshot: Snapshot, { chunk, due, here, fetching }: Wanted): boolean {
  if (chunk.transfers.length > 0) return true;
  const near = Math.exp((rules.ahead - due) / rules.futureFall);
  return lot(snapshot.seed, chunk.place) < near / (1 + here.length + fetching.length);
}
