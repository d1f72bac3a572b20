/**
 * Why this viewer reaches nobody: the browser cannot; nobody on the same network answers, as behind an access point that keeps
 * its clients apart; or all others are on other networks, where nothing helps without a server between. Null: it does, or it is
 * not known yet.
 */
export type Isolation = "no-webrtc" | "same-network" | "other-networks" | null;

/** So many different peers must have been tried in vain. */
const enoughTries = 3;

/** Finds out that no connection ever comes about, to tell the viewer why nothing is shared. */
export class IsolationWatch {
  readonly #onChange: (isolation: Isolation) => void;
  readonly #near = new Set<string>();
  readonly #far = new Set<string>();
  #everOpened = false;
  #state: Isolation;

  constructor(canConnect: boolean, onChange: (isolation: Isolation) => void) {
    this.#onChange = onChange;
    this.#state = canConnect ? null : "no-webrtc";
  }

  get state(): Isolation {
    return this.#state;
  }

  opened(): void {
    this.#everOpened = true;
    this.#near.clear();
    this.#far.clear();
    this.#become(null);
  }

  /** A connection to a peer did not come about. */
  failed(peer: string, near: boolean): void {
    const tried = near ? this.#near : this.#far;
    if (this.#everOpened || tried.size >= enoughTries) return;
    tried.add(peer);
    if (this.#near.size >= enoughTries) this.#become("same-network");
    else if (this.#far.size >= enoughTries && this.#near.size === 0) this.#become("other-networks");
  }

  #become(state: Isolation): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onChange(state);
  }
}
