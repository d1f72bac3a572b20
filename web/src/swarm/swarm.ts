import type { ChunkPlace } from "../protocol/runs.ts";
import { Announcer } from "./announcer.ts";
import { Cache } from "./cache.ts";
import type { CacheEntry } from "./cache-entry.ts";
import { Checks } from "./checks.ts";
import { ChunkIndex } from "./chunk-index.ts";
import { type ChunkSource, ChunkSources, type SegmentSenders } from "./chunk-sources.ts";
import type { Clock } from "./clock.ts";
import { noBytes, type SwarmBytes } from "./counters.ts";
import { Downloads } from "./downloads.ts";
import { LeaseBook } from "./lease-book.ts";
import type { OriginFetcher } from "./origin.ts";
import type { LeaseAnswer, PeerPool, RoomLink, Source } from "./parts.ts";
import { PeerBook } from "./peer-book.ts";
import { keyOf, runsOf } from "./places.ts";
import { Playback, type PlaybackState } from "./playback.ts";
import { rules } from "./rules.ts";
import { aheadOf, decide } from "./scheduler.ts";
import { type LoadEvents, SegmentLoads, type SegmentOrigin } from "./segment-loads.ts";
import type { Share } from "./share.ts";
import type { ChunkView, Decision, Snapshot } from "./snapshot.ts";
import { type TimedSegment, Timeline } from "./timeline.ts";
import { Transfers } from "./transfers.ts";

export interface SwarmOptions {
  readonly clock: Clock;
  readonly origin: OriginFetcher;
  /** The SHA-256 of bytes in hexadecimal. The bytes stay as they are, and where they are. */
  verify(bytes: Uint8Array): Promise<string>;
  /** Gets the list of chunks of a window of a rendition; rejects when there is none. */
  fetchList(rendition: string, window: number): Promise<Uint8Array>;
  /** The address of one chunk. */
  chunkUrl(sha256: string): string;
  /** Where in the first segments to begin (docs/protocol.md, `Shoal-Stripe`). */
  readonly stripe: number;
  /** A number of this viewer's own; it settles what is left to chance. */
  readonly seed: number;
  readonly share: Share;
  /** Bytes of memory for chunks. */
  readonly cacheBytes?: number;
  /** The share of them that is kept behind the playhead for others. */
  readonly cacheBehind?: number;
  /** Runs something soon, but not within this call. */
  soon?(run: () => void): void;
  /** The player got a segment. */
  onSegment?(rendition: string, segment: number, from: SegmentOrigin): void;
}

const usualCacheBytes = 100 << 20;
const usualCacheBehind = 0.18;
/** How long the room, and then the first peer, may take before this viewer goes on as if alone, in seconds. */
const patience = { room: 1, peers: 2.5 };
/** How long a peer's urgent request holds back this viewer's own prefetch, in seconds. */
const servingFor = 0.5;
/** How long the list of chunks is waited for where a first segment is to begin in the middle, in ms. */
const listPatienceMs = 400;
/**
 * How long peers who asked for a chunk while it was coming in may think again once it is here, in ms: several viewers often
 * have it at the same moment, and would all send them the same.
 */
const secondThoughtsMs = 100;
/** How soon, and how late at most, it is decided again when nothing happens, in seconds. */
const shortestWait = 0.02;
const longestWait = 1;
/** How long bytes may come twice before something is done about it, in ms. */
const overlapMs = 20;
/** How long the origin is left alone after it failed, in seconds; it doubles up to the longest. */
const failurePause = { first: 0.5, longest: 8 };

/**
 * Gets the segments of one video for the player: from peers where it can, from the origin where it must, in the cache between.
 * It decides by the pure scheduler whenever something happened, and carries that out. DESIGN.md tells why.
 */
export class Swarm {
  readonly #options: SwarmOptions;
  readonly #bytes = noBytes();
  readonly #timeline = new Timeline();
  readonly #index: ChunkIndex;
  readonly #cache: Cache;
  readonly #transfers = new Transfers();
  readonly #leases = new LeaseBook();
  readonly #peerBook = new PeerBook();
  readonly #checks: Checks;
  readonly #downloads: Downloads;
  readonly #loads: SegmentLoads;
  readonly #announcer: Announcer;
  readonly #playback: Playback;
  readonly #sources = new ChunkSources();
  readonly #delivered = new Set<string>();
  #room: RoomLink | null = null;
  #pool: PeerPool | null = null;
  #share: Share;
  #connectedAt = 0;
  #joinedAt: number | null = null;
  #servingUntil = 0;
  #originRests = 0;
  #failures = 0;
  #stopTimer: () => void = () => {};
  #poked = false;
  #pokesLater = false;
  #closed = false;

  constructor(options: SwarmOptions) {
    this.#options = options;
    this.#share = options.share;
    const { clock } = options;
    this.#playback = new Playback(clock);
    this.#cache = new Cache({
      limit: options.cacheBytes ?? usualCacheBytes,
      behind: options.cacheBehind ?? usualCacheBehind,
      onDropped: (place) => this.#announcer.dropped(place),
      onRead: (urgent) => this.#onRead(urgent),
    });
    this.#announcer = new Announcer(this.#cache);
    this.#index = new ChunkIndex({
      clock,
      fetchList: (rendition, window) => options.fetchList(rendition, window),
      onMore: () => this.#onIndexed(),
    });
    this.#checks = new Checks(
      { cache: this.#cache, verify: (bytes) => options.verify(bytes) },
      {
        onChecked: (entry) => this.#onChecked(entry),
        onMismatch: (entry, from) => this.#onMismatch(entry, from),
        onLiar: (peer, place) => this.#onLiar(peer, place),
        onCleared: (peer) => this.#peerBook.clear(peer),
      },
    );
    this.#downloads = new Downloads(
      {
        clock,
        origin: options.origin,
        index: this.#index,
        timeline: this.#timeline,
        cache: this.#cache,
        transfers: this.#transfers,
        peers: this.#peerBook,
        bytes: this.#bytes,
        chunkUrl: (sha256) => options.chunkUrl(sha256),
      },
      {
        onBytes: (rendition, segment, unindexed) => this.#loads.update(rendition, segment, unindexed),
        onWhole: (entry) => this.#onWhole(entry),
        onRaw: (rendition, segment, bytes) => this.#loads.giveRaw(rendition, segment, bytes),
        onFetching: (place, fetching) => this.#announcer.fetching(place, fetching),
        onOriginFailed: (rendition, segment, status) => this.#onOriginFailed(rendition, segment, status),
        onChange: () => this.poke(),
        onOverlap: () => this.#pokeLater(),
      },
    );
    this.#loads = new SegmentLoads({
      clock,
      index: this.#index,
      cache: this.#cache,
      usualTime: (fromOrigin, fromPeers) => this.#usualTime(fromOrigin, fromPeers),
      onGiven: (rendition, segment, from, cached) => this.#onGiven(rendition, segment, from, cached),
    });
  }

  /** What is given to peers. */
  get source(): Source {
    return {
      read: (piece, onBytes, onEnd) => {
        if (this.#gives) return this.#cache.read(piece, onBytes, onEnd);
        onEnd("not-here");
        return () => {};
      },
    };
  }

  /** Takes part in a room from now on. */
  connect(room: RoomLink, pool: PeerPool): void {
    this.#room = room;
    this.#pool = pool;
    this.#connectedAt = this.#now();
    this.#announcer.connect(room, pool);
    this.onRoom();
  }

  /** Joined or not joined any more, or the number of viewers changed. */
  onRoom(): void {
    const joined = this.#room?.joined ?? false;
    if (joined && this.#joinedAt === null) this.#joinedAt = this.#now();
    if (!joined && this.#joinedAt !== null) {
      this.#joinedAt = null;
      this.#connectedAt = this.#now();
      this.#leases.clear();
    }
    this.poke();
  }

  /** The room answered, or gave a lease that was waited for. */
  onLeases(answer: LeaseAnswer): void {
    const needless = this.#leases.answered(answer, (place) => this.#isHere(place), this.#now());
    if (needless.length > 0) this.#room?.release(needless);
    this.poke();
  }

  /** Peers came or went. */
  onPeers(): void {
    this.#announcer.greet();
    this.poke();
  }

  /** A peer told of its chunks. */
  onInventory(): void {
    this.poke();
  }

  /** Bytes left for a peer. */
  noteUploaded(bytes: number): void {
    this.#bytes.uploaded += bytes;
  }

  set share(share: Share) {
    this.#share = share;
    this.#announcer.setGives(this.#gives);
    this.poke();
  }

  get share(): Share {
    return this.#share;
  }

  /** Takes in the playlist of a rendition. */
  setTimeline(rendition: string, segments: readonly TimedSegment[]): void {
    this.#timeline.set(rendition, segments);
    this.#prepareIndex(rendition);
    this.poke();
  }

  /** Tells how the video plays. To be called when that changes, and as time goes on. */
  watch(state: PlaybackState): void {
    const turned = this.#playback.set(state);
    this.#cache.aim(this.#playback.playhead, new Set(state.renditions));
    for (const rendition of state.renditions) this.#prepareIndex(rendition);
    if (turned) this.poke();
  }

  /** Gets a segment for the player; nothing is called before this has returned. Returns how to give it up. */
  load(rendition: string, timed: TimedSegment, events: LoadEvents): () => void {
    this.#timeline.note(rendition, timed);
    const load = this.#loads.add(rendition, timed, events);
    this.#startLoad(rendition, timed.index);
    return () => {
      this.#loads.remove(load);
      this.poke();
    };
  }

  /** Takes in a whole segment that came from the origin in another way. */
  give(rendition: string, timed: TimedSegment, bytes: Uint8Array): void {
    this.#timeline.note(rendition, timed);
    this.#delivered.add(`${rendition}/${timed.index}`);
    this.#downloads.give(rendition, timed.index, bytes);
  }

  get bytes(): SwarmBytes {
    return { ...this.#bytes };
  }

  /** The bytes of chunks in memory. */
  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  get peers(): number {
    return this.#pool?.peers.size ?? 0;
  }

  get viewer(): string {
    return this.#room?.viewer ?? "";
  }

  /** Where each chunk that came so far is from, for a picture. */
  chunkSources(): readonly ChunkSource[] {
    return this.#sources.all();
  }

  /** The ids of the peers that gave some of a segment, whether it is here for others, and whether some of it came wrong. */
  segment(rendition: string, index: number): SegmentSenders & { readonly here: boolean } {
    const { peers = new Set<string>(), failedCheck = false } = this.#sources.senders(rendition, index) ?? {};
    const chunks = this.#index.segment(rendition, index)?.chunks ?? [];
    const here = chunks.length > 0 && chunks.every(({ place }) => this.#cache.get(place)?.checked === true);
    return { peers, failedCheck, here };
  }

  get cache(): { readonly bytes: number; readonly limit: number } {
    return { bytes: this.#cache.bytes, limit: this.#options.cacheBytes ?? usualCacheBytes };
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer();
    this.#downloads.stopAll();
  }

  /** Decides again, soon and once. */
  poke(): void {
    if (this.#poked || this.#closed) return;
    this.#poked = true;
    this.#soon(() => {
      this.#poked = false;
      this.#step();
    });
  }

  /** Decides again before long; bytes come too often to think about each. */
  #pokeLater(): void {
    if (this.#pokesLater) return;
    this.#pokesLater = true;
    this.#options.clock.after(overlapMs, () => {
      this.#pokesLater = false;
      this.poke();
    });
  }

  #soon(run: () => void): void {
    (this.#options.soon ?? queueMicrotask)(run);
  }

  get #gives(): boolean {
    return this.#share === "all" || this.#share === "lan";
  }

  #now(): number {
    return this.#options.clock.now() / 1000;
  }

  #step(): void {
    if (this.#closed) return;
    this.#stopTimer();
    const snapshot = this.#snapshot();
    const { decisions, lookAgain } = decide(snapshot);
    for (const decision of decisions) this.#carryOut(decision);
    const wait = Math.min(longestWait, Math.max(shortestWait, lookAgain - snapshot.now));
    this.#stopTimer = this.#options.clock.after(wait * 1000, () => this.poke());
  }

  #carryOut(decision: Decision): void {
    if (decision.do === "lease") {
      if (this.#room !== null) this.#leases.ask(this.#room, decision.places, decision.urgent, this.#now());
    } else if (decision.do === "release") this.#release(decision.places);
    else if (decision.do === "cancel") this.#cancel(decision.id, decision.why);
    else if (decision.do === "drop") this.#pool?.drop(decision.peer, "slow");
    else if (decision.do === "origin") {
      const { rendition, segment, start, end } = decision;
      this.#downloads.fetch(rendition, segment, { start, end }, this.#loads.has(rendition, segment));
    } else {
      const peer = this.#pool?.peers.get(decision.peer);
      const chunk = this.#index.chunk(decision.place);
      if (peer === undefined || chunk === undefined) return;
      const must = this.#loads.has(decision.place.rendition, chunk.segment);
      this.#downloads.request(peer, chunk, decision, decision.urgent, must);
    }
  }

  #cancel(id: number, why: "silent" | "redundant" | "unwanted"): void {
    const transfer = this.#transfers.peer(id);
    this.#downloads.cancel(id);
    if (transfer !== undefined && why === "silent")
      this.#peerBook.failed(transfer.peer, "silent", this.#now());
  }

  #release(places: readonly ChunkPlace[]): void {
    for (const place of places) this.#leases.end(place);
    if (places.length > 0) this.#room?.release(runsOf(places));
  }

  #snapshot(): Snapshot {
    const now = this.#now();
    const { origin, stripe, seed } = this.#options;
    const views = this.#chunkViews();
    const wanted = new Set(views.map(({ place }) => keyOf(place)));
    const segments = new Set(views.map(({ place, segment }) => `${place.rendition}/${segment}`));
    this.#release(this.#leases.takeUnwanted((place) => wanted.has(keyOf(place))));
    return {
      now,
      seed,
      stripe,
      ...this.#standing(now),
      joined: this.#room?.joined ?? false,
      viewers: this.#room?.viewers ?? 1,
      ...this.#playback.view(),
      room: this.#cache.room,
      origin: {
        rate: Math.max(1000, origin.rate),
        firstByte: origin.firstByte,
        restingUntil: Math.max(this.#originRests, origin.restingUntil / 1000),
      },
      peers: [...(this.#pool?.peers.values() ?? [])].map((peer) => this.#peerBook.view(peer)),
      chunks: views,
      strays: this.#transfers.strays(
        (place) => wanted.has(keyOf(place)),
        ({ rendition, segment }) =>
          segments.has(`${rendition}/${segment}`) || this.#loads.has(rendition, segment),
      ),
      servingUrgent: now < this.#servingUntil,
    };
  }

  #standing(now: number): Pick<Snapshot, "mode" | "settling"> {
    const room = this.#room;
    if (this.#share === "off" || room === null) return { mode: "alone", settling: false };
    if (this.peers > 0) return { mode: "sharing", settling: false };
    const until =
      this.#joinedAt === null ? this.#connectedAt + patience.room : this.#joinedAt + patience.peers;
    const settling = now < until && (!room.joined || room.viewers > 1);
    return { mode: settling ? "sharing" : "alone", settling };
  }

  /** The chunks within the window, and those that the player waits for, by start; without those that are here. */
  #chunkViews(): ChunkView[] {
    const { playhead, rate, renditions, watched, bufferEnd } = this.#playback.view();
    const until = playhead + (aheadOf(watched) + rules.handOver) * Math.max(rate, 0.1);
    const segments = new Map<string, { rendition: string; timed: TimedSegment }>();
    for (const rendition of renditions) {
      for (const timed of this.#timeline.between(rendition, playhead, until)) {
        const key = `${rendition}/${timed.index}`;
        const isPlaying = this.#delivered.has(key) && timed.start + timed.duration <= bufferEnd + 0.1;
        if (!isPlaying) segments.set(key, { rendition, timed });
      }
    }
    for (const { rendition, timed } of this.#loads.all())
      segments.set(`${rendition}/${timed.index}`, { rendition, timed });
    const views = [...segments.values()].flatMap(({ rendition, timed }) => this.#viewsOf(rendition, timed));
    return views.sort((a, b) => a.start - b.start);
  }

  #viewsOf(rendition: string, timed: TimedSegment): ChunkView[] {
    const indexed = this.#index.segment(rendition, timed.index);
    const asked = this.#loads.has(rendition, timed.index);
    const views: ChunkView[] = [];
    for (const chunk of indexed?.chunks ?? []) {
      const entry = this.#cache.get(chunk.place);
      if (entry?.isWhole) continue;
      const { place, size, segment, offset } = chunk;
      const missing = entry?.here.gaps(0, size) ?? [{ start: 0, end: size }];
      const transfers = this.#transfers.viewsOf(chunk);
      const lease = this.#leases.get(place);
      const segmentSize = indexed?.size ?? 0;
      views.push({
        ...{ place, size, segment, segmentSize, offset, start: timed.start, asked },
        ...{ missing, transfers, lease },
      });
    }
    return views;
  }

  /** Fetches a segment at once where its chunks are not known; else the scheduler sees to it. */
  #startLoad(rendition: string, segment: number): void {
    if (this.#index.segment(rendition, segment) !== undefined) {
      this.#soon(() => this.#loads.update(rendition, segment));
      this.poke();
      return;
    }
    const fetchRaw = () => {
      const begun = [...this.#transfers.fromOrigin].some(
        (transfer) => transfer.rendition === rendition && transfer.segment === segment,
      );
      if (begun || this.#closed || !this.#loads.has(rendition, segment)) return;
      if (this.#index.segment(rendition, segment) !== undefined) this.poke();
      else this.#downloads.fetch(rendition, segment, null, true);
    };
    if (this.#options.stripe === 0) fetchRaw();
    else this.#options.clock.after(listPatienceMs, fetchRaw);
  }

  #prepareIndex(rendition: string): void {
    const [first] = this.#timeline.between(rendition, this.#playback.playhead, Number.POSITIVE_INFINITY);
    this.#index.segment(rendition, first?.index ?? 0);
  }

  #onIndexed(): void {
    this.#downloads.indexed();
    for (const { rendition, timed } of this.#loads.all()) this.#loads.update(rendition, timed.index);
    this.poke();
  }

  #onRead(urgent: boolean): void {
    if (urgent) this.#servingUntil = this.#now() + servingFor;
  }

  #onWhole(entry: CacheEntry): void {
    const { chunk } = entry;
    this.#failures = 0;
    this.#leases.end(chunk.place);
    void this.#checks.check(entry);
    this.#loads.update(chunk.place.rendition, chunk.segment);
    this.poke();
  }

  #onChecked(entry: CacheEntry): void {
    const { place, segment } = entry.chunk;
    this.#announcer.here(place);
    this.#options.clock.after(secondThoughtsMs, () => entry.serveWaiting());
    this.#sources.note(entry, (id) => this.#pool?.peers.get(id)?.near ?? false);
    this.#loads.update(place.rendition, segment);
    this.poke();
  }

  /** Fetches the chunk again from the origin; until that is here, nothing is asked of who may have lied. */
  #onMismatch(entry: CacheEntry, from: readonly string[]): void {
    const { place, segment, offset, size } = entry.chunk;
    this.#bytes.rejected += entry.bytesFrom(false);
    this.#sources.noteFailed(entry);
    for (const peer of from) this.#peerBook.suspect(peer);
    const must = this.#loads.has(place.rendition, segment);
    if (from.length > 0 || must)
      this.#downloads.fetch(place.rendition, segment, { start: offset, end: offset + size }, must);
    this.poke();
  }

  #onLiar(peer: string, place: ChunkPlace): void {
    this.#room?.report(peer, place);
    this.#pool?.ban(peer);
    this.#peerBook.forget(peer);
  }

  #onOriginFailed(rendition: string, segment: number, status: number): void {
    const pause = Math.min(failurePause.longest, failurePause.first * 2 ** this.#failures);
    this.#failures += 1;
    this.#originRests = this.#now() + pause;
    // Who has a peer that sends the bytes needs no origin.
    const chunks = this.#index.segment(rendition, segment)?.chunks ?? [];
    const peersSend = chunks.some(({ place }) => this.#transfers.isComing(place));
    if (!peersSend) this.#loads.fail(rendition, segment, status);
    this.poke();
  }

  #onGiven(rendition: string, segment: number, from: SegmentOrigin, cached: number): void {
    this.#bytes.cache += cached;
    this.#delivered.add(`${rendition}/${segment}`);
    this.#options.onSegment?.(rendition, segment, from);
  }

  #usualTime(fromOrigin: number, fromPeers: number): number {
    const { origin } = this.#options;
    const peers = Math.max(100_000, this.#peerBook.rate);
    return (1000 * fromOrigin) / Math.max(1000, origin.rate) + (1000 * fromPeers) / peers;
  }

  #isHere(place: ChunkPlace): boolean {
    return this.#cache.get(place)?.isWhole === true;
  }
}
