import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { ApiError, messageOf } from "../api/request.ts";
import type { Video } from "../api/video.ts";
import { SpeedMeter } from "./speed-meter.ts";

/**
 * One file on its way into the library. waiting: others are sent first; sending: its bytes travel;
 * preparing: the box has it and works; the rest are ends.
 */
export type AddPhase = "waiting" | "sending" | "preparing" | "ready" | "known" | "failed" | "cancelled";

export interface AddItem {
  readonly key: number;
  readonly file: File;
  readonly phase: AddPhase;
  /** Bytes sent so far, and how many a second; 0 while that is not known. */
  readonly sent: number;
  readonly speed: number;
  /** What the box says of it, once it has it. */
  readonly video: Video | null;
  /** Why it failed, in words. */
  readonly message: string;
  /** Whether to send it again may help. */
  readonly canRetry: boolean;
}

const lookEveryMs = 1000;

/** Sends files one after another, and follows each until it is ready. It lives as long as the page. */
export class AddQueue {
  readonly #api: Api;
  readonly #now: () => number;
  readonly #onChange: () => void;
  readonly #items = signal<readonly AddItem[]>([]);
  /** True while bytes travel or wait for it, so that the page must stay open. */
  readonly isSending = computed(() =>
    this.#items.value.some((item) => item.phase === "waiting" || item.phase === "sending"),
  );
  #nextKey = 1;
  #sending: { key: number; abort: AbortController } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** onChange is called when the library has changed. */
  constructor(api: Api, now: () => number, onChange: () => void) {
    this.#api = api;
    this.#now = now;
    this.#onChange = onChange;
  }

  get items(): ReadonlySignal<readonly AddItem[]> {
    return this.#items;
  }

  add(files: readonly File[]): void {
    const fresh = files.map((file) => this.#newItem(file));
    this.#items.value = [...this.#items.value, ...fresh];
    void this.#sendNext();
  }

  /** Stops a file that is not ready; what the box has of it is deleted. */
  async cancel(key: number): Promise<void> {
    const item = this.#find(key);
    if (item === undefined) return;
    this.#patch(key, { phase: "cancelled" });
    if (this.#sending?.key === key) this.#sending.abort.abort();
    if (item.phase !== "preparing" || item.video === null) return;
    try {
      await this.#api.deleteVideo(item.video.id, { purge: true });
      this.#onChange();
    } catch (error) {
      this.#patch(key, { phase: "failed", message: messageOf(error) });
    }
  }

  retry(key: number): void {
    const item = this.#find(key);
    if (item === undefined) return;
    this.#patch(key, { phase: "waiting", sent: 0, speed: 0, video: null, message: "" });
    void this.#sendNext();
  }

  /** Takes away what has ended. */
  clearEnded(): void {
    this.#items.value = this.#items.value.filter((item) =>
      ["waiting", "sending", "preparing"].includes(item.phase),
    );
  }

  #newItem(file: File): AddItem {
    const key = this.#nextKey++;
    return { key, file, phase: "waiting", sent: 0, speed: 0, video: null, message: "", canRetry: false };
  }

  #find(key: number): AddItem | undefined {
    return this.#items.value.find((item) => item.key === key);
  }

  #patch(key: number, change: Partial<AddItem>): void {
    this.#items.value = this.#items.value.map((item) => (item.key === key ? { ...item, ...change } : item));
  }

  async #sendNext(): Promise<void> {
    if (this.#sending !== null) return;
    const item = this.#items.value.find((candidate) => candidate.phase === "waiting");
    if (item === undefined) return;
    this.#sending = { key: item.key, abort: new AbortController() };
    try {
      this.#arrived(item.key, await this.#send(item, this.#sending.abort.signal));
    } catch (error) {
      this.#stopped(item.key, error);
    }
    this.#sending = null;
    void this.#sendNext();
  }

  #send(item: AddItem, signal: AbortSignal): Promise<Video> {
    const meter = new SpeedMeter();
    this.#patch(item.key, { phase: "sending" });
    return this.#api.uploadFile(item.file, signal, (sent) => {
      meter.note(sent, this.#now());
      this.#patch(item.key, { sent, speed: meter.perSecond() });
    });
  }

  #stopped(key: number, error: unknown): void {
    if (this.#find(key)?.phase === "cancelled") return;
    const broke = error instanceof ApiError && error.status === 0;
    const message = broke
      ? "The connection broke while the file was sent. Is the box on, and its disk not full? Then try again."
      : messageOf(error);
    const canRetry = error instanceof ApiError && (broke || error.status === 429 || error.status >= 500);
    this.#patch(key, { phase: "failed", message, canRetry });
  }

  #arrived(key: number, video: Video): void {
    this.#onChange();
    if (this.#find(key)?.phase === "cancelled") {
      // Cancelled too late to stop the last bytes.
      if (!video.duplicate) void this.#api.deleteVideo(video.id, { purge: true }).finally(this.#onChange);
      return;
    }
    if (video.duplicate && video.state !== "failed") {
      this.#patch(key, { phase: "known", video });
      return;
    }
    this.#update(key, video);
    this.#lookLater();
  }

  #update(key: number, video: Video): void {
    if (video.state === "ready") this.#patch(key, { phase: "ready", video });
    else if (video.state === "failed") {
      const message = video.error?.message ?? "The box could not prepare this file.";
      this.#patch(key, { phase: "failed", video, message });
    } else this.#patch(key, { phase: "preparing", video });
  }

  #lookLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), lookEveryMs);
  }

  /** Asks for everything that the box works on. */
  async #look(): Promise<void> {
    const open = this.#items.value.filter((item) => item.phase === "preparing");
    await Promise.all(open.map((item) => this.#lookAt(item)));
    if (this.#items.value.some((item) => item.phase === "preparing")) this.#lookLater();
  }

  async #lookAt(item: AddItem): Promise<void> {
    if (item.video === null) return;
    try {
      const video = await this.#api.getVideo(item.video.id);
      if (this.#find(item.key)?.phase === "preparing") this.#update(item.key, video);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#patch(item.key, { phase: "cancelled" });
      // Without an answer the numbers stay as they are until the next look.
    }
  }
}
