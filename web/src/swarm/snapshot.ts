import type { ChunkPlace } from "../protocol/runs.ts";
import type { Holding } from "./parts.ts";
import type { Range } from "./ranges.ts";

/**
 * All that the scheduler decides by. Clock times and spans are seconds of one clock, positions are seconds of the film,
 * sizes are bytes and rates bytes a second.
 */
export interface Snapshot {
  readonly now: number;
  /** This viewer's own number; the only chance there is. */
  readonly seed: number;
  /** How sharing stands: `alone` fetches from the origin what the player asks for, in its order. */
  readonly mode: "alone" | "sharing";
  /** True while the room or the first peers may turn up any moment, so that it pays to wait for them. */
  readonly settling: boolean;
  readonly joined: boolean;
  /** The viewers in the room, this one with it. */
  readonly viewers: number;
  /** Where in a chunk this viewer begins to fetch when several fetch it: 0 up to but not including 1. */
  readonly stripe: number;
  readonly playhead: number;
  /** Seconds of the film a second. */
  readonly rate: number;
  readonly paused: boolean;
  /** How far the player can play without another segment. */
  readonly bufferEnd: number;
  /** Seconds of the film that were played. */
  readonly watched: number;
  /** The bytes ahead of the playhead that the cache keeps. */
  readonly room: number;
  readonly origin: OriginView;
  readonly peers: readonly PeerView[];
  /** What is wanted and not here whole, of all wanted renditions, by start. */
  readonly chunks: readonly ChunkView[];
  /** Transfers of chunks that are wanted no longer. */
  readonly strays: readonly TransferView[];
  /** A peer waits for bytes that it needs soon. */
  readonly servingUrgent: boolean;
}

export interface OriginView {
  readonly rate: number;
  /** From a request to the first byte of its answer. */
  readonly firstByte: number;
  /** The origin said that it takes nothing before then. */
  readonly restingUntil: number;
}

export interface PeerView {
  readonly id: string;
  readonly near: boolean;
  readonly gives: boolean;
  readonly rate: number;
  /** Bytes that it was asked for and has not sent. */
  readonly outstanding: number;
  readonly requests: number;
  /** Failures in a row. */
  readonly failures: number;
  /** Nothing is asked of it before then. */
  readonly restingUntil: number;
  holds(place: ChunkPlace): Holding | undefined;
}

export interface ChunkView {
  readonly place: ChunkPlace;
  readonly size: number;
  readonly segment: number;
  readonly segmentSize: number;
  /** Where in its segment it begins. */
  readonly offset: number;
  /** When its segment plays. */
  readonly start: number;
  /** The player waits for it now. */
  readonly asked: boolean;
  /** Its bytes that are not here, in order. */
  readonly missing: readonly Range[];
  readonly transfers: readonly TransferView[];
  readonly lease: LeaseView | undefined;
}

/** A transfer of bytes of one chunk. */
export interface TransferView {
  readonly id: number;
  /** The peer, or null for the origin. */
  readonly from: string | null;
  /** What is still to come: of a peer in any order, of the origin from start on. */
  readonly start: number;
  readonly end: number;
  /** Bytes that came. */
  readonly got: number;
  /** The end of those that came last. */
  readonly reached: number;
  readonly since: number;
  /** When the last bytes came; since, when none did. */
  readonly lastByte: number;
  /** False for an origin transfer that is busy with an earlier chunk. */
  readonly active: boolean;
  /** True for a peer that was asked while it was fetching the chunk itself. */
  readonly early: boolean;
}

export interface LeaseView {
  readonly state: "asked" | "granted" | "held" | "ready";
  readonly since: number;
}

/** What is to be done. */
export type Decision =
  | { readonly do: "lease"; readonly places: readonly ChunkPlace[]; readonly urgent: boolean }
  | { readonly do: "release"; readonly places: readonly ChunkPlace[] }
  /** Bytes of a segment, which may span several of its chunks. */
  | {
      readonly do: "origin";
      readonly rendition: string;
      readonly segment: number;
      readonly start: number;
      readonly end: number;
    }
  | {
      readonly do: "request";
      readonly peer: string;
      readonly place: ChunkPlace;
      readonly start: number;
      readonly end: number;
      readonly urgent: boolean;
    }
  | { readonly do: "cancel"; readonly id: number; readonly why: "silent" | "redundant" | "unwanted" }
  | { readonly do: "drop"; readonly peer: string };

export interface Plan {
  readonly decisions: readonly Decision[];
  /** When to decide again if nothing happens before; Infinity for never. */
  readonly lookAgain: number;
}
