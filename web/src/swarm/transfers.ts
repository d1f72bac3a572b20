import type { ChunkPlace } from "../protocol/runs.ts";
import type { IndexedChunk } from "./chunk-index.ts";
import { keyOf } from "./places.ts";
import type { TransferView } from "./snapshot.ts";

/** A range of a segment that is being fetched from the origin, in order. Times are in seconds. */
export interface OriginTransfer {
  readonly id: number;
  readonly rendition: string;
  readonly segment: number;
  readonly start: number;
  readonly end: number;
  readonly since: number;
  /** Where in the segment the next byte belongs. */
  position: number;
  lastByte: number;
  stop: () => void;
}

/** A range of a chunk that a peer was asked for. */
export interface PeerTransfer {
  readonly id: number;
  readonly peer: string;
  readonly place: ChunkPlace;
  readonly start: number;
  readonly end: number;
  readonly since: number;
  /** It has the bytes, so that how they come tells of its speed. */
  readonly measured: boolean;
  got: number;
  /** The end of the bytes that came last. */
  reached: number;
  lastByte: number;
  stop: () => void;
}

/** Everything that is under way. */
export class Transfers {
  readonly #fromOrigin = new Map<number, OriginTransfer>();
  readonly #fromPeers = new Map<number, PeerTransfer>();
  readonly #byChunk = new Map<string, Set<PeerTransfer>>();
  #last = 0;

  nextId(): number {
    this.#last += 1;
    return this.#last;
  }

  get fromOrigin(): Iterable<OriginTransfer> {
    return this.#fromOrigin.values();
  }

  get fromPeers(): Iterable<PeerTransfer> {
    return this.#fromPeers.values();
  }

  addOrigin(transfer: OriginTransfer): void {
    this.#fromOrigin.set(transfer.id, transfer);
  }

  addPeer(transfer: PeerTransfer): void {
    this.#fromPeers.set(transfer.id, transfer);
    const key = keyOf(transfer.place);
    const others = this.#byChunk.get(key);
    if (others === undefined) this.#byChunk.set(key, new Set([transfer]));
    else others.add(transfer);
  }

  origin(id: number): OriginTransfer | undefined {
    return this.#fromOrigin.get(id);
  }

  peer(id: number): PeerTransfer | undefined {
    return this.#fromPeers.get(id);
  }

  /** Removes a transfer; false when it was gone already. */
  remove(id: number): boolean {
    const transfer = this.#fromPeers.get(id);
    if (transfer === undefined) return this.#fromOrigin.delete(id);
    this.#fromPeers.delete(id);
    const key = keyOf(transfer.place);
    const others = this.#byChunk.get(key);
    others?.delete(transfer);
    if (others?.size === 0) this.#byChunk.delete(key);
    return true;
  }

  /** This page stood still, so that nobody is to blame for bytes that were not read: all of them came just now. */
  excuse(now: number): void {
    for (const transfer of this.#fromOrigin.values()) transfer.lastByte = now;
    for (const transfer of this.#fromPeers.values()) transfer.lastByte = now;
  }

  /** Whether the origin is being asked for bytes of a chunk. */
  isFetching(chunk: IndexedChunk): boolean {
    for (const transfer of this.#fromOrigin.values()) if (sliceOf(transfer, chunk) !== null) return true;
    return false;
  }

  /** Whether the origin is being asked for bytes of a segment. */
  isFetchingOf(rendition: string, segment: number): boolean {
    return [...this.#fromOrigin.values()].some((t) => t.rendition === rendition && t.segment === segment);
  }

  /** Whether a peer was asked for bytes of a chunk. */
  isComing(place: ChunkPlace): boolean {
    return this.#byChunk.has(keyOf(place));
  }

  viewsOf(chunk: IndexedChunk): TransferView[] {
    const views: TransferView[] = [];
    for (const transfer of this.#fromOrigin.values()) {
      const view = sliceOf(transfer, chunk);
      if (view !== null) views.push(view);
    }
    for (const transfer of this.#byChunk.get(keyOf(chunk.place)) ?? []) views.push(viewOf(transfer));
    return views;
  }

  /** The transfers of chunks that are not wanted. */
  strays(
    isWanted: (place: ChunkPlace) => boolean,
    segmentIsWanted: (t: OriginTransfer) => boolean,
  ): TransferView[] {
    const views: TransferView[] = [];
    for (const transfer of this.#fromPeers.values())
      if (!isWanted(transfer.place)) views.push(viewOf(transfer));
    for (const transfer of this.#fromOrigin.values()) {
      if (segmentIsWanted(transfer)) continue;
      const { id, position, start, end, since, lastByte } = transfer;
      views.push({
        id,
        from: null,
        start: position,
        end,
        got: position - start,
        reached: position,
        since,
        lastByte,
        active: true,
        early: false,
      });
    }
    return views;
  }
}

function viewOf({ id, peer, measured, ...transfer }: PeerTransfer): TransferView {
  const { start, end, got, reached, since, lastByte } = transfer;
  return { id, from: peer, start, end, got, reached, since, lastByte, active: true, early: !measured };
}

/** What a fetch still brings of a chunk, in the chunk's bytes; null for nothing. */
function sliceOf(transfer: OriginTransfer, chunk: IndexedChunk): TransferView | null {
  const { id, rendition, segment, position, since, lastByte } = transfer;
  if (segment !== chunk.segment || rendition !== chunk.place.rendition) return null;
  const start = Math.max(0, position - chunk.offset);
  const end = Math.min(chunk.size, transfer.end - chunk.offset);
  if (start >= end) return null;
  const first = Math.max(0, transfer.start - chunk.offset);
  const active = position >= chunk.offset;
  return {
    id,
    from: null,
    start,
    end,
    got: start - first,
    reached: start,
    since,
    lastByte,
    active,
    early: false,
  };
}
