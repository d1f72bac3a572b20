import type { Share } from "../protocol/messages.ts";
import type { Clock } from "./clock.ts";
import type { OriginFetcher } from "./origin.ts";

/** Bytes of memory for chunks, and the share of them that is kept behind the playhead for others. */
export const usualCache = { bytes: 100_000_000, behind: 0.18 };

/** What a swarm works with; what it touches of a browser comes in here. */
export interface SwarmOptions {
  readonly clock: Clock;
  readonly origin: OriginFetcher;
  /** The SHA-256 of bytes in hexadecimal. The bytes stay as they are, and where they are. */
  verify(bytes: Uint8Array): Promise<string>;
  /** Gets the list of chunks of a window of a rendition; rejects when there is none. */
  fetchList(rendition: string, window: number): Promise<Uint8Array>;
  /** The address of one chunk. */
  chunkUrl(sha256: string): string;
  /** Where in the first segments to begin (docs/protocol.md, `Shoal-Stripe`). */
  readonly stripe: number;
  /** A number of this viewer's own; it settles what is left to chance. */
  readonly seed: number;
  readonly share: Share;
  /** Gets memory for so many bytes; a simulation of thousands of viewers keeps none. */
  readonly memory?: (bytes: number) => Uint8Array<ArrayBuffer>;
  readonly cacheBytes?: number;
  readonly cacheBehind?: number;
  /** Runs something soon, but not within this call. */
  soon?(run: () => void): void;
}
