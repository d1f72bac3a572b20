import type { ChunkPlace } from "../protocol/runs.ts";
import type { Cache } from "./cache.ts";
import type { CacheEntry } from "./cache-entry.ts";
import type { ChunkIndex, IndexedChunk, IndexedSegment } from "./chunk-index.ts";
import type { Clock } from "./clock.ts";
import type { MutableBytes } from "./counters.ts";
import type { OriginFetcher } from "./origin.ts";
import type { Peer, TransferFailure } from "./parts.ts";
import type { PeerBook } from "./peer-book.ts";
import type { Range } from "./ranges.ts";
import type { Timeline } from "./timeline.ts";
import type { OriginTransfer, PeerTransfer, Transfers } from "./transfers.ts";
import { Unindexed } from "./unindexed.ts";

export interface DownloadParts {
  readonly clock: Clock;
  readonly origin: OriginFetcher;
  readonly index: ChunkIndex;
  readonly timeline: Timeline;
  readonly cache: Cache;
  readonly transfers: Transfers;
  readonly peers: PeerBook;
  readonly bytes: MutableBytes;
  /** The address of one chunk. */
  chunkUrl(sha256: string): string;
}

export interface DownloadEvents {
  /** More of a segment is here; unindexed is how much while its chunks are not known. */
  onBytes(rendition: string, segment: number, unindexed?: number): void;
  /** All of a chunk is here, and nothing was checked yet. */
  onWhole(entry: CacheEntry): void;
  /** A segment came whole from the origin before anybody knew its chunks. */
  onRaw(rendition: string, segment: number, bytes: Uint8Array<ArrayBuffer>): void;
  /** The origin begins, or stops, to bring a chunk that is not here. */
  onFetching(place: ChunkPlace, fetching: boolean): void;
  onOriginFailed(rendition: string, segment: number, status: number): void;
  /** What is under way changed, so that there may be something to decide. */
  onChange(): void;
  /** Origin and peers are about to bring, or bring, the same. */
  onOverlap(): void;
}

/** Carries out fetches and requests, and puts what they bring into the cache. */
export class Downloads {
  readonly #parts: DownloadParts;
  readonly #events: DownloadEvents;
  readonly #unindexed = new Unindexed();

  constructor(parts: DownloadParts, events: DownloadEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** Fetches a range of a segment from the origin; all of it when its size is not known yet. */
  fetch(rendition: string, segment: number, range: Range | null, must: boolean): void {
    const { index, timeline, transfers, origin, clock } = this.#parts;
    const timed = timeline.segment(rendition, segment);
    if (timed === undefined) return;
    const indexed = index.segment(rendition, segment);
    const wanted = range ?? { start: 0, end: indexed?.size ?? Number.POSITIVE_INFINITY };
    const chunks = chunksIn(indexed, wanted);
    if (chunks.some((chunk) => this.#open(chunk, timed.start, must) === undefined)) return;
    const now = clock.now() / 1000;
    const transfer: OriginTransfer = {
      id: transfers.nextId(),
      rendition,
      segment,
      ...wanted,
      since: now,
      position: wanted.start,
      lastByte: now,
      stop: () => {},
    };
    const { url, part } = this.#address(timed.url, indexed, wanted, chunks);
    transfers.addOrigin(transfer);
    this.#pin(chunks, 1);
    for (const { place } of chunks) this.#events.onFetching(place, true);
    const end = () => this.#endFetch(transfer, chunks);
    transfer.stop = origin.get(url, part, {
      onBytes: (bytes) => this.#onOriginBytes(transfer, bytes),
      onDone: () => {
        end();
        this.#onOriginDone(transfer);
      },
      onFailed: (status) => {
        end();
        this.#events.onOriginFailed(rendition, segment, status);
      },
    });
    transfer.stop = joined(transfer.stop, end);
  }

  /** Asks a peer for a range of a chunk. */
  request(peer: Peer, chunk: IndexedChunk, { start, end }: Range, urgent: boolean, must: boolean): void {
    const { timeline, transfers, peers, clock } = this.#parts;
    const timed = timeline.segment(chunk.place.rendition, chunk.segment);
    if (timed === undefined || this.#open(chunk, timed.start, must) === undefined) return;
    const now = clock.now() / 1000;
    const transfer: PeerTransfer = {
      id: transfers.nextId(),
      peer: peer.id,
      place: chunk.place,
      start,
      end,
      since: now,
      measured: peer.holds(chunk.place) === "here",
      got: 0,
      reached: start,
      lastByte: now,
      stop: () => {},
    };
    transfers.addPeer(transfer);
    peers.asked(peer, end - start, transfer.measured, now);
    this.#pin([chunk], 1);
    const over = () => this.#endRequest(transfer, chunk);
    const piece = { ...chunk.place, offset: start, length: end - start, urgent };
    const { cancel } = peer.request(piece, {
      onBytes: (offset, bytes) => this.#onPeerBytes(transfer, chunk, offset, bytes),
      onDone: () => {
        over();
        this.#events.onChange();
      },
      onFailed: (why) => this.#onPeerFailed(transfer, over, why),
    });
    transfer.stop = joined(cancel, over);
  }

  cancel(id: number): void {
    const { transfers } = this.#parts;
    (transfers.origin(id) ?? transfers.peer(id))?.stop();
  }

  /** Ends everything that is under way. */
  stopAll(): void {
    const { transfers } = this.#parts;
    for (const { stop } of [...transfers.fromOrigin, ...transfers.fromPeers]) stop();
  }

  /** Takes in a whole segment that came from the origin in another way. */
  give(rendition: string, segment: number, bytes: Uint8Array): void {
    const indexed = this.#parts.index.segment(rendition, segment);
    this.#parts.bytes.origin += bytes.byteLength;
    if (indexed === undefined) this.#unindexed.add(rendition, segment, 0, bytes);
    else this.#write(rendition, segment, indexed, 0, bytes);
  }

  /** More chunks are known: what came before they were goes to its place. */
  indexed(): void {
    this.#unindexed.takeKnown((rendition, segment, parts) => {
      const indexed = this.#parts.index.segment(rendition, segment);
      if (indexed === undefined) return false;
      for (const { start, bytes } of parts) this.#write(rendition, segment, indexed, start, bytes);
      return true;
    });
  }

  /** A single chunk has an address of its own, which any node can answer. */
  #address(
    segmentUrl: string,
    indexed: IndexedSegment | undefined,
    range: Range,
    chunks: readonly IndexedChunk[],
  ): { url: string; part: Range | null } {
    const only = chunks.length === 1 ? chunks[0] : undefined;
    const isWhole = indexed === undefined || (range.start === 0 && range.end >= indexed.size);
    if (isWhole) return { url: segmentUrl, part: null };
    if (only === undefined) return { url: segmentUrl, part: range };
    const part = { start: range.start - only.offset, end: range.end - only.offset };
    const url = this.#parts.chunkUrl(only.sha256);
    return { url, part: part.start === 0 && part.end === only.size ? null : part };
  }

  #open(chunk: IndexedChunk, start: number, must: boolean): CacheEntry | undefined {
    return this.#parts.cache.open(chunk, start, must);
  }

  #pin(chunks: readonly IndexedChunk[], by: 1 | -1): void {
    for (const { place } of chunks) {
      const entry = this.#parts.cache.get(place);
      if (entry !== undefined) entry.pins = Math.max(0, entry.pins + by);
    }
  }

  #onOriginBytes(transfer: OriginTransfer, bytes: Uint8Array): void {
    const { rendition, segment, position } = transfer;
    this.#parts.bytes.origin += bytes.byteLength;
    transfer.position += bytes.byteLength;
    transfer.lastByte = this.#parts.clock.now() / 1000;
    const indexed = this.#parts.index.segment(rendition, segment);
    if (indexed === undefined) this.#unindexed.add(rendition, segment, position, bytes);
    else if (this.#write(rendition, segment, indexed, position, bytes) === 0) this.#events.onOverlap();
    this.#events.onBytes(rendition, segment, this.#unindexed.bytesOf(rendition, segment));
  }

  #onOriginDone({ rendition, segment, start }: OriginTransfer): void {
    const raw = start === 0 ? this.#unindexed.whole(rendition, segment) : undefined;
    if (raw !== undefined) this.#events.onRaw(rendition, segment, raw);
    this.#events.onChange();
  }

  #endFetch(transfer: OriginTransfer, chunks: readonly IndexedChunk[]): void {
    if (!this.#parts.transfers.remove(transfer.id)) return;
    this.#pin(chunks, -1);
    for (const chunk of chunks) {
      const isHere = this.#parts.cache.get(chunk.place)?.isWhole === true;
      if (!isHere && !this.#parts.transfers.isFetching(chunk)) this.#events.onFetching(chunk.place, false);
    }
  }

  #endRequest(transfer: PeerTransfer, chunk: IndexedChunk): void {
    if (!this.#parts.transfers.remove(transfer.id)) return;
    const left = transfer.end - transfer.start - transfer.got;
    this.#parts.peers.ended(transfer.peer, left, transfer.measured, this.#parts.clock.now() / 1000);
    this.#pin([chunk], -1);
  }

  #onPeerBytes(transfer: PeerTransfer, chunk: IndexedChunk, offset: number, bytes: Uint8Array): void {
    const now = this.#parts.clock.now() / 1000;
    transfer.got += bytes.byteLength;
    transfer.reached = offset + bytes.byteLength;
    transfer.lastByte = now;
    this.#parts.peers.got(transfer.peer, bytes.byteLength, transfer.measured, now);
    const entry = this.#parts.cache.get(chunk.place);
    const added = entry?.write(offset, bytes, transfer.peer, now * 1000) ?? 0;
    this.#parts.bytes.peers += added;
    this.#parts.bytes.duplicate += bytes.byteLength - added;
    if (entry !== undefined && added > 0 && entry.isWhole) this.#events.onWhole(entry);
    // The origin may be about to bring the same.
    if (this.#parts.transfers.isFetching(chunk)) this.#events.onOverlap();
    this.#events.onBytes(chunk.place.rendition, chunk.segment);
  }

  #onPeerFailed(transfer: PeerTransfer, over: () => void, why: TransferFailure): void {
    over();
    this.#parts.peers.failed(transfer.peer, why, this.#parts.clock.now() / 1000);
    this.#events.onChange();
  }

  /** Returns how many of the bytes were new. */
  #write(
    rendition: string,
    segment: number,
    indexed: IndexedSegment,
    position: number,
    bytes: Uint8Array,
  ): number {
    const start = this.#parts.timeline.segment(rendition, segment)?.start ?? 0;
    const range = { start: position, end: position + bytes.byteLength };
    let added = 0;
    for (const chunk of chunksIn(indexed, range)) {
      const from = Math.max(0, chunk.offset - position);
      const part = bytes.subarray(from, chunk.offset + chunk.size - position);
      const entry = this.#open(chunk, start, true);
      const fresh = entry?.write(position + from - chunk.offset, part, null, this.#parts.clock.now()) ?? 0;
      added += fresh;
      if (entry !== undefined && fresh > 0 && entry.isWhole) this.#events.onWhole(entry);
    }
    this.#parts.bytes.duplicate += bytes.byteLength - added;
    return added;
  }
}

function chunksIn(indexed: IndexedSegment | undefined, { start, end }: Range): IndexedChunk[] {
  return (indexed?.chunks ?? []).filter(({ offset, size }) => offset < end && offset + size > start);
}

function joined(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
