/** The bytes of a viewer, as window.shoal.stats() and the room are told them. */
export interface SwarmBytes {
  readonly origin: number;
  /** From peers, checked or to be checked. */
  readonly peers: number;
  /** Given to the player a second time without being fetched again. */
  readonly cache: number;
  readonly uploaded: number;
  /** Came although they were here. */
  readonly duplicate: number;
  /** From peers, and thrown away because their chunk did not match. */
  readonly rejected: number;
}

export type MutableBytes = { -readonly [name in keyof SwarmBytes]: number };

export function noBytes(): MutableBytes {
  return { origin: 0, peers: 0, cache: 0, uploaded: 0, duplicate: 0, rejected: 0 };
}
