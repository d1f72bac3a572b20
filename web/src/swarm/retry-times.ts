import type { Clock } from "./clock.ts";

const firstMs = 10_000;
const longestMs = 300_000;
/** The most peers that are remembered; the oldest are forgotten first. */
const maxPeers = 256;

/** When a peer that could not be reached may be tried again: after a time that doubles. */
export class RetryTimes {
  readonly #clock: Clock;
  readonly #peers = new Map<string, { tries: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  mayTry(peer: string): boolean {
    return (this.#peers.get(peer)?.at ?? 0) <= this.#clock.now();
  }

  failed(peer: string): void {
    const tries = (this.#peers.get(peer)?.tries ?? 0) + 1;
    const at = this.#clock.now() + Math.min(longestMs, firstMs * 2 ** (tries - 1));
    this.#peers.delete(peer);
    this.#peers.set(peer, { tries, at });
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > maxPeers && oldest !== undefined) this.#peers.delete(oldest);
  }

  worked(peer: string): void {
    this.#peers.delete(peer);
  }

  clear(): void {
    this.#peers.clear();
  }
}
