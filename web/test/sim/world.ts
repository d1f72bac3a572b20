import type { Introduction } from "../../src/protocol/messages.ts";
import { SocketRoomLink } from "../../src/swarm/room-link.ts";
import { Swarm } from "../../src/swarm/swarm.ts";
import { FakeOrigin } from "../unit/swarm/sim/fake-origin.ts";
import { FakePeer, FakePool, type FarEnd } from "../unit/swarm/sim/fake-peer.ts";
import { chunkListOf, type Film } from "../unit/swarm/sim/film.ts";
import { Link } from "../unit/swarm/sim/link.ts";
import { randomFrom } from "../unit/swarm/sim/random.ts";
import { VirtualClock } from "../unit/swarm/sim/virtual-clock.ts";
import { Extent } from "./extent.ts";
import { filmOfSizes, nameOf } from "./film.ts";
import { SimulatedPlayer } from "./player.ts";
import { RoomProcess } from "./room-process.ts";
import { SimulatedSocket } from "./socket.ts";

export const megabit = 125_000;
/** The film's rates in bits a second. */
export const rates = { v0: 2_000_000, a0: 128_000 };
const filmSeconds = 1200;

/** One way to the node and to a peer, and until a connection to a peer stands, in ms. */
const nodeMs = 20;
const peerMs = 20;
const connectMs = 200;
/** How fast hashes are checked, in bytes a ms. */
const hashRate = 150_000;
/** Lines are shared in turns of some size; finer ones take longer to simulate. */
const turn = { most: 64 << 10, ms: 50 };
const crowdMs = 2000;

export interface WorldOptions {
  /** The program of sim/room. */
  readonly room: string;
  readonly seed: number;
  readonly originMbit: number;
  /** How long a viewer waits for more to happen before it decides, in ms; 0 decides at once, as browsers do. */
  readonly grain: number;
}

export interface ViewerOptions {
  /** In megabits a second. */
  readonly uplink: number;
  readonly gives: boolean;
  readonly position: number;
}

export interface Viewer {
  readonly id: string;
  readonly swarm: Swarm;
  readonly player: SimulatedPlayer;
  readonly pool: FakePool;
  readonly link: SocketRoomLink;
  readonly far: FarEnd;
}

/** A film, its origin, its real room, and viewers with the real swarm, in virtual time. */
export class World {
  readonly clock = new VirtualClock();
  readonly film: Film;
  readonly origin: FakeOrigin;
  readonly room: RoomProcess;
  readonly random: () => number;
  readonly viewers = new Map<string, Viewer>();
  readonly all: Viewer[] = [];
  /** Connections that the room closed with something else than a viewer's leaving. */
  closed = 0;
  readonly #grain: number;
  readonly #sockets = new Map<string, SimulatedSocket>();
  #lastCame = Number.NEGATIVE_INFINITY;
  #crowd = 0;

  constructor({ room, seed, originMbit, grain }: WorldOptions) {
    this.#grain = grain;
    this.random = randomFrom(seed);
    this.film = filmOfSizes(filmSeconds, rates, seed);
    this.origin = new FakeOrigin(this.clock, this.film, originMbit * megabit, 2 * nodeMs, turn);
    const chunks = [...this.film.renditions].map(([name, segments]) => [
      name,
      segments.reduce((sum, segment) => sum + segment.chunks.length, 0),
    ]);
    this.room = new RoomProcess(room, seed, Object.fromEntries(chunks));
  }

  /**
   * What is said takes one way to arrive, so room and viewers can live for that long without hearing of each other: neither
   * misses anything by it.
   */
  async run(seconds: number): Promise<void> {
    for (let now = nodeMs; now <= seconds * 1000; now += nodeMs) {
      await this.clock.runTo(now);
      for (const { at, viewer, text } of await this.room.runTo(now)) {
        if (text.startsWith("close ")) this.closed += 1;
        this.clock.after(at + nodeMs - now, () => this.#sockets.get(viewer)?.take(text));
      }
    }
  }

  add(options: ViewerOptions): Viewer {
    const id = idOf(this.all.length);
    const swarm = this.#swarm(options);
    const pool = new FakePool((peer) => this.#part(id, peer));
    const drop = pool.drop.bind(pool);
    pool.drop = (peer) => {
      drop(peer);
      link.failed(peer, "slow");
    };
    const player = new SimulatedPlayer(this.clock, this.film, swarm, options.position);
    const link = this.#link(id, swarm, player, options);
    const far = {
      ...{ id, source: swarm.source, faults: {}, far: true, gives: options.gives },
      uplink: new Link(this.clock, options.uplink * megabit, peerMs, turn),
      onBytesSent: (bytes: number) => swarm.noteUploaded(bytes),
    };
    const viewer = { id, swarm, player, pool, link, far };
    this.viewers.set(id, viewer);
    this.all.push(viewer);
    swarm.connect(link, pool);
    link.start();
    player.start();
    return viewer;
  }

  /** A viewer closes its page. */
  remove({ id, player, swarm, link, pool }: Viewer): void {
    if (!this.viewers.delete(id)) return;
    player.stop();
    link.close();
    swarm.close();
    for (const peer of [...pool.peers.keys()]) this.#part(id, peer);
    this.#sockets.delete(id);
  }

  #swarm({ gives }: ViewerOptions): Swarm {
    const { clock, film, origin } = this;
    return new Swarm({
      clock,
      origin: origin.forViewer(),
      verify: (bytes) =>
        new Promise((resolve) => {
          clock.after(bytes.byteLength / hashRate, () => resolve(hashOf(bytes)));
        }),
      fetchList: (rendition, window) =>
        new Promise((resolve) => {
          clock.after(2 * nodeMs, () => resolve(chunkListOf(film, rendition, window)));
        }),
      chunkUrl: (sha256) => `chunk/${sha256}`,
      stripe: this.#nextStripe(),
      seed: Math.floor(this.random() * 2 ** 32),
      share: gives ? "all" : "receive",
      soon: (run) => clock.after(this.#grain, run),
      memory: (bytes) => Extent.bytes(bytes),
    });
  }

  #link(id: string, swarm: Swarm, player: SimulatedPlayer, { gives }: ViewerOptions): SocketRoomLink {
    const { clock, room } = this;
    return new SocketRoomLink({
      url: "",
      ticket: `${id}.proof`,
      newTicket: async () => undefined,
      name: "",
      share: gives ? "all" : "receive",
      open: () => {
        const socket = new SimulatedSocket((text) => room.send(clock.now() + nodeMs, id, text));
        this.#sockets.set(id, socket);
        clock.after(2 * nodeMs, () => socket.opened());
        return socket;
      },
      state: () => {
        const { position, bufferEnd, paused, renditions } = player.playback();
        const { bytes, peers } = swarm;
        return { position, buffer: bufferEnd - position, playing: !paused, renditions, peers, bytes };
      },
      clock,
      random: this.random,
      events: {
        onRoom: () => swarm.onRoom(),
        onLeases: (answer) => swarm.onLeases(answer),
        onPeers: (add, remove) => this.#meet(id, add, remove),
        onSignal: () => {},
        onBanned: (peer) => this.viewers.get(id)?.pool.ban(peer),
      },
    });
  }

  #meet(id: string, add: readonly Introduction[], remove: readonly string[]): void {
    for (const peer of remove) this.#part(id, peer);
    for (const { viewer, offer } of add)
      if (offer) this.clock.after(connectMs, () => this.#connect(id, viewer));
  }

  #connect(one: string, other: string): void {
    const [a, b] = [this.viewers.get(one), this.viewers.get(other)];
    if (a === undefined || b === undefined || a.pool.peers.has(other)) return;
    if (a.pool.banned.has(other) || b.pool.banned.has(one)) return;
    const seenByA = new FakePeer(this.clock, peerMs, b.far, () => a.swarm.poke());
    const seenByB = new FakePeer(this.clock, peerMs, a.far, () => b.swarm.poke());
    seenByA.twin = seenByB;
    seenByB.twin = seenByA;
    a.pool.peers.set(other, seenByA);
    b.pool.peers.set(one, seenByB);
    a.swarm.onPeers();
    b.swarm.onPeers();
  }

  #part(one: string, other: string): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const viewer = this.viewers.get(from);
      const peer = viewer?.pool.peers.get(to);
      if (viewer === undefined || peer === undefined) continue;
      viewer.pool.peers.delete(to);
      peer.close();
      viewer.swarm.onPeers();
    }
  }

  /** As internal/swarm gives them out. */
  #nextStripe(): number {
    const now = this.clock.now();
    this.#crowd = now - this.#lastCame <= crowdMs ? this.#crowd + 1 : 0;
    this.#lastCame = now;
    return (this.#crowd * 0.618034) % 1;
  }
}

function hashOf(bytes: Uint8Array): string {
  const origin = Extent.of(bytes)?.origin;
  return origin === undefined ? "" : nameOf(origin.segment, origin.offset).toString("hex");
}

/** The n-th viewer's id: 12 characters of a-z2-7. */
function idOf(n: number): string {
  const digits = "abcdefghijklmnopqrstuvwxyz234567";
  let id = "";
  for (let rest = n; id.length < 12; rest = Math.floor(rest / 32)) id = (digits[rest % 32] ?? "a") + id;
  return id;
}
