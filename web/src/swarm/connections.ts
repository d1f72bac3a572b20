import type { Introduction, SignalKind } from "../protocol/messages.ts";
import type { Clock } from "./clock.ts";
import { Connection, type ConnectionEnd } from "./connection.ts";
import { type Isolation, IsolationWatch } from "./isolation.ts";
import type { Peer, PeerPool, Source } from "./parts.ts";
import type { ChannelPeer } from "./peer.ts";
import { RetryTimes } from "./retry-times.ts";
import type { UploadLimit } from "./upload-limit.ts";

/** The most connections, and the most of them that are opening: browsers allow some hundreds in all their pages. */
export const maxConnections = 16;
export const maxOpening = 6;
/** Signals that came before the start. */
const maxEarlySignals = 256;

export interface PoolEvents {
  /** A connection is open. */
  onPeer(peer: Peer): void;
  /** What a peer has, whether it gives, or what the room tells of it changed. */
  onChange(peer: Peer): void;
  /** Bytes of chunks left for a peer. */
  onSent(bytes: number): void;
  /** It is a peer no more. Its transfers were told before that they are closed. */
  onLost(peer: Peer): void;
}

export interface ConnectionsOptions {
  /** This viewer's id in the room. */
  readonly viewer: () => string;
  /** How many others are in the room. */
  readonly others: () => number;
  /** How to make a connection; undefined where the browser cannot. */
  readonly create: (() => RTCPeerConnection) | undefined;
  readonly source: Source;
  readonly limit: UploadLimit;
  readonly clock: Clock;
  readonly events: PoolEvents;
  /** What goes to the room. */
  readonly signal: (to: string, kind: SignalKind, data: string) => void;
  readonly failed: (peer: string, why: "unreachable" | "slow" | "closed") => void;
}

/** Makes connections in browsers that can, without asking any server for this machine's address. */
export const browserConnections: (() => RTCPeerConnection) | undefined =
  typeof RTCPeerConnection === "undefined" ? undefined : () => new RTCPeerConnection({ iceServers: [] });

interface Entry {
  readonly connection: Connection;
  /** It has still to make its offer. */
  waits: boolean;
}

/** The connections to the peers that the room introduced. Nothing is created before start. */
export class Connections implements PeerPool {
  readonly #options: ConnectionsOptions;
  readonly #peers = new Map<string, ChannelPeer>();
  readonly #entries = new Map<string, Entry>();
  /** Only peers that were introduced get here, so that the room bounds it. */
  readonly #banned = new Set<string>();
  readonly #retries: RetryTimes;
  readonly #isolation: IsolationWatch;
  readonly #early: [string, SignalKind, string][] = [];
  #introduced: Introduction[] = [];
  #running = false;
  #gives = true;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#retries = new RetryTimes(options.clock);
    this.#isolation = new IsolationWatch(options.create !== undefined, options.others);
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /** How many peers were banned. */
  get banned(): number {
    return this.#banned.size;
  }

  /** Why this viewer can reach nobody, as far as is known. */
  get isolation(): Isolation {
    return this.#isolation.state;
  }

  /** Begins to connect, also to those that were introduced before. Again after stop, as when the page comes back. */
  start(): void {
    if (this.#running || this.#options.create === undefined) return;
    this.#running = true;
    this.#retries.clear();
    this.introduce(this.#introduced.splice(0));
    for (const signal of this.#early.splice(0)) this.takeSignal(...signal);
  }

  /** Leaves everybody without a word, as when the page is put away. */
  stop(): void {
    this.#running = false;
    this.#introduced = [];
    this.#early.length = 0;
    for (const id of [...this.#entries.keys()]) this.#remove(id);
  }

  close(): void {
    this.stop();
  }

  /** Whether this viewer gives anything. */
  setGives(gives: boolean): void {
    this.#gives = gives;
    for (const { connection } of this.#entries.values()) connection.setGives(gives);
  }

  introduce(introductions: readonly Introduction[]): void {
    for (const introduction of introductions) {
      if (this.#running) this.#meet(introduction);
      else if (this.#introduced.length < maxConnections) this.#introduced.push(introduction);
    }
  }

  /** The room parts this viewer from these, and tells them too. */
  part(ids: readonly string[]): void {
    this.#introduced = this.#introduced.filter(({ viewer }) => !ids.includes(viewer));
    for (const id of ids) {
      // The other side had found it unreachable a moment sooner.
      const connection = this.#entries.get(id)?.connection;
      if (connection?.isOverdue) this.#isolation.failed(id, connection.introduction.near);
      this.#remove(id);
    }
    this.#openMore();
  }

  takeSignal(from: string, kind: SignalKind, data: string): void {
    const entry = this.#entries.get(from);
    if (!this.#running) {
      if (this.#early.length < maxEarlySignals) this.#early.push([from, kind, data]);
    } else if (entry === undefined) return;
    // The other side has lost the connection that is open here.
    else if (kind === "offer" && entry.connection.isOpen) this.#renew(from, entry, data);
    else {
      entry.waits = entry.waits && kind !== "offer";
      entry.connection.take(kind, data);
    }
  }

  ban(id: string): void {
    this.#banned.add(id);
    this.#leave(id);
  }

  drop(id: string, why: "slow"): void {
    if (!this.#entries.has(id)) return;
    this.#leave(id);
    this.#retries.failed(id);
    this.#options.failed(id, why);
  }

  #meet(introduction: Introduction): void {
    const { viewer } = introduction;
    if (this.#banned.has(viewer)) return;
    const known = this.#entries.get(viewer)?.connection;
    known?.update(introduction);
    // It is connected, or being connected, already.
    if (known?.isHealthy || known?.isOpen === false) return;
    this.#remove(viewer);
    if (!this.#retries.mayTry(viewer)) this.#options.failed(viewer, "unreachable");
    else if (this.#entries.size >= maxConnections) this.#options.failed(viewer, "closed");
    else this.#add(introduction);
  }

  #add(introduction: Introduction): Entry {
    const connection = this.#connect(introduction);
    const entry = { connection, waits: introduction.offer };
    this.#entries.set(introduction.viewer, entry);
    this.#openMore();
    return entry;
  }

  #connect(introduction: Introduction): Connection {
    const { viewer, create, source, limit, clock, events, signal } = this.#options;
    if (create === undefined) throw new Error("this browser has no RTCPeerConnection");
    const id = introduction.viewer;
    const connection: Connection = new Connection({
      introduction,
      viewer: viewer(),
      create,
      source,
      limit,
      clock,
      gives: this.#gives,
      events: {
        signal: (kind, data) => signal(id, kind, data),
        onOpen: (peer) => this.#onOpen(peer),
        onChange: (peer) => events.onChange(peer),
        onSent: (bytes) => events.onSent(bytes),
        onEnd: (why) => this.#onEnd(connection.introduction, why),
      },
    });
    return connection;
  }

  /** Begins as many of the waiting offers as may be under way at a time. */
  #openMore(): void {
    let opening = [...this.#entries.values()].filter(({ connection }) => connection.isOpening).length;
    for (const entry of this.#entries.values()) {
      if (opening >= maxOpening) return;
      if (!entry.waits) continue;
      entry.waits = false;
      opening += 1;
      entry.connection.offer();
    }
  }

  #renew(id: string, { connection }: Entry, offer: string): void {
    this.#remove(id);
    this.#add({ ...connection.introduction, offer: false }).connection.take("offer", offer);
  }

  #onOpen(peer: ChannelPeer): void {
    this.#peers.set(peer.id, peer);
    this.#retries.worked(peer.id);
    this.#isolation.opened();
    this.#openMore();
    this.#options.events.onPeer(peer);
  }

  #onEnd({ viewer, near }: Introduction, why: ConnectionEnd): void {
    if (why === "breach") this.#banned.add(viewer);
    if (why === "unreachable") {
      this.#retries.failed(viewer);
      this.#isolation.failed(viewer, near);
    }
    this.#remove(viewer);
    if (why !== "withdrawn") this.#options.failed(viewer, why === "unreachable" ? why : "closed");
    this.#openMore();
  }

  /** Ends a connection on purpose: an open one ends by itself on the other side, one that is not needs to be told. */
  #leave(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && !entry.connection.isOpen) this.#options.signal(id, "bye", "");
    this.#remove(id);
  }

  #remove(id: string): void {
    const peer = this.#peers.get(id);
    this.#peers.delete(id);
    this.#entries.get(id)?.connection.close();
    this.#entries.delete(id);
    if (peer !== undefined) this.#options.events.onLost(peer);
  }
}
