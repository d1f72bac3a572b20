import { DecodeError } from "../protocol/decode.ts";
import {
  type ControlFrame,
  decodeControl,
  decodePiece,
  encodeControl,
  maxFrameBytes,
  maxInventoryRuns,
  pieceHeaderBytes,
  type Refusal,
} from "../protocol/frames.ts";
import type { ChunkPlace, Holding, InventoryChange, PieceRequest } from "../protocol/runs.ts";
import { bytesOf, type Channel } from "./channel.ts";
import type { Clock } from "./clock.ts";
import { Holdings } from "./holdings.ts";
import type { Peer, PeerStats, Source, Transfer, TransferEvents } from "./parts.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";
import type { UploadLimit } from "./upload-limit.ts";

/** Frames that a peer does not take pile up to this many bytes; then it is given up. */
const maxControlBytes = 1 << 20;

/** Why a connection ended: it was lost or closed, or the peer broke the protocol. */
export type PeerEnd = "closed" | "breach";

export interface PeerEvents {
  /** Both channels are open and its first frame came: from now on it is a peer. */
  onOpen(): void;
  /** What it has, whether it gives, or what the room tells of it changed. */
  onChange(): void;
  /** Bytes of chunks left for it. */
  onSent(bytes: number): void;
  /** Once; nothing comes after it. */
  onEnd(why: PeerEnd): void;
}

export interface PeerOptions {
  readonly id: string;
  readonly name: string;
  readonly near: boolean;
  /** Two channels that are open or will be; data need not keep the order. */
  readonly control: Channel;
  readonly data: Channel;
  /** The longest message that the other side takes; asked once both are open. */
  readonly maxMessageBytes: () => number;
  readonly source: Source;
  /** Whether this side gives anything. */
  readonly gives: boolean;
  readonly limit: UploadLimit;
  readonly clock: Clock;
  readonly events: PeerEvents;
}

/** One connection to a peer over two channels. Whatever the other side sends, nothing is thrown. */
export class ChannelPeer implements Peer {
  readonly id: string;
  readonly #options: PeerOptions;
  readonly #holdings = new Holdings();
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #listeners = new AbortController();
  #name: string;
  #near: boolean;
  #weGive: boolean;
  #isOpen = false;
  #greeted = false;
  #gives = false;
  #ended = false;

  constructor(options: PeerOptions) {
    this.id = options.id;
    this.#name = options.name;
    this.#near = options.near;
    this.#options = options;
    const { clock, data, source, limit } = options;
    const frameBytes = () =>
      Math.max(pieceHeaderBytes + 1, Math.min(maxFrameBytes, options.maxMessageBytes()));
    this.#receiver = new Receiver({
      clock,
      send: (frame) => this.#send(frame),
      holds: (piece) => this.holds(piece),
    });
    const refuse = (id: number, why: Refusal) => this.#send({ kind: "refuse", id, why });
    const onSent = (bytes: number) => options.events.onSent(bytes);
    const onBroken = () => this.close();
    this.#sender = new Sender({ data, source, limit, frameBytes, refuse, onSent, onBroken }, options.gives);
    this.#weGive = options.gives;
    this.#listen();
    this.#openIfReady();
  }

  get name(): string {
    return this.#name;
  }

  get near(): boolean {
    return this.#near;
  }

  get gives(): boolean {
    return this.#gives;
  }

  get stats(): PeerStats {
    const { firstByteMs, received } = this.#receiver;
    return { firstByteMs, received, sent: this.#sender.sent };
  }

  holds(place: ChunkPlace): Holding | undefined {
    return this.#holdings.get(place);
  }

  request(piece: PieceRequest, events: TransferEvents): Transfer {
    return this.#receiver.request(piece, events);
  }

  tell(changes: readonly InventoryChange[], full: boolean): void {
    let isFull = full;
    for (let at = 0; at < changes.length || isFull; at += maxInventoryRuns) {
      this.#send({ kind: "inventory", full: isFull, changes: changes.slice(at, at + maxInventoryRuns) });
      isFull = false;
    }
  }

  /** Takes over what the room tells of it anew. */
  describe(name: string, near: boolean): void {
    if (name === this.#name && near === this.#near) return;
    this.#name = name;
    this.#near = near;
    if (this.#isOpen) this.#options.events.onChange();
  }

  /** Begins or ends giving; requests that are being answered are refused when it ends. */
  setGives(gives: boolean): void {
    if (gives === this.#weGive) return;
    this.#weGive = gives;
    this.#sender.setGives(gives);
    if (this.#isOpen) this.#send({ kind: "hello", givesNothing: !gives });
  }

  close(): void {
    this.#end("closed");
  }

  #end(why: PeerEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listeners.abort();
    this.#options.control.close();
    this.#options.data.close();
    this.#sender.close();
    this.#receiver.close();
    this.#options.events.onEnd(why);
  }

  #listen(): void {
    const { control, data } = this.#options;
    const { signal } = this.#listeners;
    for (const channel of [control, data]) {
      channel.binaryType = "arraybuffer";
      channel.addEventListener("open", () => this.#openIfReady(), { signal });
      channel.addEventListener("close", () => this.close(), { signal });
    }
    control.addEventListener("message", (event) => this.#take(event, (bytes) => this.#onControl(bytes)), {
      signal,
    });
    data.addEventListener("message", (event) => this.#take(event, (bytes) => this.#onData(bytes)), {
      signal,
    });
    data.addEventListener("bufferedamountlow", () => this.#sender.onRoom(), { signal });
  }

  #openIfReady(): void {
    const { control, data, events } = this.#options;
    if (this.#isOpen || control.readyState !== "open" || data.readyState !== "open") return;
    this.#isOpen = true;
    this.#send({ kind: "hello", givesNothing: !this.#weGive });
    // The other side may have been faster.
    if (this.#greeted) events.onOpen();
    this.#sender.onRoom();
  }

  /** Hands a message to use; ends the connection when use finds it against the protocol. */
  #take(event: Event, use: (bytes: Uint8Array) => boolean): void {
    const bytes = bytesOf(event);
    let isFine = false;
    try {
      isFine = bytes !== undefined && use(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
    if (!isFine) this.#end("breach");
  }

  #onData(bytes: Uint8Array): boolean {
    return this.#receiver.takePiece(decodePiece(bytes));
  }

  #onControl(bytes: Uint8Array): boolean {
    const frame = decodeControl(bytes);
    if (frame.kind !== "hello" && !this.#greeted) return false;
    switch (frame.kind) {
      case "hello":
        return this.#onHello(!frame.givesNothing);
      case "inventory":
        return this.#onInventory(frame.changes, frame.full);
      case "request":
        return this.#sender.take(frame);
      case "cancel":
        this.#sender.cancel(frame.id);
        return true;
      case "refuse":
        this.#receiver.takeRefusal(frame);
        return true;
    }
  }

  #onHello(gives: boolean): boolean {
    const { events } = this.#options;
    this.#gives = gives;
    const isFirst = !this.#greeted;
    this.#greeted = true;
    if (this.#isOpen && isFirst) events.onOpen();
    else if (this.#isOpen) events.onChange();
    return true;
  }

  #onInventory(changes: readonly InventoryChange[], full: boolean): boolean {
    if (full) this.#holdings.clear();
    const isFine = changes.every((change) => this.#holdings.apply(change));
    if (isFine && this.#isOpen) this.#options.events.onChange();
    return isFine;
  }

  #send(frame: ControlFrame): void {
    const { control } = this.#options;
    if (this.#ended || control.readyState !== "open") return;
    try {
      control.send(encodeControl(frame));
    } catch {
      this.close();
      return;
    }
    if (control.bufferedAmount > maxControlBytes) this.close();
  }
}
