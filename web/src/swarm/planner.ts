import type { ChunkPlace } from "../protocol/runs.ts";
import { intersect, type Range, subtract } from "./ranges.ts";
import { rules } from "./rules.ts";
import type { ChunkView, Decision, PeerView, Plan, Snapshot, TransferView } from "./snapshot.ts";

/** How near a chunk's deadline is, as a word. */
export type Zone = "urgent" | "safety" | "future";

/** A chunk that is to be got, with what the rules so far made of it. */
export interface Wanted {
  readonly chunk: ChunkView;
  /** Seconds until the player must have it; negative when it is late. */
  readonly due: number;
  readonly zone: Zone;
  /** The peers that have it, and those that fetch it. */
  readonly here: readonly PeerView[];
  readonly fetching: readonly PeerView[];
  /** Its transfers without those that were cancelled meanwhile. */
  transfers: readonly TransferView[];
  /** What is to come from peers that have it. */
  promised: readonly Range[];
}

interface Load {
  bytes: number;
  requests: number;
}

interface Fetch {
  readonly id: number;
  readonly rendition: string;
  readonly due: number;
  pending: number;
}

/** What one decision has used up so far, and the decisions themselves. */
export class Planner {
  readonly snapshot: Snapshot;
  readonly #decisions: Decision[] = [];
  readonly #loads = new Map<string, Load>();
  readonly #fetches = new Map<number, Fetch>();
  #planned = -1;
  #wanted: readonly Wanted[] = [];
  #lookAgain = Number.POSITIVE_INFINITY;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    for (const peer of snapshot.peers) {
      this.#loads.set(peer.id, { bytes: peer.outstanding, requests: peer.requests });
    }
  }

  finish(): Plan {
    return { decisions: this.#decisions, lookAgain: this.#lookAgain };
  }

  decide(decision: Decision): void {
    this.#decisions.push(decision);
  }

  /** Asks to decide again at a time, if nothing makes it necessary before. */
  lookAt(time: number): void {
    if (time > this.snapshot.now) this.#lookAgain = Math.min(this.#lookAgain, time);
  }

  /** Takes in what is to be got, with what is under way for it. Comes first. */
  want(wanted: readonly Wanted[]): void {
    this.#wanted = wanted;
    for (const { chunk, due, transfers } of wanted) {
      for (const transfer of transfers) {
        if (transfer.from === null) this.#noteFetch(transfer, chunk.place.rendition, due);
      }
    }
  }

  /** The bytes that come from the origin before any that are asked for now. */
  get originPending(): number {
    let sum = 0;
    for (const { pending } of this.#fetches.values()) sum += pending;
    return sum;
  }

  /** The seconds that the origin needs for so many bytes, behind what it was asked for. */
  originNeeds(bytes: number): number {
    const { firstByte, rate } = this.snapshot.origin;
    return firstByte + (bytes + this.originPending) / rate;
  }

  /** What is left when the origin must be asked, lease or not. */
  criticalAt(bytes: number): number {
    return this.originNeeds(bytes) * rules.originFactor + rules.originMargin;
  }

  cancel(transfer: TransferView, why: "silent" | "redundant" | "unwanted", wanted?: Wanted): void {
    this.decide({ do: "cancel", id: transfer.id, why });
    if (transfer.from === null) this.#fetches.delete(transfer.id);
    else this.#charge(transfer.from, transfer.start - transfer.end, -1);
    if (wanted === undefined) return;
    wanted.transfers = wanted.transfers.filter(({ id }) => id !== transfer.id);
    wanted.promised = promisedOf(wanted);
  }

  /** Whether a peer may be given another request. */
  takesMore(peer: PeerView): boolean {
    return this.#loadOf(peer.id).requests < rules.peerRequests;
  }

  /** How many more bytes a peer may be asked for. */
  capacity(peer: PeerView, urgent: boolean): number {
    const load = this.#loadOf(peer.id);
    if (!this.takesMore(peer)) return 0;
    const pipeline = Math.max(rules.peerPipelineLeast, peer.rate * rules.peerPipeline);
    return Math.max(0, Math.floor((urgent ? 2 : 1) * pipeline) - load.bytes);
  }

  /** When a peer will have sent so many more bytes, in seconds from now. */
  peerNeeds(peer: PeerView, bytes: number): number {
    return (this.#loadOf(peer.id).bytes + bytes) / peer.rate;
  }

  request(peer: PeerView, wanted: Wanted, range: Range): void {
    const { place } = wanted.chunk;
    this.decide({ do: "request", peer: peer.id, place, ...range, urgent: wanted.zone === "urgent" });
    const hasIt = wanted.here.includes(peer);
    this.#charge(peer.id, hasIt ? range.end - range.start : 0, 1);
    if (hasIt) wanted.promised = [...wanted.promised, range];
  }

  /**
   * Whether the origin may be asked for more now. What cannot wait goes one after another in each rendition, and a fetch of
   * what can wait is given up for it. Pieces of a chunk go together where asking takes longer than sending.
   */
  mayFetch(due: number, rendition: string, critical: boolean, inPieces = false): boolean {
    const { origin, now } = this.snapshot;
    if (now < origin.restingUntil) {
      this.lookAt(origin.restingUntil);
      return false;
    }
    const fetches = [...this.#fetches.values()];
    if (critical) {
      const before = fetches.filter((fetch) => fetch.rendition === rendition);
      const isFast = this.originNeeds(0) < rules.slowOrigin;
      const isLittle = this.originPending < origin.rate * origin.firstByte;
      const most = inPieces && isFast && isLittle ? rules.originFetches : 1;
      return before.length < most || this.#giveUpLatest(before, due);
    }
    const pipeline = origin.rate * rules.originPipeline;
    return fetches.length === 0 || (fetches.length < rules.originFetches && this.originPending < pipeline);
  }

  /** Fetches bytes of a chunk's segment. */
  fetch(chunk: ChunkView, start: number, end: number, due: number): void {
    const { rendition } = chunk.place;
    const id = this.#planned;
    this.#planned -= 1;
    this.decide({ do: "origin", rendition, segment: chunk.segment, start, end });
    this.#fetches.set(id, { id, rendition, due, pending: end - start });
    for (const wanted of this.#segmentOf(chunk)) {
      const { offset, size } = wanted.chunk;
      const part = { start: Math.max(0, start - offset), end: Math.min(size, end - offset) };
      if (part.start >= part.end) continue;
      const now = this.snapshot.now;
      const transfer = {
        id,
        from: null,
        ...part,
        got: 0,
        reached: part.start,
        since: now,
        lastByte: now,
        active: false,
        early: false,
      };
      wanted.transfers = [...wanted.transfers, transfer];
    }
  }

  /** What is under way from the origin of a chunk, with what was decided so far. */
  fetched(chunk: ChunkView): Range[] {
    const wanted = this.#wanted.find((other) => other.chunk === chunk);
    return wanted === undefined ? [] : fetchedOf(wanted);
  }

  /** Whether nothing of a chunk's segment is here or under way. */
  untouchedSegment(chunk: ChunkView): boolean {
    let missing = 0;
    for (const { chunk: other, transfers } of this.#segmentOf(chunk)) {
      if (transfers.length > 0) return false;
      for (const { start, end } of other.missing) missing += end - start;
    }
    return missing === chunk.segmentSize;
  }

  /** The chunks that bytes of a segment belong to. */
  placesIn(chunk: ChunkView, start: number, end: number): ChunkPlace[] {
    const touched = this.#segmentOf(chunk).filter(({ chunk: { offset, size } }) => {
      return offset < end && offset + size > start;
    });
    return touched.map((wanted) => wanted.chunk.place);
  }

  lease(places: readonly ChunkPlace[], urgent: boolean): void {
    if (places.length > 0) this.decide({ do: "lease", places, urgent });
  }

  #noteFetch(transfer: TransferView, rendition: string, due: number): void {
    const known = this.#fetches.get(transfer.id);
    const pending = transfer.end - transfer.start;
    if (known === undefined) this.#fetches.set(transfer.id, { id: transfer.id, rendition, due, pending });
    else known.pending += pending;
  }

  #segmentOf({ place, segment }: ChunkView): Wanted[] {
    return this.#wanted.filter(
      ({ chunk }) => chunk.segment === segment && chunk.place.rendition === place.rendition,
    );
  }

  #giveUpLatest(fetches: readonly Fetch[], due: number): boolean {
    const latest = fetches.reduce((a, b) => (b.due > a.due ? b : a));
    if (latest.due < due + 2 || latest.id < 0) return false;
    this.decide({ do: "cancel", id: latest.id, why: "unwanted" });
    this.#fetches.delete(latest.id);
    return true;
  }

  #loadOf(peer: string): Load {
    return this.#loads.get(peer) ?? { bytes: 0, requests: 0 };
  }

  #charge(peer: string, bytes: number, requests: number): void {
    const load = this.#loads.get(peer);
    if (load === undefined) return;
    load.bytes = Math.max(0, load.bytes + bytes);
    load.requests += requests;
  }
}

/** The ranges that are under way from peers that have the chunk. */
export function promisedOf(wanted: Pick<Wanted, "here" | "transfers">): Range[] {
  const sure = wanted.transfers.filter(
    ({ from }) => from !== null && wanted.here.some(({ id }) => id === from),
  );
  return sure.map(({ start, end }) => ({ start, end }));
}

/** The ranges that are under way from the origin. */
export function fetchedOf(wanted: Pick<Wanted, "transfers">): Range[] {
  return wanted.transfers.filter(({ from }) => from === null).map(({ start, end }) => ({ start, end }));
}

/** The parts of a chunk that nobody was asked for that has them. */
export function openParts(wanted: Wanted): Range[] {
  return subtract(wanted.chunk.missing, [...wanted.promised, ...fetchedOf(wanted)]);
}

/** The bytes that a transfer can still bring. */
export function useOf(transfer: TransferView, chunk: ChunkView): Range[] {
  return intersect(chunk.missing, transfer);
}

/** A number from 0 up to 1 that is always the same for this viewer and this chunk. */
export function lot(seed: number, { rendition, ordinal }: ChunkPlace): number {
  let hash = (seed ^ 0x9e3779b9) >>> 0;
  for (let i = 0; i < rendition.length; i++) hash = Math.imul(hash ^ rendition.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ ordinal, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
