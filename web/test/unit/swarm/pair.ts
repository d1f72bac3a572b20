import { type ControlFrame, decodeControl, encodeControl } from "../../../src/protocol/frames.ts";
import type { PieceRequest, Source, TransferEvents, TransferFailure } from "../../../src/swarm/parts.ts";
import { ChannelPeer, type PeerOptions } from "../../../src/swarm/peer.ts";
import { UploadLimit } from "../../../src/swarm/upload-limit.ts";
import { channelPair, type FakeChannel } from "./fake-channel.ts";
import { FakeClock } from "./fake-clock.ts";

export const chunkBytes = 1 << 20;

/** The bytes of any chunk, which follow from its ordinal. */
export function chunkOf(ordinal: number): Uint8Array {
  return Uint8Array.from({ length: chunkBytes }, (_, at) => (at * 31 + (at >>> 8) + ordinal * 7) & 255);
}

const kept = new Map<number, Uint8Array>();

function keptChunk(ordinal: number): Uint8Array {
  const chunk = kept.get(ordinal) ?? chunkOf(ordinal);
  kept.set(ordinal, chunk);
  return chunk;
}

/** Has every chunk, at once. */
export const fullSource: Source = {
  read({ ordinal, offset, length }, onBytes, onEnd) {
    onBytes(offset, keptChunk(ordinal).subarray(offset, offset + length));
    onEnd();
    return () => {};
  },
};

type Read = Parameters<Source["read"]>;

/** Gives what the test tells it to. */
export class HandSource implements Source {
  readonly reads: { piece: PieceRequest; onBytes: Read[1]; onEnd: Read[2]; stopped: boolean }[] = [];

  read(piece: PieceRequest, onBytes: Read[1], onEnd: Read[2]): () => void {
    const read = { piece, onBytes, onEnd, stopped: false };
    this.reads.push(read);
    return () => {
      read.stopped = true;
    };
  }
}

/** What came of one request. */
export class Outcome implements TransferEvents {
  #bytes: Uint8Array | undefined;
  got = 0;
  done = 0;
  failed: TransferFailure[] = [];

  get bytes(): Uint8Array {
    this.#bytes ??= new Uint8Array(chunkBytes);
    return this.#bytes;
  }

  /** Whether what came is that part of the chunk; the arrays are too long for expect to compare. */
  is(ordinal: number, start = 0, end = chunkBytes): boolean {
    return Buffer.compare(this.bytes.subarray(start, end), keptChunk(ordinal).subarray(start, end)) === 0;
  }

  onBytes(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
    this.got += bytes.length;
  }

  onDone(): void {
    this.done += 1;
  }

  onFailed(why: TransferFailure): void {
    this.failed.push(why);
  }
}

/** One side of a connection in memory. */
export class Side {
  readonly events: string[] = [];
  readonly peer: ChannelPeer;
  readonly control: FakeChannel;
  readonly data: FakeChannel;

  constructor(channels: [FakeChannel, FakeChannel], clock: FakeClock, options: Partial<PeerOptions>) {
    [this.control, this.data] = channels;
    this.peer = new ChannelPeer({
      id: "abcdefgh2345",
      name: "Ada",
      near: true,
      control: this.control,
      data: this.data,
      maxMessageBytes: () => 262_144,
      source: fullSource,
      gives: true,
      limit: new UploadLimit(clock),
      clock,
      events: {
        onOpen: () => this.events.push("open"),
        onChange: () => this.events.push("change"),
        onSent: () => {},
        onEnd: (why) => this.events.push(why),
      },
      ...options,
    });
  }

  ask(ordinal: number, more: Partial<PieceRequest> = {}): Outcome & { cancel(): void } {
    const outcome = new Outcome();
    const piece = { rendition: "v0", ordinal, offset: 0, length: chunkBytes, urgent: false, ...more };
    const transfer = this.peer.request(piece, outcome);
    return Object.assign(outcome, { cancel: () => transfer.cancel() });
  }

  /** Puts a frame on the wire as a hostile peer would. */
  forge(frame: ControlFrame): void {
    this.control.send(encodeControl(frame));
  }

  /** The control frames that wait to be delivered. */
  get told(): ControlFrame[] {
    return this.control.outbox.map((message) => decodeControl(message as Uint8Array));
  }
}

/** Two connected sides; a asks, b answers by default. */
export class Pair {
  readonly clock = new FakeClock();
  readonly a: Side;
  readonly b: Side;

  constructor(a: Partial<PeerOptions> = {}, b: Partial<PeerOptions> = {}, state?: RTCDataChannelState) {
    const [controlA, controlB] = channelPair(state);
    const [dataA, dataB] = channelPair(state);
    this.a = new Side([controlA, dataA], this.clock, a);
    this.b = new Side([controlB, dataB], this.clock, b);
  }

  /** Delivers until nothing moves any more; pick chooses which data frame of how many goes next. */
  settle(pick: (count: number) => number = () => 0): void {
    while (this.step(pick));
  }

  /** Delivers until something is so. */
  settleUntil(isSo: () => boolean): void {
    while (!isSo()) {
      if (!this.step(() => 0)) throw new Error("nothing moves any more");
    }
  }

  /** Delivers what waits on control, and one frame of data each way; false when there was nothing. */
  step(pick: (count: number) => number): boolean {
    let moved = false;
    for (const { control, data } of [this.a, this.b]) {
      while (control.deliver()) moved = true;
      if (data.outbox.length > 0) moved = data.deliver(pick(data.outbox.length)) || moved;
    }
    return moved;
  }
}

/** Two sides that have greeted each other. */
export function connected(a: Partial<PeerOptions> = {}, b: Partial<PeerOptions> = {}): Pair {
  const pair = new Pair(a, b);
  pair.settle();
  return pair;
}
