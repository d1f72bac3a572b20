import type { ChunkPlace, Holding, InventoryChange, PieceRequest, Run } from "../protocol/runs.ts";

export type { Holding, InventoryChange, PieceRequest } from "../protocol/runs.ts";

/** Why a transfer from a peer came to nothing; who schedules decides by it. */
export type TransferFailure = "refused" | "busy" | "silent" | "closed" | "cancelled";

/**
 * What becomes of a request. Bytes come in any order, each at most once and inside the request; offset counts from the
 * chunk's beginning. They may be views and are the receiver's to keep. Nothing is called before request has returned.
 */
export interface TransferEvents {
  onBytes(offset: number, bytes: Uint8Array): void;
  onDone(): void;
  onFailed(why: TransferFailure): void;
}

/** A transfer under way; cancel tells the other side and ends the events. */
export interface Transfer {
  cancel(): void;
}

/** What went over a connection. Each reading is a new object. */
export interface PeerStats {
  /** From a request to its first byte of late, in ms; 0 before the first. */
  readonly firstByteMs: number;
  /** Bytes of chunks since the connection began. */
  readonly received: number;
  readonly sent: number;
}

/** One open connection to a peer. */
export interface Peer {
  readonly id: string;
  readonly name: string;
  readonly near: boolean;
  /** False for a peer that takes and gives nothing. */
  readonly gives: boolean;
  readonly stats: PeerStats;
  /** What it told of its chunks, by place. */
  holds(place: ChunkPlace): Holding | undefined;
  request(piece: PieceRequest, events: TransferEvents): Transfer;
  /** Tells what changed here; full also makes it forget what was told before. */
  tell(changes: readonly InventoryChange[], full: boolean): void;
}

/** What the swarm gives when a peer asks: bytes that are here, or that are still coming in. */
export interface Source {
  /**
   * Calls onBytes with bytes of the range as they are there, and onEnd when they all were, or with the reason why they never
   * will be. The bytes may be views into a buffer that is kept: they are sent, never changed. Returns how to stop.
   */
  read(
    piece: PieceRequest,
    onBytes: (offset: number, bytes: Uint8Array) => void,
    onEnd: (refused?: "not-here" | "busy" | "not-a-range") => void,
  ): () => void;
}

/** All connections to peers. Which there should be is the room's to say. */
export interface PeerPool {
  readonly peers: ReadonlyMap<string, Peer>;
  /** Ends the connection for good: this peer is never connected again while the page lives. */
  ban(id: string): void;
  /** Gives up a connection that is too slow to be of use; the room may introduce another. */
  drop(id: string, why: "slow"): void;
  close(): void;
}

/** The connection to the room, also while it is down: what is said then is told again on joining. */
export interface RoomLink {
  readonly joined: boolean;
  /** The viewers in the room, this one with it; 1 while not joined. */
  readonly viewers: number;
  readonly viewer: string;
  lease(chunks: readonly Run[], urgent: boolean): void;
  release(chunks: readonly Run[]): void;
  tellHave(add: readonly Run[], drop: readonly Run[]): void;
  report(peer: string, place: ChunkPlace): void;
  close(): void;
}

/** What the room answers about chunks, asked or not. */
export interface LeaseAnswer {
  readonly granted: readonly Run[];
  readonly held: readonly Run[];
  readonly ready: readonly Run[];
}
