/**
 * How a viewer takes part: "off" by choice; "unable" where the browser has no WebRTC or the node no room; "joining" until the
 * room answers; "alone" in the room; "isolated" where devices on this network cannot reach each other; "sharing".
 */
export type SharingState = "off" | "unable" | "joining" | "alone" | "isolated" | "sharing";

/** Where the bytes of a segment came from; "cache" is this device's own memory. */
export type SegmentSource = "origin" | "peer" | "cache" | "mixed";

/** One peer as its viewer may know it; no address, ever. Rates in bytes a second over the last seconds. */
export interface PeerFacts {
  readonly id: string;
  readonly name: string;
  /** On the same network. */
  readonly near: boolean;
  readonly open: boolean;
  readonly bytesFrom: number;
  readonly bytesTo: number;
  readonly rateFrom: number;
  readonly rateTo: number;
  /** From a request to its first byte of late, in ms; null before it was measured. */
  readonly firstByteMs: number | null;
}

/** A segment of the film that was, or is being, fetched. Times in seconds of the film. */
export interface SegmentFacts {
  readonly kind: "video" | "audio" | "text";
  readonly rendition: string;
  readonly index: number;
  readonly start: number;
  readonly duration: number;
  /** Null while it is being fetched. */
  readonly source: SegmentSource | null;
  /** Names of the peers that gave some of it. */
  readonly from: readonly string[];
  readonly bytes: number;
  /** How long it took, in ms. */
  readonly tookMs: number;
  /** Whether it is still in memory here, so that others can have it. */
  readonly here: boolean;
  /** Some of its bytes came wrong, and were fetched again. */
  readonly failedCheck: boolean;
}

/** What the page shows of sharing, at one moment. Bytes since the page came. */
export interface SharingFacts {
  readonly state: SharingState;
  /** This viewer's id in the room, "" without one. */
  readonly viewer: string;
  /** Viewers in the room, this one with them. */
  readonly viewers: number;
  readonly bytes: {
    readonly origin: number;
    readonly peers: number;
    readonly cache: number;
    readonly uploaded: number;
    readonly duplicate: number;
    readonly rejected: number;
  };
  readonly peers: readonly PeerFacts[];
  readonly banned: number;
  readonly segments: readonly SegmentFacts[];
  readonly cache: { readonly bytes: number; readonly limit: number };
}
