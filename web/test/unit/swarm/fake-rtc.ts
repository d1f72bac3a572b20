import { FakeChannel } from "./fake-channel.ts";

/** Which fake connections can reach each other, and all that were made. */
export class FakeNetwork {
  readonly made: FakeRtc[] = [];
  /** Nobody reaches anybody while false. */
  reachable = true;

  readonly create = (): RTCPeerConnection => {
    const rtc = new FakeRtc(this);
    this.made.push(rtc);
    return rtc as unknown as RTCPeerConnection;
  };

  get living(): number {
    return this.made.filter(({ connectionState }) => connectionState !== "closed").length;
  }

  find(name: number): FakeRtc | undefined {
    return this.made[name];
  }
}

interface Description {
  readonly type: "offer" | "answer";
  readonly sdp: string;
}

/**
 * As much of an RTCPeerConnection as the swarm uses, strict about the order of things. It opens when both sides have both
 * descriptions and the other's candidate.
 */
export class FakeRtc extends EventTarget {
  readonly name: number;
  readonly sctp = { maxMessageSize: 262_144 };
  readonly channels = new Map<number, FakeChannel>();
  signalingState: "stable" | "have-local-offer" | "have-remote-offer" | "closed" = "stable";
  connectionState: RTCPeerConnectionState = "new";
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  readonly #network: FakeNetwork;
  #generation = 0;
  #hasCandidate = false;

  constructor(network: FakeNetwork) {
    super();
    this.#network = network;
    this.name = network.made.length;
  }

  createDataChannel(_: string, { id, ordered }: { id: number; ordered: boolean }): FakeChannel {
    if (ordered !== (id === 0)) throw new Error("control is ordered, data is not");
    const channel = new FakeChannel("connecting");
    this.channels.set(id, channel);
    return channel;
  }

  async setLocalDescription(): Promise<void> {
    this.#checkOpen();
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.#generation += 1;
    this.localDescription = { type, sdp: `sdp ${this.name} ${this.#generation}` };
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    const candidate = { candidate: `candidate ${this.localDescription.sdp}` };
    queueMicrotask(() => {
      this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate }));
      this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: { candidate: "" } }));
      this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: null }));
    });
    this.#connect();
  }

  async setRemoteDescription({ type, sdp }: Description): Promise<void> {
    this.#checkOpen();
    if (!/^sdp \d+ \d+$/.test(sdp)) throw new Error("garbage");
    const wanted = type === "offer" ? "stable" : "have-local-offer";
    if (this.signalingState !== wanted) throw new Error(`a ${type} while ${this.signalingState}`);
    this.remoteDescription = { type, sdp };
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable";
    this.#connect();
  }

  async addIceCandidate({ candidate }: { candidate?: string }): Promise<void> {
    this.#checkOpen();
    if (this.remoteDescription === null) throw new Error("no remote description yet");
    if (candidate !== `candidate ${this.remoteDescription.sdp}`) throw new Error("of another description");
    this.#hasCandidate = true;
    this.#connect();
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
    for (const channel of this.channels.values()) channel.close();
  }

  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }

  get #isReady(): boolean {
    const described = this.localDescription !== null && this.remoteDescription !== null;
    return described && this.signalingState === "stable" && this.#hasCandidate;
  }

  #checkOpen(): void {
    if (this.signalingState === "closed") throw new Error("it is closed");
  }

  #connect(): void {
    const other = this.#network.find(Number(this.remoteDescription?.sdp.split(" ")[1] ?? -1));
    if (other === undefined || !this.#network.reachable || !this.#isReady || !other.#isReady) return;
    if (other.remoteDescription?.sdp !== this.localDescription?.sdp || this.connectionState !== "new") return;
    for (const rtc of [this, other]) rtc.become("connected");
    for (const id of [0, 1]) {
      const [mine, theirs] = [this.channels.get(id), other.channels.get(id)];
      if (mine === undefined || theirs === undefined) continue;
      mine.other = theirs;
      theirs.other = mine;
      mine.open();
      theirs.open();
    }
  }
}
