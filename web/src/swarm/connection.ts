import type { Introduction, SignalKind } from "../protocol/messages.ts";
import type { Clock } from "./clock.ts";
import type { Source } from "./parts.ts";
import { ChannelPeer, type PeerEnd } from "./peer.ts";
import type { UploadLimit } from "./upload-limit.ts";

/** How long a connection may take to open, in ms: on a LAN it takes 10 to 30, on a slow line some 400. */
export const openWithinMs = 10_000;
/** After so long it will not open any more. */
const overdueMs = openWithinMs / 2;
/** Candidates and descriptions that wait for their turn; a browser has a handful. */
const maxHeld = 64;

/** How a connection ended. `withdrawn`: the other side said bye before it was open. */
export type ConnectionEnd = PeerEnd | "unreachable" | "withdrawn";

export interface ConnectionEvents {
  signal(kind: SignalKind, data: string): void;
  onOpen(peer: ChannelPeer): void;
  onChange(peer: ChannelPeer): void;
  onSent(bytes: number): void;
  /** Once, unless close was called before. */
  onEnd(why: ConnectionEnd): void;
}

export interface ConnectionOptions {
  readonly introduction: Introduction;
  /** This viewer's id. */
  readonly viewer: string;
  readonly create: () => RTCPeerConnection;
  readonly source: Source;
  readonly limit: UploadLimit;
  readonly clock: Clock;
  readonly gives: boolean;
  readonly events: ConnectionEvents;
}

/**
 * One RTCPeerConnection from the introduction to its end: who offers, glare, candidates that come too early. Nothing is
 * created before there is an offer to make or to answer, and all is given free at the end. Signals may be anything.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  #introduction: Introduction;
  #listeners = new AbortController();
  readonly #stopTimer: () => void;
  #rtc: RTCPeerConnection | undefined;
  #peer: ChannelPeer | undefined;
  #state: "opening" | "open" | "ended" = "opening";
  readonly #begunAt: number;
  #gives: boolean;
  #offers = false;
  /** Signals are worked on one after another. */
  #work: Promise<void> = Promise.resolve();
  #working = 0;
  readonly #early: RTCIceCandidateInit[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#introduction = options.introduction;
    this.#gives = options.gives;
    this.#begunAt = options.clock.now();
    this.#stopTimer = options.clock.after(openWithinMs, () => this.#onTime());
  }

  /** What the room told of the peer last. */
  get introduction(): Introduction {
    return this.#introduction;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether there is, or is about to be, an RTCPeerConnection that has not opened yet. */
  get isOpening(): boolean {
    return this.#state === "opening" && (this.#offers || this.#rtc !== undefined);
  }

  /** Whether it was tried for so long that it is as good as unreachable. */
  get isOverdue(): boolean {
    return this.isOpening && this.#options.clock.now() - this.#begunAt >= overdueMs;
  }

  /** Whether it is open and the network brings its packets, as far as the browser knows. */
  get isHealthy(): boolean {
    return this.isOpen && this.#rtc?.connectionState === "connected";
  }

  /** Makes the offer. */
  offer(): void {
    this.#offers = true;
    this.#enqueue(async () => {
      if (this.#rtc === undefined) await this.#describe(this.#begin());
    });
  }

  /** Takes what the other side had sent through the room. */
  take(kind: SignalKind, data: string): void {
    if (kind === "bye") this.#end(this.isOpen ? "closed" : "withdrawn");
    else if (kind === "candidate") this.#enqueue(() => this.#takeCandidate(data));
    else if (kind === "offer") this.#enqueue(() => this.#takeOffer(data));
    else this.#enqueue(() => this.#takeAnswer(data));
  }

  /** The room tells of the peer anew; who makes the offer was settled by the first introduction. */
  update({ name, near }: Introduction): void {
    this.#introduction = { ...this.#introduction, name, near };
    this.#peer?.describe(name, near);
  }

  setGives(gives: boolean): void {
    this.#gives = gives;
    this.#peer?.setGives(gives);
  }

  /** Ends it without an event. */
  close(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#stopTimer();
    this.#discard();
  }

  /** Where nothing was tried, as no offer came or this page stood still, nothing is known of the network between. */
  #onTime(): void {
    const late = this.#options.clock.now() - this.#begunAt - openWithinMs;
    this.#end(this.#rtc === undefined || late > openWithinMs / 2 ? "closed" : "unreachable");
  }

  #end(why: ConnectionEnd): void {
    if (this.#state === "ended") return;
    this.close();
    this.#options.events.onEnd(why);
  }

  /** Does something after what is under way. What throws was garbage: it is passed over, and the time limit does the rest. */
  #enqueue(task: () => Promise<void>): void {
    if (this.#working >= maxHeld) return;
    this.#working += 1;
    this.#work = this.#work.then(async () => {
      try {
        if (this.#state !== "ended") await task();
      } catch {
        // See above.
      } finally {
        this.#working -= 1;
      }
    });
  }

  /** Frees what the browser holds. */
  #discard(): void {
    const [rtc, peer] = [this.#rtc, this.#peer];
    // Browsers count what is closed and not collected against a limit.
    this.#rtc = undefined;
    this.#peer = undefined;
    this.#listeners.abort();
    peer?.close();
    rtc?.close();
  }

  #begin(): RTCPeerConnection {
    const rtc = this.#options.create();
    this.#rtc = rtc;
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    rtc.addEventListener("icecandidate", ({ candidate }) => this.#sendCandidate(rtc, candidate), { signal });
    rtc.addEventListener("connectionstatechange", () => this.#onState(rtc.connectionState), { signal });
    this.#peer = this.#createPeer(rtc);
    return rtc;
  }

  #createPeer(rtc: RTCPeerConnection): ChannelPeer {
    const { source, limit, clock, events } = this.#options;
    const { viewer, name, near } = this.#introduction;
    const channel = (label: string, id: number, ordered: boolean) =>
      rtc.createDataChannel(label, { negotiated: true, id, ordered });
    const peer: ChannelPeer = new ChannelPeer({
      id: viewer,
      name,
      near,
      control: channel("control", 0, true),
      data: channel("data", 1, false),
      maxMessageBytes: () => rtc.sctp?.maxMessageSize ?? 0,
      source,
      gives: this.#gives,
      limit,
      clock,
      events: {
        onOpen: () => this.#onOpen(peer),
        onChange: () => events.onChange(peer),
        onSent: (bytes) => events.onSent(bytes),
        onEnd: (why) => this.#onPeerEnd(peer, why),
      },
    });
    return peer;
  }

  #onOpen(peer: ChannelPeer): void {
    this.#state = "open";
    this.#stopTimer();
    this.#options.events.onOpen(peer);
  }

  #onPeerEnd(peer: ChannelPeer, why: PeerEnd): void {
    // One that was discarded ends too.
    if (peer === this.#peer) this.#end(why === "closed" && !this.isOpen ? "unreachable" : why);
  }

  #onState(state: RTCPeerConnectionState): void {
    if (state === "failed" || state === "closed") this.#end(this.isOpen ? "closed" : "unreachable");
  }

  #sendCandidate(rtc: RTCPeerConnection, candidate: RTCIceCandidate | null): void {
    // The last one is empty, and says only that it is the last.
    if (candidate === null || candidate.candidate === "") return;
    // Behind the description that it belongs to, which is being sent.
    this.#enqueue(async () => {
      if (rtc === this.#rtc) this.#options.events.signal("candidate", JSON.stringify(candidate));
    });
  }

  /** Makes the description that is due, an offer or an answer, and sends it. */
  async #describe(rtc: RTCPeerConnection): Promise<void> {
    await rtc.setLocalDescription();
    const description = rtc.localDescription;
    if (description === null || this.#state === "ended") return;
    this.#options.events.signal(description.type === "offer" ? "offer" : "answer", description.sdp);
  }

  async #takeOffer(sdp: string): Promise<void> {
    if (this.#rtc?.signalingState === "have-local-offer") {
      // Both made an offer: that of the lower id counts.
      if (this.#options.viewer < this.#introduction.viewer) return;
      // By a rollback Chromium 156 gathers no candidates any more when it had just begun to.
      this.#discard();
    }
    const rtc = this.#rtc ?? this.#begin();
    if (rtc.remoteDescription !== null) return;
    await rtc.setRemoteDescription({ type: "offer", sdp });
    await this.#describe(rtc);
    await this.#addEarly(rtc);
  }

  async #takeAnswer(sdp: string): Promise<void> {
    const rtc = this.#rtc;
    if (rtc?.signalingState !== "have-local-offer") return;
    await rtc.setRemoteDescription({ type: "answer", sdp });
    await this.#addEarly(rtc);
  }

  async #takeCandidate(data: string): Promise<void> {
    const candidate = candidateIn(data);
    const rtc = this.#rtc;
    if (rtc !== undefined && rtc.remoteDescription !== null) await rtc.addIceCandidate(candidate);
    else if (this.#early.length < maxHeld) this.#early.push(candidate);
  }

  async #addEarly(rtc: RTCPeerConnection): Promise<void> {
    for (const candidate of this.#early.splice(0)) {
      // One that is garbage, or belonged to an offer that was taken back, does not keep the others away.
      await rtc.addIceCandidate(candidate).catch(() => {});
    }
  }
}

function candidateIn(data: string): RTCIceCandidateInit {
  const parsed: unknown = JSON.parse(data);
  if (typeof parsed !== "object" || parsed === null) throw new TypeError("no candidate");
  return parsed as RTCIceCandidateInit;
}
