import { type ReadonlySignal, signal } from "@preact/signals";

/** What can be done about a message, by one press; the message goes then. */
export interface NoticeAction {
  readonly label: string;
  readonly run: () => void;
}

/** One message to the viewer; bad ones stay until they are dismissed. */
export interface Notice {
  readonly kind: "good" | "bad";
  readonly text: string;
  readonly action: NoticeAction | null;
}

const goodNoticeMs = 8000;
/** Time to read, to think again, and to reach the button by keyboard. */
const actionNoticeMs = 20_000;

/** The one place for messages: a new one takes the place of the last. */
export class Notices {
  readonly #current = signal<Notice | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  get current(): ReadonlySignal<Notice | null> {
    return this.#current;
  }

  good(text: string, action: NoticeAction | null = null): void {
    this.#show({ kind: "good", text, action });
    this.#timer = setTimeout(() => this.dismiss(), action === null ? goodNoticeMs : actionNoticeMs);
  }

  bad(text: string): void {
    this.#show({ kind: "bad", text, action: null });
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
