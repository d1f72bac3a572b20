/** Time as parts of the swarm see it; tests bring their own. */
export interface Clock {
  /** ms since some fixed moment; never goes back. */
  now(): number;
  /** Runs something once, after that many ms. Returns how to take it back. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
