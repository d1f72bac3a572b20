import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Api, SortOrder } from "../api/api.ts";
import { messageOf } from "../api/request.ts";
import { isBusy, type Video, type VideoPage } from "../api/video.ts";

const pageSize = 60;
const busyIntervalMs = 1000;
const quietIntervalMs = 10_000;

/** The list of videos as far as it is loaded. */
export interface LibraryList {
  readonly videos: readonly Video[];
  /** The cursor of what is not loaded; null at the end. */
  readonly next: string | null;
  /** What was searched for when this came. */
  readonly search: string;
  /** When the box last answered, in ms since 1970. */
  readonly at: number;
}

/** The library as this page sees it; the last good list stays while the box does not answer. */
export class LibraryStore {
  readonly search: Signal<string> = signal("");
  readonly sort: Signal<SortOrder> = signal("new");
  readonly #api: Api;
  readonly #now: () => number;
  readonly #list = signal<LibraryList | null>(null);
  readonly #error = signal<string | null>(null);

  constructor(api: Api, now: () => number) {
    this.#api = api;
    this.#now = now;
  }

  /** Null until the box answered for the first time. */
  get list(): ReadonlySignal<LibraryList | null> {
    return this.#list;
  }

  /** What went wrong at the last look, or null. */
  get error(): ReadonlySignal<string | null> {
    return this.#error;
  }

  /** How long to wait until the next look, in ms: short while the box works on something. */
  intervalMs(): number {
    return this.#list.value?.videos.some(isBusy) ? busyIntervalMs : quietIntervalMs;
  }

  /** Loads again what is loaded, at least the first page. Rejects when the box does not answer. */
  async refresh(signal?: AbortSignal): Promise<void> {
    const query = { search: this.search.value, sort: this.sort.value };
    const wanted = this.#list.value?.search === query.search ? this.#list.value.videos.length : 0;
    try {
      const page = await this.#load(wanted, signal);
      if (query.search !== this.search.value || query.sort !== this.sort.value) return;
      this.#list.value = { ...page, search: query.search, at: this.#now() };
      this.#error.value = null;
    } catch (error) {
      signal?.throwIfAborted();
      this.#error.value = messageOf(error);
      throw error;
    }
  }

  /** Loads the next page, if there is one. */
  async loadMore(): Promise<void> {
    const list = this.#list.value;
    if (list === null || list.next === null) return;
    try {
      const page = await this.#page(list.next);
      if (this.#list.value !== list) return;
      this.#list.value = { ...list, videos: withoutTwins([...list.videos, ...page.videos]), next: page.next };
    } catch (error) {
      this.#error.value = messageOf(error);
    }
  }

  /** Puts a changed video in the place of the old one. */
  replace(video: Video): void {
    this.#change((videos) => videos.map((old) => (old.id === video.id ? video : old)));
  }

  remove(id: string): void {
    this.#change((videos) => videos.filter((video) => video.id !== id));
  }

  #change(edit: (videos: readonly Video[]) => readonly Video[]): void {
    const list = this.#list.value;
    if (list !== null) this.#list.value = { ...list, videos: edit(list.videos) };
  }

  async #load(wanted: number, signal?: AbortSignal): Promise<VideoPage> {
    let page = await this.#page(undefined, signal);
    while (page.videos.length < wanted && page.next !== null) {
      const more = await this.#page(page.next, signal);
      page = { videos: [...page.videos, ...more.videos], next: more.next };
      if (more.videos.length === 0) break;
    }
    return { ...page, videos: withoutTwins(page.videos) };
  }

  #page(cursor: string | undefined, signal?: AbortSignal): Promise<VideoPage> {
    const query = { search: this.search.value, sort: this.sort.value, limit: pageSize };
    return this.#api.listVideos(cursor === undefined ? query : { ...query, cursor }, signal);
  }
}

/** The list may have moved between two pages, so that a video is on both. */
function withoutTwins(videos: readonly Video[]): Video[] {
  return [...new Map(videos.map((video) => [video.id, video])).values()].filter(
    (video) => video.state !== "trashed",
  );
}
