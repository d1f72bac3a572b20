/**
 * Why this viewer reaches nobody: the browser cannot; nobody on the same network answers, as behind an access point that keeps
 * its clients apart; or all others are on other networks, where nothing helps without a server between. Null: it does, or it is
 * not known yet.
 */
export type Isolation = "no-webrtc" | "same-network" | "other-networks" | null;

/** So many different peers must have been tried in vain, or all where there are fewer. */
const enoughTries = 3;

/** Finds out that no connection ever comes about, to tell the viewer why nothing is shared. */
export class IsolationWatch {
  readonly #canConnect: boolean;
  readonly #others: () => number;
  /** The peers that were tried in vain, and whether they are on the same network. */
  readonly #tried = new Map<string, boolean>();
  #everOpened = false;

  /** Others tells how many there are in the room beside this viewer. */
  constructor(canConnect: boolean, others: () => number) {
    this.#canConnect = canConnect;
    this.#others = others;
  }

  get state(): Isolation {
    if (!this.#canConnect) return "no-webrtc";
    const enough = Math.max(1, Math.min(enoughTries, this.#others()));
    if (this.#tried.size < enough) return null;
    return [...this.#tried.values()].includes(true) ? "same-network" : "other-networks";
  }

  opened(): void {
    this.#everOpened = true;
    this.#tried.clear();
  }

  /** A connection to a peer did not come about. */
  failed(peer: string, near: boolean): void {
    if (!this.#everOpened && this.#tried.size < enoughTries) this.#tried.set(peer, near);
  }
}
