import { type Planner, useOf, type Wanted } from "./planner.ts";
import { bytesIn } from "./ranges.ts";
import { rules } from "./rules.ts";
import type { PeerView, TransferView } from "./snapshot.ts";

/** Ends what brings nothing more: what is here, what another brings sooner, what is silent. */
export function cancelUseless(plan: Planner, wanted: Wanted): void {
  for (const transfer of wanted.transfers) {
    if (useOf(transfer, wanted.chunk).length === 0) plan.cancel(transfer, "redundant", wanted);
    else if (transfer.from === null) cancelOvertaken(plan, transfer, wanted);
    else cancelRequest(plan, transfer, transfer.from, wanted);
  }
}

/** Ends transfers that nobody waits for any more, unless they are nearly done. */
export function cancelStrays(plan: Planner): void {
  for (const transfer of plan.snapshot.strays) {
    const done = transfer.got / (transfer.got + transfer.end - transfer.start);
    if (done < rules.nearlyDone) plan.cancel(transfer, "unwanted");
  }
}

/** Gives up peers that failed again and again. */
export function dropFailing(plan: Planner): void {
  for (const { id, failures } of plan.snapshot.peers) {
    if (failures >= rules.dropAfter) plan.decide({ do: "drop", peer: id });
  }
}

/** Stops the origin where peers were faster, if that saves more than asking again costs. */
function cancelOvertaken(plan: Planner, transfer: TransferView, wanted: Wanted): void {
  if (!transfer.active) return;
  const next = useOf(transfer, wanted.chunk)[0];
  const { rate, firstByte } = plan.snapshot.origin;
  const saved = (next?.start ?? transfer.end) - transfer.start;
  if (saved >= Math.max(rules.leastSkip, rate * firstByte)) plan.cancel(transfer, "redundant", wanted);
}

function cancelRequest(plan: Planner, transfer: TransferView, from: string, wanted: Wanted): void {
  const peer = wanted.here.find(({ id }) => id === from);
  if (peer === undefined) {
    // It gave up fetching, or threw the chunk out.
    if (wanted.fetching.every(({ id }) => id !== from)) plan.cancel(transfer, "redundant", wanted);
    return;
  }
  if (isTwin(transfer, wanted) || isOutdated(transfer, wanted)) {
    plan.cancel(transfer, "redundant", wanted);
    return;
  }
  const patience = patienceWith(plan, peer, wanted);
  if (plan.snapshot.now - transfer.lastByte > patience) plan.cancel(transfer, "silent", wanted);
  else plan.lookAt(transfer.lastByte + patience + 0.01);
}

/** Whether another peer that has the chunk too was asked for the same, which happens when both were still fetching it. */
function isTwin({ id, start, end }: TransferView, { transfers, here }: Wanted): boolean {
  return transfers.some((other) => {
    const covers = other.start <= start && other.end >= end;
    return other.id < id && covers && here.some((peer) => peer.id === other.from);
  });
}

/**
 * Whether a peer was asked while it was fetching, and others have sent some of that meanwhile: it is about to send all of it again, and is
 * asked anew for the rest.
 */
function isOutdated(transfer: TransferView, { chunk }: Wanted): boolean {
  const { early, start, end, got } = transfer;
  return early && end - start - got - bytesIn(useOf(transfer, chunk)) >= rules.leastPart;
}

/** How long a peer that has the bytes may send none, given what else it was asked for. */
function patienceWith(plan: Planner, peer: PeerView, wanted: Wanted): number {
  const silence = wanted.zone === "urgent" ? rules.silence / 2 : rules.silence;
  return silence + Math.min(3, plan.peerNeeds(peer, 0));
}
