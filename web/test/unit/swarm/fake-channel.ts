import type { Channel } from "../../../src/swarm/channel.ts";

type Message = Uint8Array<ArrayBuffer> | string;

/** One end of a channel in memory. What is sent waits until the test delivers it. */
export class FakeChannel extends EventTarget implements Channel {
  readyState: RTCDataChannelState;
  bufferedAmountLowThreshold = 0;
  binaryType: BinaryType = "blob";
  other: FakeChannel | undefined;
  /** What waits; for reading only. */
  readonly outbox: Message[] = [];
  bufferedAmount = 0;
  /** send throws from now on, as a channel's does whose queue is full. */
  refuses = false;

  constructor(readyState: RTCDataChannelState) {
    super();
    this.readyState = readyState;
  }

  send(message: Message): void {
    if (this.readyState !== "open" || this.refuses) throw new Error("the channel takes nothing");
    this.bufferedAmount += message.length;
    this.outbox.push(typeof message === "string" ? message : message.slice());
  }

  close(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.outbox.length = 0;
    this.dispatchEvent(new Event("close"));
    this.other?.close();
  }

  open(): void {
    this.readyState = "open";
    this.dispatchEvent(new Event("open"));
  }

  /** Hands the message at a place of the queue to the other end; false when there is none. */
  deliver(at = 0): boolean {
    const before = this.bufferedAmount;
    const [message] = this.outbox.splice(at, 1);
    if (message === undefined) return false;
    const low = this.bufferedAmountLowThreshold;
    this.bufferedAmount -= message.length;
    this.other?.receive(message);
    if (before > low && this.bufferedAmount <= low) this.dispatchEvent(new Event("bufferedamountlow"));
    return true;
  }

  receive(message: Message): void {
    if (this.readyState !== "open") return;
    if (this.binaryType !== "arraybuffer") throw new Error("would come as a Blob");
    const data = typeof message === "string" ? message : message.slice().buffer;
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

/** Two ends of one channel. */
export function channelPair(readyState: RTCDataChannelState = "open"): [FakeChannel, FakeChannel] {
  const [a, b] = [new FakeChannel(readyState), new FakeChannel(readyState)];
  a.other = b;
  b.other = a;
  return [a, b];
}
