/** What a screen lock must know of the page. */
export interface LockedPage {
  readonly visibilityState: string;
}

/** What browsers give for a lock that they granted. */
export interface GrantedLock {
  readonly released: boolean;
  release(): Promise<void>;
}

export interface ScreenLocks {
  request(type: "screen"): Promise<GrantedLock>;
}

/**
 * Keeps the screen on while that is wanted and the page is seen. Browsers can do it on https and localhost only, and
 * may refuse; then the screen goes off as it always does.
 */
export class ScreenLock {
  readonly #page: LockedPage;
  readonly #locks: ScreenLocks | undefined;
  #wanted = false;
  #held: GrantedLock | null = null;
  #settling = false;

  constructor(page: LockedPage, locks: ScreenLocks | undefined) {
    this.#page = page;
    this.#locks = locks;
  }

  /** To be set again when the page is hidden or seen: browsers release the lock of a hidden one. */
  set wanted(wanted: boolean) {
    this.#wanted = wanted;
    void this.#settle();
  }

  /** One request at a time; what changes meanwhile is seen after it. */
  async #settle(): Promise<void> {
    if (this.#locks === undefined || this.#settling) return;
    this.#settling = true;
    try {
      for (let held = this.#lockHeld(); (held === null) === this.#isDue(); held = this.#lockHeld()) {
        if (held === null) this.#held = await this.#locks.request("screen");
        else await held.release();
      }
    } catch {
      // The battery is low, or the page was hidden just now.
    } finally {
      this.#settling = false;
    }
  }

  #isDue(): boolean {
    return this.#wanted && this.#page.visibilityState === "visible";
  }

  #lockHeld(): GrantedLock | null {
    return this.#held === null || this.#held.released ? null : this.#held;
  }
}
