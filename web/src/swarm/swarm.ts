import type { Share } from "../protocol/messages.ts";
import type { ChunkPlace } from "../protocol/runs.ts";
import { Announcer } from "./announcer.ts";
import { Cache } from "./cache.ts";
import type { CacheEntry } from "./cache-entry.ts";
import { Checks } from "./checks.ts";
import { ChunkIndex } from "./chunk-index.ts";
import { noBytes, type SwarmBytes } from "./counters.ts";
import { Downloads } from "./downloads.ts";
import { Hands } from "./hands.ts";
import { LeaseBook } from "./lease-book.ts";
import { type LookoutParts, lookOut, wantedTest } from "./lookout.ts";
import { OriginPause } from "./origin-pause.ts";
import type { LeaseAnswer, PeerPool, RoomLink, Source } from "./parts.ts";
import { PeerBook } from "./peer-book.ts";
import { Playback, type PlaybackState } from "./playback.ts";
import { Pulse } from "./pulse.ts";
import { decide } from "./scheduler.ts";
import { type LoadEvents, SegmentLoads } from "./segment-loads.ts";
import { type SegmentSenders, SenderBook } from "./segment-senders.ts";
import { Standing } from "./standing.ts";
import { type SwarmOptions, usualCache } from "./swarm-options.ts";
import { type TimedSegment, Timeline } from "./timeline.ts";
import { Transfers } from "./transfers.ts";

/** How long a peer's urgent request holds back this viewer's own prefetch, in seconds. */
const servingFor = 0.5;
/** How long the list of chunks is waited for where a segment is not to be fetched whole by all, in ms. */
const listPatienceMs = 400;
/**
 * How long peers who asked for a chunk while it was coming in may think again once it is here, in ms: several viewers often
 * have it at the same moment, and would all send them the same.
 */
const secondThoughtsMs = 100;

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
  readonly #senders = new SenderBook();
  readonly #standing = new Standing();
  readonly #pulse: Pulse;
  readonly #hands: Hands;
  readonly #lookout: LookoutParts;
  readonly #originPause = new OriginPause();
  readonly #delivered = new Set<string>();
  #room: RoomLink | null = null;
  #pool: PeerPool | null = null;
  #share: Share;
  #servingUntil = 0;

  constructor(options: SwarmOptions) {
    this.#options = options;
    this.#share = options.share;
    const { clock } = options;
    this.#playback = new Playback(clock);
    this.#pulse = new Pulse(
      clock,
      (run) => this.#soon(run),
      () => this.#step(),
    );
    this.#cache = new Cache({
      limit: options.cacheBytes ?? usualCache.bytes,
      behind: options.cacheBehind ?? usualCache.behind,
      memory: options.memory,
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
        onOverlap: () => this.#pulse.beatLater(),
      },
    );
    this.#loads = new SegmentLoads({
      clock,
      index: this.#index,
      cache: this.#cache,
      memory: options.memory,
      usualTime: (fromOrigin, fromPeers) => this.#usualTime(fromOrigin, fromPeers),
      onGiven: (rendition, segment, cached) => this.#onGiven(rendition, segment, cached),
    });
    const shared = {
      index: this.#index,
      leases: this.#leases,
      loads: this.#loads,
      transfers: this.#transfers,
      peers: this.#peerBook,
    };
    this.#hands = new Hands({
      ...shared,
      now: () => this.#now(),
      room: () => this.#room,
      pool: () => this.#pool,
      downloads: this.#downloads,
    });
    this.#lookout = {
      ...shared,
      origin: options.origin,
      stripe: options.stripe,
      seed: options.seed,
      playback: this.#playback,
      timeline: this.#timeline,
      cache: this.#cache,
      standing: this.#standing,
      wasGiven: (rendition, segment) => this.#delivered.has(`${rendition}/${segment}`),
    };
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
    this.#standing.begin(this.#now());
    this.#announcer.connect(room, pool);
    this.onRoom();
  }

  /** Joined or not joined any more, or the number of viewers changed. */
  onRoom(): void {
    if (this.#standing.note(this.#room?.joined ?? false, this.#now())) this.#leases.clear();
    this.poke();
  }

  /** The room answered, or gave a lease that was waited for. */
  onLeases(answer: LeaseAnswer): void {
    const needless = this.#leases.answered(
      answer,
      (place) => this.#cache.get(place)?.isWhole === true,
      this.#now(),
    );
    if (needless.length > 0) this.#room?.release(needless);
    this.poke();
  }

  /** Peers came or went. */
  onPeers(): void {
    this.#announcer.greet();
    this.poke();
  }

  /** Bytes left for a peer. */
  noteUploaded(bytes: number): void {
    this.#bytes.uploaded += bytes;
  }

  /** How far to share from now on. */
  set share(share: Share) {
    this.#share = share;
    this.#announcer.setGives(this.#gives);
    this.poke();
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

  /** The page stood still for a while, as when the machine slept; this is how the video plays now. */
  wake(state: PlaybackState): void {
    this.#transfers.excuse(this.#now());
    this.watch(state);
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

  get peers(): number {
    return this.#pool?.peers.size ?? 0;
  }

  /** The ids of the peers that gave some of a segment, whether it is here for others, and whether some of it came wrong. */
  segment(rendition: string, index: number): SegmentSenders & { readonly here: boolean } {
    const { peers = new Set<string>(), failedCheck = false } = this.#senders.get(rendition, index) ?? {};
    const chunks = this.#index.segment(rendition, index)?.chunks ?? [];
    const here = chunks.length > 0 && chunks.every(({ place }) => this.#cache.get(place)?.checked === true);
    return { peers, failedCheck, here };
  }

  get cache(): { readonly bytes: number; readonly limit: number } {
    return { bytes: this.#cache.bytes, limit: this.#options.cacheBytes ?? usualCache.bytes };
  }

  close(): void {
    this.#pulse.stop();
    this.#loads.clear();
    this.#downloads.stopAll();
  }

  /** Decides again, soon and once. */
  poke(): void {
    this.#pulse.beat();
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
    const now = this.#now();
    const snapshot = lookOut(this.#lookout, {
      now,
      room: this.#share === "off" ? null : this.#room,
      pool: this.#pool,
      originRests: this.#originPause.until,
      servingUrgent: now < this.#servingUntil,
    });
    this.#hands.release(this.#leases.takeUnwanted(wantedTest(snapshot.chunks)));
    const { decisions, lookAgain } = decide(snapshot);
    for (const decision of decisions) this.#hands.carryOut(decision);
    // Who stands still and has all it wants is woken by events alone.
    if (!snapshot.paused || snapshot.chunks.length > 0) this.#pulse.restFor(lookAgain - now);
  }

  /** Fetches a segment at once where its chunks are not known; else the scheduler sees to it. */
  #startLoad(rendition: string, segment: number): void {
    if (this.#index.segment(rendition, segment) !== undefined) {
      this.#soon(() => this.#loads.update(rendition, segment));
      this.poke();
      return;
    }
    const fetchRaw = () => {
      if (this.#transfers.isFetchingOf(rendition, segment) || !this.#loads.has(rendition, segment)) return;
      if (this.#index.segment(rendition, segment) !== undefined) this.poke();
      else this.#downloads.fetch(rendition, segment, null, true);
    };
    if (this.#mayWaitForList) this.#options.clock.after(listPatienceMs, fetchRaw);
    else fetchRaw();
  }

  /** In a crowd, and where a film that is being prepared has just grown: without a list nothing of it can be shared. */
  get #mayWaitForList(): boolean {
    return this.#options.stripe !== 0 || (this.#delivered.size > 0 && this.peers > 0);
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
    this.#originPause.worked();
    this.#leases.end(chunk.place);
    void this.#checks.check(entry);
    this.#loads.update(chunk.place.rendition, chunk.segment);
    this.poke();
  }

  #onChecked(entry: CacheEntry): void {
    const { place, segment } = entry.chunk;
    this.#announcer.here(place);
    this.#options.clock.after(secondThoughtsMs, () => entry.serveWaiting());
    this.#senders.note(entry);
    this.#loads.update(place.rendition, segment);
    this.poke();
  }

  /** Fetches the chunk again from the origin; until that is here, nothing is asked of who may have lied. */
  #onMismatch(entry: CacheEntry, from: readonly string[]): void {
    const { place, segment, offset, size } = entry.chunk;
    this.#bytes.rejected += entry.bytesFrom(false);
    this.#senders.noteFailed(entry);
    for (const peer of from) this.#peerBook.suspect(peer, this.#now());
    if (from.length > 0 || this.#loads.has(place.rendition, segment))
      this.#downloads.fetch(place.rendition, segment, { start: offset, end: offset + size }, true);
    this.poke();
  }

  #onLiar(peer: string, place: ChunkPlace): void {
    this.#room?.report(peer, place);
    this.#pool?.ban(peer);
    this.#peerBook.forget(peer);
  }

  #onOriginFailed(rendition: string, segment: number, status: number): void {
    this.#originPause.failed(this.#now());
    // Who has a peer that sends the bytes needs no origin.
    const chunks = this.#index.segment(rendition, segment)?.chunks ?? [];
    const peersSend = chunks.some(({ place }) => this.#transfers.isComing(place));
    if (!peersSend) this.#loads.fail(rendition, segment, status);
    this.poke();
  }

  #onGiven(rendition: string, segment: number, cached: number): void {
    this.#bytes.cache += cached;
    this.#delivered.add(`${rendition}/${segment}`);
  }

  #usualTime(fromOrigin: number, fromPeers: number): number {
    const { origin } = this.#options;
    const peers = Math.max(100_000, this.#peerBook.rate);
    return (1000 * fromOrigin) / Math.max(1000, origin.rate) + (1000 * fromPeers) / peers;
  }
}
