import { type ReadonlySignal, signal } from "@preact/signals";

/** One message to the viewer; bad ones stay until they are dismissed. */
export interface Notice {
  readonly kind: "good" | "bad";
  readonly text: string;
}

const goodNoticeMs = 8000;

/** The one place for messages: a new one takes the place of the last. */
export class Notices {
  readonly #current = signal<Notice | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  get current(): ReadonlySignal<Notice | null> {
    return this.#current;
  }

  good(text: string): void {
    this.#show({ kind: "good", text });
    this.#timer = setTimeout(() => this.dismiss(), goodNoticeMs);
  }

  bad(text: string): void {
    this.#show({ kind: "bad", text });
  }

  dismiss(): void {
    clearTimeout(this.#timer);
    this.#current.value = null;
  }

  #show(notice: Notice): void {
    clearTimeout(this.#timer);
    this.#current.value = notice;
  }
}
