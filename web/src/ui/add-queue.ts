import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { ApiError, messageOf } from "../api/request.ts";
import { UploadPaused } from "../api/upload-paused.ts";
import { fingerprintOf } from "../api/upload-places.ts";
import type { Video } from "../api/video.ts";
import { SpeedMeter } from "./speed-meter.ts";
import { ownerOf, pairFiles } from "./subtitle-files.ts";

/**
 * One file on its way into the library. waiting: others are sent first; sending: its bytes travel;
 * paused: they will, when its owner says so; preparing: the box has it and works; the rest are ends.
 */
export type AddPhase =
  | "waiting"
  | "sending"
  | "paused"
  | "preparing"
  | "ready"
  | "known"
  | "failed"
  | "cancelled";

export interface AddItem {
  readonly key: number;
  readonly file: File;
  /** Files of subtitles that go with it, as soon as the box has it. */
  readonly subtitles: readonly File[];
  /** Those that the box did not take, each with its reason. */
  readonly subtitleProblems: readonly string[];
  readonly phase: AddPhase;
  /** Bytes sent so far, which never falls, and how many a second; 0 while that is not known. */
  readonly sent: number;
  readonly speed: number;
  /** How many bytes the box had from before, 0 for none. */
  readonly resumedAt: number;
  /** Whether the connection broke and is tried again. */
  readonly broken: boolean;
  /** What the box says of it, once it has it. */
  readonly video: Video | null;
  /** Why it failed, in words. */
  readonly message: string;
  /** Whether to send it again may help. */
  readonly canRetry: boolean;
}

const lookEveryMs = 1000;
/** How many files travel at once. */
const maxSending = 2;
/** The phases that are no ends. */
const openPhases: readonly AddPhase[] = ["waiting", "sending", "paused", "preparing"];

/** Whether a file is still on its way. */
export function isOpen(item: AddItem): boolean {
  return openPhases.includes(item.phase);
}

/** Sends files, two at a time, and follows each until it is ready. It lives as long as the page. */
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
  readonly #sending = new Map<number, AbortController>();
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

  /**
   * Adds films at the end, each with the subtitles that are named as it is. One that is on its way already goes on if
   * it was paused; it is not added twice. Returns the subtitles that belong to none of them, nor to one added before.
   */
  add(files: readonly File[]): readonly File[] {
    const { films, left } = pairFiles(files);
    for (const { film, subtitles } of films) {
      const print = fingerprintOf(film);
      const same = this.#items.value.find((item) => isOpen(item) && fingerprintOf(item.file) === print);
      if (same === undefined) {
        this.#items.value = [...this.#items.value, this.#newItem(film, subtitles)];
        continue;
      }
      if (same.phase === "paused") this.#patch(same.key, { phase: "waiting" });
      for (const file of subtitles) this.#addSubtitles(same.key, file);
    }
    this.#sendMore();
    return left.filter((file) => !this.#giveToEarlier(file));
  }

  /** Gives subtitles to the film of their name that was added before, if there is one. */
  #giveToEarlier(file: File): boolean {
    const items = this.#items.value.filter((item) => item.phase !== "failed" && item.phase !== "cancelled");
    const owner = ownerOf(
      file.name,
      items.map((item) => ({ name: item.file.name, key: item.key })),
    );
    if (owner === undefined) return false;
    this.#addSubtitles(owner.key, file);
    return true;
  }

  /** Has subtitles go with a film, at once if the box has it. */
  #addSubtitles(key: number, file: File): void {
    const item = this.#find(key);
    if (item === undefined || item.subtitles.some((other) => fingerprintOf(other) === fingerprintOf(file)))
      return;
    this.#patch(key, { subtitles: [...item.subtitles, file] });
    if (item.video !== null) void this.#sendSubtitles(key, item.video.id, [file]);
  }

  async #sendSubtitles(key: number, video: string, files: readonly File[]): Promise<void> {
    for (const file of files) {
      try {
        await this.#api.addSubtitles(video, file);
      } catch (error) {
        const problems = this.#find(key)?.subtitleProblems ?? [];
        this.#patch(key, { subtitleProblems: [...problems, `${file.name}: ${messageOf(error)}`] });
      }
    }
  }

  /** Stops a file for a while; what the box has of it stays there. */
  pause(key: number): void {
    const phase = this.#find(key)?.phase;
    if (phase !== "waiting" && phase !== "sending") return;
    this.#patch(key, { phase: "paused", speed: 0, broken: false });
    this.#sending.get(key)?.abort(new UploadPaused());
  }

  /** Goes on with a paused file. */
  resume(key: number): void {
    if (this.#find(key)?.phase !== "paused") return;
    this.#patch(key, { phase: "waiting" });
    this.#sendMore();
  }

  /** Stops a file that is not ready; what the box has of it is deleted. */
  async cancel(key: number): Promise<void> {
    const item = this.#find(key);
    if (item === undefined) return;
    this.#patch(key, { phase: "cancelled" });
    const sending = this.#sending.get(key);
    sending?.abort();
    try {
      if (item.phase === "preparing" && item.video !== null) {
        await this.#api.deleteVideo(item.video.id, { purge: true });
      } else if (sending === undefined) await this.#api.abandonUpload(item.file);
      this.#onChange();
    } catch (error) {
      this.#patch(key, { phase: "failed", message: messageOf(error) });
    }
  }

  /** Sends a file again, or has the box try again that has it still. */
  async retry(key: number): Promise<void> {
    const item = this.#find(key);
    if (item === undefined) return;
    if (item.video?.canRetry) {
      try {
        this.#update(key, await this.#api.retryVideo(item.video.id));
        this.#onChange();
        this.#lookLater();
      } catch (error) {
        this.#patch(key, { message: messageOf(error) });
      }
      return;
    }
    this.#patch(key, { phase: "waiting", speed: 0, video: null, message: "" });
    this.#sendMore();
  }

  /** Takes away what has ended. */
  clearEnded(): void {
    this.#items.value = this.#items.value.filter(isOpen);
  }

  #newItem(file: File, subtitles: readonly File[]): AddItem {
    const key = this.#nextKey++;
    return {
      key,
      file,
      subtitles,
      subtitleProblems: [],
      phase: "waiting",
      sent: 0,
      speed: 0,
      resumedAt: 0,
      broken: false,
      video: null,
      message: "",
      canRetry: false,
    };
  }

  #find(key: number): AddItem | undefined {
    return this.#items.value.find((item) => item.key === key);
  }

  #patch(key: number, change: Partial<AddItem>): void {
    this.#items.value = this.#items.value.map((item) => (item.key === key ? { ...item, ...change } : item));
  }

  #sendMore(): void {
    const waiting = this.#items.value.filter(
      ({ phase, key }) => phase === "waiting" && !this.#sending.has(key),
    );
    for (const item of waiting.slice(0, Math.max(0, maxSending - this.#sending.size))) {
      void this.#sendOne(item);
    }
  }

  async #sendOne(item: AddItem): Promise<void> {
    const abort = new AbortController();
    this.#sending.set(item.key, abort);
    try {
      this.#arrived(item.key, await this.#send(item, abort.signal));
    } catch (error) {
      this.#stopped(item.key, error);
    }
    this.#sending.delete(item.key);
    this.#sendMore();
  }

  #send(item: AddItem, signal: AbortSignal): Promise<Video> {
    const { key } = item;
    const meter = new SpeedMeter();
    this.#patch(key, { phase: "sending", broken: false });
    return this.#api.uploadFile(item.file, signal, {
      onProgress: (now) => {
        if (signal.aborted) return;
        meter.note(now, this.#now());
        const sent = Math.max(now, this.#find(key)?.sent ?? 0);
        this.#patch(key, { sent, speed: Math.max(0, meter.perSecond()), broken: false });
      },
      onResume: (resumedAt) => this.#patch(key, { resumedAt }),
      onBreak: () => this.#patch(key, { broken: true, speed: 0 }),
    });
  }

  #stopped(key: number, error: unknown): void {
    const phase = this.#find(key)?.phase;
    // A paused file may wait to be sent again by now.
    if (phase === "cancelled" || error instanceof UploadPaused) return;
    const broke = error instanceof ApiError && error.status === 0;
    const message = broke
      ? "The connection broke while the file was sent. Is the box on, and its disk not full? Then try again."
      : messageOf(error);
    const canRetry = error instanceof ApiError && (broke || error.status === 429 || error.status >= 500);
    this.#patch(key, { phase: "failed", message, canRetry, broken: false });
  }

  #arrived(key: number, video: Video): void {
    this.#onChange();
    if (this.#find(key)?.phase === "cancelled") {
      // Cancelled too late to stop the last bytes.
      if (!video.duplicate) void this.#api.deleteVideo(video.id, { purge: true }).finally(this.#onChange);
      return;
    }
    void this.#sendSubtitles(key, video.id, this.#find(key)?.subtitles ?? []);
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
      this.#patch(key, { phase: "failed", video, message, canRetry: video.canRetry });
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
