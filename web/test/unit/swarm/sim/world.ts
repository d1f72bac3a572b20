import { createHash } from "node:crypto";
import { PunctualClock } from "../../../../src/swarm/punctual-clock.ts";
import { aheadOf } from "../../../../src/swarm/rules.ts";
import { Swarm } from "../../../../src/swarm/swarm.ts";
import { FakeOrigin } from "./fake-origin.ts";
import { FakePeer, FakePool, type FarEnd, type Faults } from "./fake-peer.ts";
import { FakePlayer } from "./fake-player.ts";
import { FakeRoom, FakeRoomLink } from "./fake-room.ts";
import { chunkListOf, type Film, type FilmSegment, makeFilm } from "./film.ts";
import { Link } from "./link.ts";
import { randomFrom } from "./random.ts";
import { ThrottledClock } from "./throttled-clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Megabits a second. */
  readonly originMbit?: number;
  readonly originRoundTripMs?: number;
  readonly peerLatencyMs?: number;
  readonly seconds?: number;
  readonly videoMbit?: number;
  /** Of the first segments, in seconds; a film with few key frames has no short ones. */
  readonly firstDurations?: readonly number[];
  /** A film that is being prepared: how many seconds of it are there at first, and how many more a second. */
  readonly preparing?: { readonly seconds: number; readonly rate: number };
}

export interface ViewerOptions {
  readonly uplinkMbit?: number;
  readonly faults?: Faults;
  /** No connection to a peer ever comes about. */
  readonly isolated?: boolean;
  readonly position?: number;
  /** Never gets into the room. */
  readonly roomless?: boolean;
  readonly cacheBytes?: number;
}

export interface Viewer {
  readonly id: string;
  readonly swarm: Swarm;
  readonly player: FakePlayer;
  readonly pool: FakePool;
  readonly link: FakeRoomLink;
  readonly far: FarEnd;
  readonly timers: ThrottledClock;
  readonly options: ViewerOptions;
}

/** From joining until the room has let a viewer in, and until a connection to a peer stands. */
const joinMs = 40;
const connectMs = 150;
const crowdMs = 2000;

const megabit = 125_000;

/** A film, its origin, a room, and viewers that come, watch and go, in virtual time. */
export class World {
  readonly clock = new VirtualClock();
  readonly film: Film;
  readonly origin: FakeOrigin;
  readonly room: FakeRoom;
  readonly viewers: Viewer[] = [];
  readonly gone: Viewer[] = [];
  /** How often lists of chunks were asked for. */
  listsAsked = 0;
  readonly #options: WorldOptions;
  readonly #random: () => number;
  #came = 0;
  #lastCame = Number.NEGATIVE_INFINITY;
  #crowd = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = randomFrom(options.seed);
    const { seconds = 180, videoMbit = 2 } = options;
    const rates = { v0: videoMbit * 1e6, a0: 128_000 };
    this.film = makeFilm(seconds, rates, options.seed, options.firstDurations);
    this.origin = new FakeOrigin(
      this.clock,
      this.film,
      (options.originMbit ?? 1000) * megabit,
      options.originRoundTripMs ?? 4,
    );
    this.room = new FakeRoom(this.clock, 2);
  }

  async run(seconds: number): Promise<void> {
    await this.clock.runTo(this.clock.now() + seconds * 1000);
  }

  add(options: ViewerOptions = {}): Viewer {
    const { clock, film, origin, room } = this;
    const id = `viewer${this.#came++}`;
    const timers = new ThrottledClock(clock);
    const punctual = new PunctualClock(timers, () => swarm.wake(player.playback()));
    const swarm: Swarm = new Swarm({
      clock: punctual,
      origin: origin.forViewer(),
      verify: (bytes) =>
        new Promise((resolve) => {
          clock.after(bytes.byteLength / 150_000, () =>
            resolve(createHash("sha256").update(bytes).digest("hex")),
          );
        }),
      fetchList: (rendition, window) =>
        new Promise((resolve) => {
          clock.after(origin.roundTripMs, () => {
            this.listsAsked += 1;
            resolve(chunkListOf(film, rendition, window, this.#prepared(rendition).length));
          });
        }),
      chunkUrl: (sha256) => `chunk/${sha256}`,
      stripe: this.#nextStripe(),
      seed: Math.floor(this.#random() * 2 ** 32),
      share: "all",
      soon: (run) =>
        clock.after(0, () => {
          punctual.catchUp();
          run();
        }),
      ...(options.cacheBytes === undefined ? {} : { cacheBytes: options.cacheBytes }),
    });
    const pool = new FakePool((peer) => this.#part(id, peer));
    const link = new FakeRoomLink(id, room, () => swarm.onRoom());
    const far: FarEnd = {
      id,
      source: swarm.source,
      uplink: new Link(clock, (options.uplinkMbit ?? 100) * megabit, this.#options.peerLatencyMs ?? 2),
      faults: options.faults ?? {},
      onBytesSent: (bytes) => swarm.noteUploaded(bytes),
    };
    const player: FakePlayer = new FakePlayer(clock, film, swarm, (rendition) => this.#prepared(rendition), {
      position: options.position ?? 0,
      timers,
      goal: (watched) => (timers.every === 0 ? 20 : aheadOf(watched)),
    });
    const viewer = { id, swarm, player, pool, link, far, timers, options };
    this.viewers.push(viewer);
    swarm.connect(link, pool);
    if (!options.roomless) clock.after(joinMs, () => this.#join(viewer));
    return viewer;
  }

  /** A viewer closes its page. */
  remove(viewer: Viewer): void {
    this.viewers.splice(this.viewers.indexOf(viewer), 1);
    this.gone.push(viewer);
    viewer.player.stop();
    viewer.swarm.close();
    viewer.link.close();
    this.room.leave(viewer.id);
    for (const id of [...viewer.pool.peers.keys()]) this.#part(viewer.id, id);
  }

  /** The segments of a rendition that are there by now. */
  #prepared(rendition: string): readonly FilmSegment[] {
    const all = this.film.renditions.get(rendition) ?? [];
    const { preparing } = this.#options;
    if (preparing === undefined) return all;
    const end = preparing.seconds + (preparing.rate * this.clock.now()) / 1000;
    return all.filter(({ start, duration }) => start + duration <= end);
  }

  #join(viewer: Viewer): void {
    if (!this.viewers.includes(viewer)) return;
    this.room.join(viewer.id, viewer.link, (answer) => {
      this.clock.after(this.room.latencyMs, () => viewer.swarm.onLeases(answer));
    });
    viewer.link.welcome(this.room.viewers);
    for (const other of this.viewers) {
      if (other !== viewer && other.link.joined)
        this.clock.after(connectMs, () => this.#introduce(viewer, other));
    }
  }

  #introduce(a: Viewer, b: Viewer): void {
    if (a.options.isolated || b.options.isolated) return;
    if (!this.viewers.includes(a) || !this.viewers.includes(b)) return;
    if (a.pool.banned.has(b.id) || b.pool.banned.has(a.id)) return;
    const latency = this.#options.peerLatencyMs ?? 2;
    const seenByA = new FakePeer(this.clock, latency, b.far, () => a.swarm.poke());
    const seenByB = new FakePeer(this.clock, latency, a.far, () => b.swarm.poke());
    seenByA.twin = seenByB;
    seenByB.twin = seenByA;
    a.pool.peers.set(b.id, seenByA);
    b.pool.peers.set(a.id, seenByB);
    a.swarm.onPeers();
    b.swarm.onPeers();
  }

  #part(a: string, b: string): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const viewer = [...this.viewers, ...this.gone].find(({ id }) => id === from);
      const peer = viewer?.pool.peers.get(to);
      if (viewer === undefined || peer === undefined) continue;
      viewer.pool.peers.delete(to);
      peer.close();
      viewer.swarm.onPeers();
    }
  }

  #nextStripe(): number {
    const now = this.clock.now();
    this.#crowd = now - this.#lastCame < crowdMs ? this.#crowd + 1 : 0;
    this.#lastCame = now;
    return (this.#crowd * 0.618034) % 1;
  }
}
