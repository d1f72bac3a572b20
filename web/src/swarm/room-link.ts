import { DecodeError } from "../protocol/decode.ts";
import {
  decodeRoomMessage,
  encodeViewerMessage,
  fitName,
  type Introduction,
  type RoomMessage,
  type Share,
  type SignalKind,
  subprotocol,
  type ViewerMessage,
  type ViewerState,
  type Welcome,
} from "../protocol/messages.ts";
import type { ChunkPlace, Run } from "../protocol/runs.ts";
import type { Clock } from "./clock.ts";
import { HaveLedger } from "./have-ledger.ts";
import { LeaseOutbox } from "./lease-outbox.ts";
import type { LeaseAnswer, RoomLink } from "./parts.ts";
import { rejoinAfter } from "./rejoin.ts";
import { Timers } from "./timers.ts";
import { fitState } from "./viewer-state.ts";

/** How long the room may take to answer "join", in ms. */
const welcomeWithinMs = 10_000;
/** A connection that held this long was no failure, in ms. */
const steadyMs = 15_000;
/** The least time between two messages of leases, and of states, in ms: who sends too many is sent away. */
const leaseGapMs = 100;
const stateGapMs = 250;
/** A timer that is this late, in ms, tells that the machine slept; pages in the background are a minute late at most. */
const sleptMs = 90_000;
/** The most that waits in the socket, in bytes, and in reports for a room that is away. */
const maxBacklogBytes = 1 << 20;
const maxKept = 64;
/** What this side closes with. Of one who will come again the room keeps the neighbours for a while. */
const closeCode = { done: 1000, again: 3000, garbage: 4000 } as const;
/** What a browser says of a connection that broke. */
const brokenCode = 1006;

/** What is needed of a WebSocket. */
export interface RoomSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number): void;
  addEventListener(
    type: "open" | "message" | "close",
    listener: (event: Event) => void,
    options?: { readonly signal: AbortSignal },
  ): void;
}

/** What the room says. From within a call to the link only onRoom is called, when that call leaves the room. */
export interface RoomEvents {
  /** Joined, or not joined any more, or the number of viewers changed. */
  onRoom(): void;
  onLeases(answer: LeaseAnswer): void;
  onPeers(add: readonly Introduction[], remove: readonly string[]): void;
  onSignal(from: string, kind: SignalKind, data: string): void;
  /** Others had bad bytes from this peer. */
  onBanned(peer: string): void;
}

export interface RoomLinkOptions {
  /** The WebSocket's address. */
  readonly url: string;
  readonly ticket: string;
  /** Gets another ticket; undefined when the video is gone. */
  readonly newTicket: () => Promise<string | undefined>;
  readonly name: string;
  readonly share: Share;
  readonly open: (url: string, protocol: string) => RoomSocket;
  readonly state: () => ViewerState;
  readonly clock: Clock;
  /** A number from 0 up to but not including 1. */
  readonly random: () => number;
  readonly events: RoomEvents;
}

/** Opens sockets in browsers. */
export function browserSocket(url: string, protocol: string): RoomSocket {
  return new WebSocket(url, protocol);
}

const isOpen = 1;

/** The WebSocket to the room. It comes back by itself as the protocol says, and nothing that the room sends makes it throw. */
export class SocketRoomLink implements RoomLink {
  readonly #options: RoomLinkOptions;
  readonly #have = new HaveLedger();
  readonly #leases = new LeaseOutbox();
  /** Told when the room is there again: reports, and connections that failed. */
  readonly #kept: ViewerMessage[] = [];
  #ticket: string;
  #name: string;
  #share: Share;
  #phase: "resting" | "waiting" | "joining" | "joined" | "done" = "resting";
  #socket: RoomSocket | undefined;
  #listeners = new AbortController();
  #welcome: Welcome | undefined;
  #viewers = 1;
  #joinedAt = 0;
  #tries = 0;
  readonly #timers: Timers<"wait" | "state" | "have" | "lease">;
  #leasesSoon = false;
  #sentAt = { state: 0, lease: Number.NEGATIVE_INFINITY };

  constructor(options: RoomLinkOptions) {
    this.#options = options;
    this.#timers = new Timers(options.clock);
    this.#ticket = options.ticket;
    this.#name = options.name;
    this.#share = options.share;
  }

  get joined(): boolean {
    return this.#phase === "joined";
  }

  get viewers(): number {
    return this.joined ? this.#viewers : 1;
  }

  /** This viewer's id; it is known before the room was reached. */
  get viewer(): string {
    return this.#ticket.split(".")[0] ?? "";
  }

  /** Joins; again after rest. */
  start(): void {
    if (this.#phase === "resting") this.#connect();
  }

  /** Leaves until start, as when the page is put away. */
  rest(): void {
    if (this.#phase !== "done") this.#leave("resting");
  }

  /** Leaves for good. */
  close(): void {
    if (this.#phase !== "done") this.#leave("done");
  }

  /** The network changed: a connection of before is dead as a rule, without having been told. */
  onNetworkChange(): void {
    if (this.#phase === "resting" || this.#phase === "done") return;
    const wasJoined = this.#drop(closeCode.again);
    this.#tries = 0;
    this.#wait(this.#options.random() * 500);
    if (wasJoined) this.#options.events.onRoom();
  }

  /** Tells where the viewer is now; to be called after a seek. */
  tellState(): void {
    if (!this.joined) return;
    this.#timers.set("state", this.#sentAt.state + stateGapMs - this.#now(), () => this.#sendState());
  }

  tellHave(add: readonly Run[], drop: readonly Run[]): void {
    this.#have.change(add, drop);
    this.#leases.fetched(add);
    if (!this.joined || this.#timers.has("have")) return;
    this.#timers.set("have", this.#welcome?.have_ms ?? 0, () => this.#tellNews());
  }

  /** Asks, or with urgent tells. What was asked and not answered when the room is lost must be asked again. */
  lease(chunks: readonly Run[], urgent: boolean): void {
    this.#leases.lease(chunks, urgent);
    this.#flushLeasesSoon();
  }

  release(chunks: readonly Run[]): void {
    this.#leases.release(chunks);
    this.#flushLeasesSoon();
  }

  report(peer: string, { rendition, ordinal }: ChunkPlace): void {
    this.#keep({ t: "report", peer, chunk: { rendition, first: ordinal, count: 1 } });
  }

  failed(peer: string, why: "unreachable" | "slow" | "closed"): void {
    this.#keep({ t: "failed", peer, why });
  }

  signal(to: string, kind: SignalKind, data: string): void {
    if (this.joined) this.#send({ t: "signal", to, kind, data });
  }

  /** The room learns a name only when a viewer joins, so this one joins anew. */
  setName(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    if (!this.joined) return;
    this.#drop(closeCode.again);
    this.#wait(0);
    this.#options.events.onRoom();
  }

  setShare(share: Share): void {
    if (share === this.#share) return;
    this.#share = share;
    if (this.joined) this.#send({ t: "share", share });
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #connect(): void {
    this.#phase = "joining";
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    try {
      const socket = this.#options.open(this.#options.url, subprotocol);
      this.#socket = socket;
      socket.addEventListener("open", () => this.#join(), { signal });
      socket.addEventListener("message", (event) => this.#onMessage(event), { signal });
      socket.addEventListener("close", (event) => this.#onClose(event), { signal });
    } catch {
      // A browser that forbids the address; later it may not.
      this.#lost(brokenCode);
      return;
    }
    this.#timers.set("wait", welcomeWithinMs, () => this.#lost(brokenCode));
  }

  #join(): void {
    this.#send({ t: "join", viewer: this.#ticket, name: fitName(this.#name), share: this.#share });
  }

  #onClose(event: Event): void {
    this.#lost((event as CloseEvent).code);
  }

  #onMessage(event: Event): void {
    const { data } = event as MessageEvent<unknown>;
    try {
      if (typeof data !== "string") throw new DecodeError("the message is no text");
      this.#take(decodeRoomMessage(data));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // A node of another version: to come again would change nothing.
      this.#lost(closeCode.garbage);
    }
  }

  #take(message: RoomMessage): void {
    const { events } = this.#options;
    if (this.joined === (message.t === "welcome")) throw new DecodeError(`${message.t} at the wrong time`);
    switch (message.t) {
      case "welcome":
        this.#onWelcome(message);
        break;
      case "room":
        this.#viewers = message.viewers;
        events.onRoom();
        break;
      case "peers":
        events.onPeers(message.add, message.remove);
        break;
      case "signal":
        events.onSignal(message.from, message.kind, message.data);
        break;
      case "leases":
        this.#onLeases(message);
        break;
      case "banned":
        events.onBanned(message.peer);
        break;
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#phase = "joined";
    this.#viewers = welcome.viewers;
    this.#joinedAt = this.#now();
    this.#timers.stopAll();
    for (const message of this.#have.everything()) this.#send(message);
    this.#sendState();
    this.#flushLeases();
    for (const message of this.#kept.splice(0)) this.#send(message);
    this.#options.events.onRoom();
  }

  #onLeases({ epoch, granted, held, ready }: Extract<RoomMessage, { t: "leases" }>): void {
    // Of a life of the room that has ended.
    if (epoch !== this.#welcome?.epoch) return;
    this.#leases.granted(granted);
    this.#options.events.onLeases({ granted, held, ready });
  }

  /** The connection is gone, or no good. */
  #lost(code: number): void {
    if (this.joined && this.#now() - this.#joinedAt >= steadyMs) this.#tries = 0;
    const wasJoined = this.#drop(code === closeCode.garbage ? code : closeCode.again);
    const what = rejoinAfter(code, this.#tries, this.#options.random());
    this.#tries += 1;
    if (what === "stay away") this.#phase = "done";
    else if (what === "another ticket") void this.#getTicket();
    else this.#wait(what.waitMs);
    if (wasJoined) this.#options.events.onRoom();
  }

  #leave(phase: "resting" | "done"): void {
    const wasJoined = this.#drop(closeCode.done);
    this.#phase = phase;
    if (wasJoined) this.#options.events.onRoom();
  }

  /** Ends the socket and all that hangs on it. Returns whether this viewer was joined. */
  #drop(code: number): boolean {
    const wasJoined = this.joined;
    const socket = this.#socket;
    this.#timers.stopAll();
    this.#listeners.abort();
    this.#leases.lost();
    this.#socket = undefined;
    this.#phase = "waiting";
    socket?.close(code);
    return wasJoined;
  }

  #wait(ms: number): void {
    this.#phase = "waiting";
    this.#timers.set("wait", ms, () => this.#connect());
  }

  async #getTicket(): Promise<void> {
    this.#phase = "waiting";
    let ticket: string | undefined;
    try {
      ticket = await this.#options.newTicket();
    } catch {
      ticket = this.#ticket;
    }
    // Meanwhile the page may have been put away, or the network have changed.
    if (this.#phase !== "waiting" || this.#timers.has("wait")) return;
    if (ticket === undefined) this.#phase = "done";
    else if (ticket === this.#ticket) this.#lost(brokenCode);
    else {
      this.#ticket = ticket;
      this.#connect();
    }
  }

  #sendState(): void {
    this.#sentAt.state = this.#now();
    this.#send({ t: "state", ...fitState(this.#options.state()) });
    const wait = this.#welcome?.state_ms ?? welcomeWithinMs;
    this.#timers.set("state", wait, () => {
      if (this.#now() - this.#sentAt.state > wait + sleptMs) this.onNetworkChange();
      else this.#sendState();
    });
  }

  #tellNews(): void {
    for (const message of this.#have.news()) this.#send(message);
  }

  #flushLeasesSoon(): void {
    if (!this.joined || this.#leasesSoon || this.#timers.has("lease")) return;
    this.#leasesSoon = true;
    queueMicrotask(() => {
      this.#leasesSoon = false;
      if (!this.joined) return;
      const wait = this.#sentAt.lease + leaseGapMs - this.#now();
      if (wait <= 0) this.#flushLeases();
      else this.#timers.set("lease", wait, () => this.#flushLeases());
    });
  }

  #flushLeases(): void {
    const messages = this.#leases.take();
    if (messages.length > 0) this.#sentAt.lease = this.#now();
    for (const message of messages) this.#send(message);
  }

  #keep(message: ViewerMessage): void {
    if (this.joined) this.#send(message);
    else if (this.#kept.push(message) > maxKept) this.#kept.shift();
  }

  #send(message: ViewerMessage): void {
    const socket = this.#socket;
    if (socket === undefined || socket.readyState !== isOpen) return;
    if (socket.bufferedAmount > maxBacklogBytes) {
      // Not within the call that wanted to send.
      this.#timers.set("wait", 0, () => this.#lost(brokenCode));
      return;
    }
    socket.send(encodeViewerMessage(message));
  }
}
