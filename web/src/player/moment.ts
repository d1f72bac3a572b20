import type { SharingFacts } from "../swarm/facts.ts";

/** How playing and sharing go at one moment. */
export interface PlaybackMoment {
  /** Where playing is, in seconds of the film. */
  readonly position: number;
  /** How many seconds can be played from there. */
  readonly bufferSeconds: number;
  /** Null where nothing can be shared. */
  readonly sharing: SharingFacts | null;
}
