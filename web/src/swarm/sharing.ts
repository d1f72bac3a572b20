import type { Share as WireShare } from "../protocol/messages.ts";
import { systemClock } from "./clock.ts";
import { browserConnections, Connections } from "./connections.ts";
import type { PeerFacts, SegmentFacts, SharingFacts, SharingState } from "./facts.ts";
import { Origin } from "./origin.ts";
import { watchPageLife } from "./page-life.ts";
import type { Peer } from "./parts.ts";
import type { PlaybackState } from "./playback.ts";
import { PunctualClock } from "./punctual-clock.ts";
import { browserSocket, SocketRoomLink } from "./room-link.ts";
import type { LoadEvents } from "./segment-loads.ts";
import { type SegmentKind, type SegmentRecord, SegmentRecords } from "./segment-records.ts";
import { shareOn } from "./share.ts";
import { Swarm } from "./swarm.ts";
import type { TimedSegment } from "./timeline.ts";
import { UploadLimit } from "./upload-limit.ts";
import { startHashWorker, Verifier } from "./verifier.ts";
import type { SharingWishes } from "./wishes.ts";

export interface SharingOptions {
  readonly video: string;
  /** The address of the node that the page came from. */
  readonly node: string;
  readonly ticket: string;
  /** Where in the first segments to begin (docs/protocol.md, `Shoal-Stripe`). */
  readonly stripe: number;
  /** Gets another ticket; undefined when the video is gone. */
  newTicket(): Promise<string | undefined>;
  readonly wishes: SharingWishes;
  /** How the video plays now. */
  playback(): PlaybackState;
}

/** Rates are shown over this time, in ms. */
const rateOverMs = 2000;

/**
 * One viewer's share in the room of a video, in a browser: puts the swarm, the connection to the room, those to the peers and
 * the checking of hashes together, follows what the viewer wishes, and tells the page how it goes.
 */
export class Sharing {
  readonly #options: SharingOptions;
  readonly #clock = new PunctualClock(systemClock, () => this.#swarm.wake(this.#options.playback()));
  readonly #swarm: Swarm;
  readonly #room: SocketRoomLink;
  readonly #pool: Connections;
  readonly #verifier: Verifier;
  readonly #records = new SegmentRecords();
  /** Names of peers that were here, also of those that left. */
  readonly #names = new Map<string, string>();
  readonly #meters = new Map<
    string,
    { at: number; from: number; to: number; rateFrom: number; rateTo: number }
  >();
  readonly #stops: (() => void)[] = [];
  #playing = false;

  constructor(options: SharingOptions) {
    this.#options = options;
    const { video, node, ticket, stripe, wishes } = options;
    this.#verifier = new Verifier({
      start: startHashWorker,
      subtle: globalThis.crypto?.subtle,
      clock: this.#clock,
    });
    this.#swarm = new Swarm({
      clock: this.#clock,
      origin: new Origin((url, init) => fetch(url, init), this.#clock),
      verify: (bytes) => this.#verifier.sha256(bytes),
      fetchList: (rendition, window) => fetchList(`${node}/hls/${video}/${rendition}/chunks-${window}.bin`),
      chunkUrl: (sha256) => `${node}/chunks/${sha256}?video=${video}`,
      stripe,
      seed: Math.floor(Math.random() * 2 ** 32),
      share: shareOn(wishes.metered.value, wishes.share.value),
      soon: (run) =>
        queueMicrotask(() => {
          this.#clock.catchUp();
          run();
        }),
    });
    this.#room = new SocketRoomLink({
      url: `${node.replace(/^http/, "ws")}/api/v1/swarm?video=${video}`,
      ticket,
      newTicket: () => options.newTicket(),
      name: wishes.name.value,
      share: this.#wireShare,
      open: browserSocket,
      state: () => this.#state(),
      clock: this.#clock,
      random: Math.random,
      events: {
        onRoom: () => this.#swarm.onRoom(),
        onLeases: (answer) => this.#swarm.onLeases(answer),
        onPeers: (add, remove) => {
          this.#pool.part(remove);
          this.#pool.introduce(add);
        },
        onSignal: (from, kind, data) => this.#pool.takeSignal(from, kind, data),
        onBanned: (peer) => this.#pool.ban(peer),
      },
    });
    this.#pool = this.#connections();
    this.#swarm.connect(this.#room, this.#pool);
    this.#follow(wishes);
    this.#stops.push(
      watchPageLife(window, document, {
        leave: () => this.#leave(),
        comeBack: () => this.#comeBack(),
        online: () => this.#room.onNetworkChange(),
      }),
    );
    this.#room.start();
  }

  /** Gets a segment for the player. Returns how to give it up. */
  load(kind: SegmentKind, rendition: string, timed: TimedSegment, events: LoadEvents): () => void {
    this.#records.asked(kind, rendition, timed);
    const giveUp = this.#swarm.load(rendition, timed, {
      onProgress: (progress) => events.onProgress(progress),
      onDone: (bytes, source, progress) => {
        const tookMs = Math.max(0, progress.endAt - progress.askedAt);
        this.#records.got({ kind, rendition, timed, source, bytes: bytes.byteLength, tookMs });
        events.onDone(bytes, source, progress);
      },
      onFailed: (status) => {
        this.#records.gaveUp(rendition, timed.index);
        events.onFailed(status);
      },
    });
    return () => {
      this.#records.gaveUp(rendition, timed.index);
      giveUp();
    };
  }

  /** Takes in a segment that came from the node before sharing began. The bytes are this one's from then on. */
  give(kind: SegmentKind, rendition: string, timed: TimedSegment, bytes: Uint8Array, tookMs: number): void {
    this.#records.got({ kind, rendition, timed, source: "origin", bytes: bytes.byteLength, tookMs });
    this.#swarm.give(rendition, timed, bytes);
  }

  /** Takes in the playlist of a rendition. */
  setTimeline(rendition: string, segments: readonly TimedSegment[]): void {
    this.#swarm.setTimeline(rendition, segments);
  }

  /** To be called when it plays differently, and as time goes on. */
  watch(): void {
    this.#clock.catchUp();
    this.#swarm.watch(this.#options.playback());
  }

  /** After a seek the room learns at once where the viewer is. */
  seeked(): void {
    this.watch();
    this.#room.tellState();
  }

  /** The viewer plays: only now is anybody connected to. */
  play(): void {
    if (this.#playing) return;
    this.#playing = true;
    if (this.#wantsPeers) this.#pool.start();
  }

  get hasPeers(): boolean {
    return this.#pool.peers.size > 0;
  }

  /** Whether a segment is in memory. */
  has(rendition: string, index: number): boolean {
    return this.#swarm.segment(rendition, index).here;
  }

  facts(): SharingFacts {
    const { viewer, viewers } = this.#room;
    return {
      state: this.#sharingState(),
      viewer,
      viewers,
      bytes: this.#swarm.bytes,
      peers: [...this.#pool.peers.values()].map((peer) => this.#peerFacts(peer)),
      banned: this.#pool.banned,
      segments: [...this.#records.all()].map((record) => this.#segmentFacts(record)),
      cache: this.#swarm.cache,
    };
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#room.close();
    this.#pool.close();
    this.#swarm.close();
    this.#verifier.close();
  }

  #connections(): Connections {
    return new Connections({
      viewer: () => this.#room.viewer,
      others: () => this.#room.viewers - 1,
      create: browserConnections,
      source: this.#swarm.source,
      limit: new UploadLimit(this.#clock),
      clock: this.#clock,
      events: {
        onPeer: (peer) => {
          this.#names.set(peer.id, peer.name);
          this.#swarm.onPeers();
        },
        onChange: (peer) => {
          this.#names.set(peer.id, peer.name);
          this.#swarm.poke();
        },
        onSent: (bytes) => this.#swarm.noteUploaded(bytes),
        onLost: (peer) => {
          this.#meters.delete(peer.id);
          this.#swarm.onPeers();
        },
      },
      signal: (to, kind, data) => this.#room.signal(to, kind, data),
      failed: (peer, why) => this.#room.failed(peer, why),
    });
  }

  #follow({ name, share, metered }: SharingWishes): void {
    const follow = () => {
      this.#swarm.share = shareOn(metered.value, share.value);
      this.#pool.setGives(!metered.value);
      this.#room.setShare(this.#wireShare);
      if (!this.#wantsPeers) this.#pool.stop();
      else if (this.#playing) this.#pool.start();
    };
    this.#stops.push(share.subscribe(follow), metered.subscribe(follow));
    this.#stops.push(name.subscribe((value) => this.#room.setName(value)));
  }

  get #wantsPeers(): boolean {
    return this.#options.wishes.share.value !== "off";
  }

  /** Who only takes says so to its peers; to the room it counts with whom it may be introduced. */
  get #wireShare(): WireShare {
    return this.#options.wishes.share.value;
  }

  #leave(): void {
    this.#pool.stop();
    this.#room.rest();
  }

  #comeBack(): void {
    this.#room.start();
    if (this.#playing && this.#wantsPeers) this.#pool.start();
  }

  #state() {
    const { position, bufferEnd, paused, renditions } = this.#options.playback();
    const buffer = Math.max(0, bufferEnd - position);
    const { bytes, peers } = this.#swarm;
    return { position, buffer, playing: !paused, renditions, peers, bytes };
  }

  #sharingState(): SharingState {
    if (!this.#wantsPeers) return "off";
    const { isolation } = this.#pool;
    if (isolation === "no-webrtc") return "unable";
    if (this.#pool.peers.size > 0) return "sharing";
    if (!this.#room.joined) return "joining";
    if (this.#room.viewers <= 1) return "alone";
    return isolation === null ? "joining" : "isolated";
  }

  #peerFacts(peer: Peer): PeerFacts {
    const { received, sent, firstByteMs } = peer.stats;
    const now = this.#clock.now();
    const known = this.#meters.get(peer.id);
    const meter = known ?? { at: now, from: received, to: sent, rateFrom: 0, rateTo: 0 };
    const passed = now - meter.at;
    if (passed >= rateOverMs) {
      meter.rateFrom = (1000 * (received - meter.from)) / passed;
      meter.rateTo = (1000 * (sent - meter.to)) / passed;
      Object.assign(meter, { at: now, from: received, to: sent });
    }
    if (known === undefined) this.#meters.set(peer.id, meter);
    return {
      id: peer.id,
      name: peer.name,
      near: peer.near,
      open: true,
      bytesFrom: received,
      bytesTo: sent,
      rateFrom: meter.rateFrom,
      rateTo: meter.rateTo,
      firstByteMs: firstByteMs > 0 ? firstByteMs : null,
    };
  }

  #segmentFacts({ kind, rendition, timed, source, bytes, tookMs }: SegmentRecord): SegmentFacts {
    const { peers, here, failedCheck } = this.#swarm.segment(rendition, timed.index);
    const from = [...peers].map((id) => this.#names.get(id) ?? "another viewer");
    const { index, start, duration } = timed;
    return { kind, rendition, index, start, duration, source, from, bytes, tookMs, here, failedCheck };
  }
}

async function fetchList(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`get ${url}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
