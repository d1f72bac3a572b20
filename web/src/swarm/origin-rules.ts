import { fetchedOf, lot, openParts, type Planner, type Wanted } from "./planner.ts";
import { bytesIn, type Range, subtract } from "./ranges.ts";
import { rules } from "./rules.ts";

/**
 * Fetches a chunk from the origin if this viewer has the lease, or if nothing else brings it in time. Returns true when a lease
 * should be asked for.
 */
export function useOrigin(plan: Planner, wanted: Wanted): boolean {
  const open = subtract(wanted.chunk.missing, fetchedOf(wanted));
  if (open.length === 0) return false;
  if (wanted.chunk.lease?.state === "granted") {
    fetchLeased(plan, wanted);
    return false;
  }
  const criticalAt = plan.criticalAt(bytesIn(open));
  if (wanted.due > criticalAt || canWait(plan)) {
    plan.lookAt(plan.snapshot.now + wanted.due - criticalAt);
    return wantsLease(plan, wanted, criticalAt);
  }
  if (comesInTime(plan, wanted) || comesByLease(plan, wanted)) plan.lookAt(plan.snapshot.now + 0.2);
  else fetchNow(plan, wanted, open);
  return false;
}

/** Whether a chunk that is still missing keeps this viewer from fetching what can wait. */
export function holdsUpOthers(plan: Planner, { chunk, due }: Wanted): boolean {
  return !canWait(plan) && due <= plan.criticalAt(bytesIn(chunk.missing));
}

/** A player that stands still by itself, with a picture, waits for nothing. */
function canWait({ snapshot }: Planner): boolean {
  return snapshot.paused && snapshot.bufferEnd - snapshot.playhead > 1;
}

function fetchLeased(plan: Planner, wanted: Wanted): void {
  const { chunk, due } = wanted;
  const open = openParts(wanted);
  const range = open[0];
  if (range === undefined) return;
  if (plan.mayFetch(due, chunk.place.rendition, false)) {
    plan.fetch(chunk, chunk.offset + range.start, chunk.offset + range.end, due);
    return;
  }
  const until = (chunk.lease?.since ?? 0) + rules.unusedFor;
  if (plan.snapshot.now > until) plan.decide({ do: "release", places: [chunk.place] });
  else plan.lookAt(until + 0.01);
}

/** Whether nobody is known to have this chunk or to see to it. Without a room, lots decide who fetches first. */
function wantsLease(plan: Planner, wanted: Wanted, criticalAt: number): boolean {
  const { snapshot } = plan;
  if (wanted.here.length > 0 || wanted.fetching.length > 0 || canFetchNothing(plan)) return false;
  const { lease, place } = wanted.chunk;
  if (snapshot.joined && !isUnanswered(plan, wanted)) {
    if (lease === undefined) return true;
    return lease.state !== "asked" && snapshot.now - lease.since > leaseLasts(lease.state);
  }
  const mine = criticalAt + (rules.urgentMost - criticalAt) * lot(snapshot.seed, place);
  if (snapshot.settling || wanted.due > mine) {
    plan.lookAt(snapshot.now + wanted.due - mine);
    return false;
  }
  fetchNow(plan, wanted, openParts(wanted));
  return false;
}

function leaseLasts(state: "held" | "ready" | "granted"): number {
  return state === "ready" ? rules.readyFor : rules.heldFor;
}

function isUnanswered(plan: Planner, { chunk }: Wanted): boolean {
  return chunk.lease?.state === "asked" && plan.snapshot.now - chunk.lease.since > rules.answerWithin;
}

function canFetchNothing({ snapshot }: Planner): boolean {
  return snapshot.now < snapshot.origin.restingUntil;
}

/** Whether all that is missing is under way and will be here before it is needed. */
function comesInTime(plan: Planner, wanted: Wanted): boolean {
  return expected(plan, wanted) < wanted.due - rules.originMargin;
}

/** When all will be here that is under way, in seconds from now; Infinity if something is not, or stands still. */
function expected(plan: Planner, wanted: Wanted): number {
  const { chunk, transfers, here } = wanted;
  let last = fetchedOf(wanted).length > 0 ? plan.originNeeds(0) : 0;
  for (const peer of here) {
    if (transfers.some(({ from }) => from === peer.id)) last = Math.max(last, plan.peerNeeds(peer, 0));
  }
  const open = openParts(wanted);
  if (open.length === 0) return last;
  const flows = transfers.filter(({ from }) => from !== null && here.every(({ id }) => id !== from));
  if (flows.length === 0 || subtract(open, flows).length > 0) return Number.POSITIVE_INFINITY;
  const got = chunk.size - bytesIn(chunk.missing);
  const began = Math.min(...flows.map(({ since }) => since));
  const took = plan.snapshot.now - began;
  if (got === 0) return took < 0.5 ? took : Number.POSITIVE_INFINITY;
  return Math.max(last, (bytesIn(open) / got) * Math.max(took, 0.05));
}

/**
 * Whether to trust a lease that a viewer has whom this one does not know: the origin would not be in time either, and that
 * viewer began before. Without this a slow origin would be asked by all for the same, and become slower still.
 */
function comesByLease(plan: Planner, { chunk, due, here, fetching }: Wanted): boolean {
  const { lease } = chunk;
  if (lease === undefined || lease.state === "asked" || here.length > 0 || fetching.length > 0) return false;
  const needs = plan.originNeeds(bytesIn(chunk.missing));
  const waited = plan.snapshot.now - lease.since;
  return (
    needs > Math.max(due, 1) && waited < Math.min(rules.heldFor, plan.criticalAt(bytesIn(chunk.missing)))
  );
}

/** Fetches without asking. All who do begin at different places, so that together they bring the chunk about once. */
function fetchNow(plan: Planner, wanted: Wanted, open: readonly Range[]): void {
  const { chunk, due } = wanted;
  if (open.length === 0 || !plan.mayFetch(due, chunk.place.rendition, true)) return;
  const whole = plan.untouchedSegment(chunk);
  const from = whole ? { start: 0, end: chunk.segmentSize } : { start: 0, end: chunk.size };
  const uncovered = subtract(open, wanted.promised);
  const parts = whole ? [from] : uncovered.length > 0 ? uncovered : open;
  const range = fromStripe(parts, Math.floor(from.end * plan.snapshot.stripe));
  const base = whole ? 0 : chunk.offset;
  plan.lease([...plan.placesIn(chunk, base + range.start, base + range.end)], true);
  plan.fetch(chunk, base + range.start, base + range.end, due);
}

/** The first open range from a place on, around the end. */
function fromStripe(open: readonly Range[], at: number): Range {
  const after = open.find(({ end }) => end > at);
  if (after !== undefined) return { start: Math.max(after.start, at), end: after.end };
  return open[0] as Range;
}
