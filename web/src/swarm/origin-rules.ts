import { fetchedOf, lot, openParts, type Planner, type Wanted } from "./planner.ts";
import { bytesIn, type Range, subtract } from "./ranges.ts";
import { rules } from "./rules.ts";
import type { LeaseView, TransferView } from "./snapshot.ts";

/** What came of looking at a chunk: it is seen to, or a lease is to be asked for, or it must not be kept waiting for others. */
export type Outlook = "fine" | "needs-lease" | "critical";

/**
 * Fetches a chunk from the origin if this viewer has the lease, or if nothing else brings it in time.
 */
export function useOrigin(plan: Planner, wanted: Wanted): Outlook {
  const open = subtract(wanted.chunk.missing, fetchedOf(wanted));
  const criticalAt = plan.criticalAt(bytesIn(open));
  if (wanted.zone !== "urgent" || wanted.due > criticalAt || canWait(plan)) {
    plan.lookAt(plan.snapshot.now + wanted.due - criticalAt);
    if (open.length === 0) return "fine";
    if (wanted.chunk.lease?.state !== "granted") return wantsLease(plan, wanted, criticalAt);
    fetchLeased(plan, wanted);
    return "fine";
  }
  if (comesInTime(plan, wanted) || comesByLease(plan, wanted)) {
    plan.lookAt(plan.snapshot.now + 0.2);
    return "fine";
  }
  if (asksFirst(plan, wanted, open)) {
    plan.lookAt(plan.snapshot.now + 0.2);
    return wanted.chunk.lease?.state === "asked" ? "fine" : "needs-lease";
  }
  fetchNow(plan, wanted);
  return "critical";
}

/** Whether the origin takes long, and would be late with so many bytes: nothing is lost then by waiting for others. */
function originIsLate(plan: Planner, due: number, bytes: number): boolean {
  return plan.originNeeds(bytes) > Math.max(due, rules.slowOrigin);
}

/** A player that stands still by itself, with a picture, waits for nothing. */
function canWait({ snapshot }: Planner): boolean {
  return snapshot.paused && snapshot.bufferEnd - snapshot.playhead > 1;
}

/** Fetches all of a chunk that has a lease; of one that several have begun, what nobody sees to. */
function fetchLeased(plan: Planner, wanted: Wanted): void {
  const { chunk, due } = wanted;
  const open = openParts(wanted);
  if (open.length === 0) return;
  if (plan.mayFetch(due, chunk.place.rendition, false)) {
    const isFresh = bytesIn(open) === chunk.size && wanted.fetching.length === 0;
    const range = isFresh
      ? { start: chunk.offset, end: chunk.offset + chunk.size }
      : bestPart(plan, wanted, open);
    if (range !== null) plan.fetch(chunk, range.start, range.end, due);
    else plan.lookAt(plan.snapshot.now + 0.1);
    return;
  }
  const until = (chunk.lease?.since ?? 0) + rules.unusedFor;
  if (plan.snapshot.now > until) plan.decide({ do: "release", places: [chunk.place] });
  else plan.lookAt(until + 0.01);
}

/**
 * Whether nobody is known to bring this chunk, so that a lease is to be asked for. Where the room cannot help, because it is gone
 * or because who has the chunk is too slow or not a neighbour, lots decide who fetches it first.
 */
function wantsLease(plan: Planner, wanted: Wanted, criticalAt: number): Outlook {
  const { snapshot } = plan;
  if (wanted.fetching.length > 0 || holdersBring(plan, wanted) || canFetchNothing(plan)) return "fine";
  const { lease, place } = wanted.chunk;
  if (snapshot.joined && !isUnanswered(plan, wanted)) {
    if (lease === undefined || isOver(plan, lease)) return "needs-lease";
    const isFresh = snapshot.now - lease.since < rules.readyPatience;
    if (lease.state !== "ready" || isFresh) return "fine";
  }
  const mine = criticalAt + (rules.urgentMost - criticalAt) * lot(snapshot.seed, place);
  if (snapshot.settling || wanted.due > mine) plan.lookAt(snapshot.now + wanted.due - mine);
  else fetchNow(plan, wanted);
  return "fine";
}

/** Whether the peers that have a chunk are fast enough to send it before it is needed. */
function holdersBring(plan: Planner, { chunk, due, here }: Wanted): boolean {
  const able = here.filter(({ gives, restingUntil }) => gives && restingUntil < plan.snapshot.now + due);
  if (able.length === 0) return false;
  const rate = able.reduce((sum, peer) => sum + peer.rate, 0);
  const soonest = Math.min(...able.map((peer) => plan.peerNeeds(peer, 0)));
  return Math.min(soonest, rules.peerPipeline * 2) + bytesIn(chunk.missing) / rate < due - rules.originMargin;
}

function isOver({ snapshot }: Planner, { state, since }: LeaseView): boolean {
  return state !== "asked" && snapshot.now - since > (state === "ready" ? rules.readyFor : rules.heldFor);
}

function isUnanswered(plan: Planner, { chunk }: Wanted): boolean {
  return chunk.lease?.state === "asked" && plan.snapshot.now - chunk.lease.since > rules.answerWithin;
}

function canFetchNothing({ snapshot }: Planner): boolean {
  return snapshot.now < snapshot.origin.restingUntil;
}

/** Whether all that is missing is under way and will be here before it is needed, or sooner than a slow origin would bring it. */
function comesInTime(plan: Planner, wanted: Wanted): boolean {
  const { chunk, due } = wanted;
  const time = expected(plan, wanted);
  if (time < due - rules.originMargin) return true;
  const bytes = bytesIn(subtract(chunk.missing, fetchedOf(wanted)));
  const isPromised = openParts(wanted).length === 0;
  return isPromised && originIsLate(plan, due, bytes) && time < plan.originNeeds(bytes);
}

/** When all will be here that is under way, in seconds from now; Infinity if something is not, or stands still. */
function expected(plan: Planner, wanted: Wanted): number {
  const { transfers, here } = wanted;
  let last = fetchedOf(wanted).length > 0 ? plan.originNeeds(0) : 0;
  for (const peer of here) {
    if (transfers.some(({ from }) => from === peer.id)) last = Math.max(last, plan.peerNeeds(peer, 0));
  }
  const open = openParts(wanted);
  if (open.length === 0) return last;
  const flows = transfers.filter(({ from }) => from !== null && here.every(({ id }) => id !== from));
  if (flows.length === 0 || subtract(open, flows).length > 0) return Number.POSITIVE_INFINITY;
  const got = flows.reduce((sum, flow) => sum + flow.got, 0);
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
  if (lease?.state !== "held" && lease?.state !== "ready") return false;
  if (here.length > 0 || (fetching.length > 0 && !isLarge(plan))) return false;
  const bytes = bytesIn(chunk.missing);
  const waited = plan.snapshot.now - lease.since;
  return originIsLate(plan, due, bytes) && waited < Math.min(rules.heldFor, plan.criticalAt(bytes));
}

/**
 * Whether to ask the room although time is short: the origin would be late anyway, and many more viewers than the neighbours may be
 * about to fetch the same. What neighbours fetch together they see; what others fetch only the room knows.
 */
function asksFirst(plan: Planner, { chunk, due, here }: Wanted, open: readonly Range[]): boolean {
  const { snapshot } = plan;
  if (!snapshot.joined || !isLarge(plan) || here.length > 0) return false;
  if (!originIsLate(plan, due, bytesIn(open))) return false;
  const { lease } = chunk;
  if (lease?.state === "asked") return snapshot.now - lease.since < rules.answerSoon;
  return lease === undefined || isOver(plan, lease);
}

/** Whether each chunk would leave the origin several times if neighbours alone fetched it together. */
function isLarge({ snapshot }: Planner): boolean {
  return snapshot.peers.length > 0 && snapshot.viewers > 2 * (snapshot.peers.length + 1);
}

/** Fetches without asking. All who do begin at different places, so that together they bring the chunk about once. */
function fetchNow(plan: Planner, wanted: Wanted): void {
  const { chunk, due } = wanted;
  for (;;) {
    const open = subtract(chunk.missing, fetchedOf(wanted));
    if (open.length === 0 || !plan.mayFetch(due, chunk.place.rendition, true, open.length > 1)) return;
    const range = plan.untouchedSegment(chunk)
      ? { start: Math.floor(chunk.segmentSize * plan.snapshot.stripe), end: chunk.segmentSize }
      : bestPart(plan, wanted, open);
    if (range === null) {
      plan.lookAt(plan.snapshot.now + 0.1);
      return;
    }
    plan.lease(plan.placesIn(chunk, range.start, range.end), true);
    plan.fetch(chunk, range.start, range.end, due);
  }
}

/**
 * The part of a chunk to fetch, in bytes of its segment: of what nobody sees to, or else of the largest part, ahead of whoever is
 * in it. Null if that is too little to ask for.
 */
function bestPart(plan: Planner, wanted: Wanted, open: readonly Range[]): Range | null {
  const { chunk, promised, fetching } = wanted;
  const { stripe } = plan.snapshot;
  const uncovered = subtract(open, promised);
  const parts = uncovered.length > 0 ? uncovered : open;
  const flows = flowsOf(plan, wanted);
  // Scraps are about to come too, while anything comes.
  const least = flows.length > 0 ? rules.leastPart : 1;
  const worthIt = parts.filter(({ start, end }) => end - start >= least);
  if (worthIt.length === 0) return null;
  const free = worthIt.filter((part) => !isBeingFilled(flows, part));
  const share = Math.ceil(bytesIn(free.length > 0 ? free : worthIt) / (1 + fetching.length));
  const range =
    free.length > 0 ? fromStripe(free, stripe, share) : aheadOfOthers(largest(worthIt), stripe, share);
  const { start, end } = atMost(range, share);
  return end - start < least ? null : { start: chunk.offset + start, end: chunk.offset + end };
}

/** What peers send as they get it themselves, and have sent of late. */
function flowsOf({ snapshot }: Planner, { transfers, fetching }: Wanted): TransferView[] {
  return transfers.filter(({ from, got, lastByte }) => {
    const isFresh = got > 0 && snapshot.now - lastByte < 0.5;
    return isFresh && fetching.some(({ id }) => id === from);
  });
}

function isBeingFilled(flows: readonly TransferView[], part: Range): boolean {
  return flows.some(({ reached }) => Math.abs(reached - part.start) < rules.leastSkip);
}

function largest(parts: readonly Range[]): Range {
  return parts.reduce((a, b) => (b.end - b.start > a.end - a.start ? b : a));
}

/** A part that somebody fills from its beginning: from somewhere in it on, each viewer from elsewhere. */
function aheadOfOthers(part: Range, stripe: number, share: number): Range {
  return withShare(part, Math.floor((part.end - part.start) * (0.2 + 0.8 * stripe)), share);
}

/**
 * The rest of a part, after so many bytes. It has this viewer's share at least: who took only what lies behind its place, again and
 * again, would take less each time, and never the beginning.
 */
function withShare({ start, end }: Range, skip: number, share: number): Range {
  return { start: Math.max(start, Math.min(start + skip, end - share)), end };
}

/** The beginning of a range: of a part that several fetch, each fetches its share and then looks again. */
function atMost({ start, end }: Range, bytes: number): Range {
  const most = Math.max(rules.leastPiece, bytes);
  return { start, end: end - start < 1.5 * most ? end : start + most };
}

/** The parts from a share of their bytes on, up to the end of the part where that is. */
function fromStripe(parts: readonly Range[], stripe: number, share: number): Range {
  // What is small is not worth several requests.
  const total = bytesIn(parts);
  let skip = total < 2 * rules.leastPiece ? 0 : Math.floor(total * stripe);
  for (const part of parts) {
    const length = part.end - part.start;
    if (skip < length) return withShare(part, skip, share);
    skip -= length;
  }
  return parts[0] as Range;
}
