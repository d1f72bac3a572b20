import { type ReadonlySignal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { messageOf } from "../api/request.ts";
import type { Video } from "../api/video.ts";

const pageSize = 60;

/** The trash as this page sees it; the last good list stays while the box does not answer. */
export class TrashStore {
  readonly #api: Api;
  readonly #videos = signal<readonly Video[] | null>(null);
  readonly #more = signal(false);
  readonly #error = signal<string | null>(null);

  constructor(api: Api) {
    this.#api = api;
  }

  /** The newest videos in the trash; null until the box answered for the first time. */
  get videos(): ReadonlySignal<readonly Video[] | null> {
    return this.#videos;
  }

  /** Whether there are more than those. */
  get more(): ReadonlySignal<boolean> {
    return this.#more;
  }

  /** What went wrong at the last look, or null. */
  get error(): ReadonlySignal<string | null> {
    return this.#error;
  }

  /** Looks again. Rejects when the box does not answer. */
  async refresh(signal?: AbortSignal): Promise<void> {
    try {
      const query = { search: "", sort: "new", limit: pageSize, state: "trashed" } as const;
      const page = await this.#api.listVideos(query, signal);
      this.#videos.value = page.videos;
      this.#more.value = page.next !== null;
      this.#error.value = null;
    } catch (error) {
      signal?.throwIfAborted();
      this.#error.value = messageOf(error);
      throw error;
    }
  }

  /** Puts a video back into the library. */
  async restore(id: string): Promise<void> {
    await this.#api.restoreVideo(id);
    this.#forget(id);
  }

  /** Deletes a video for good. */
  async purge(id: string): Promise<void> {
    await this.#api.deleteVideo(id, { purge: true });
    this.#forget(id);
  }

  #forget(id: string): void {
    this.#videos.value = this.#videos.value?.filter((video) => video.id !== id) ?? null;
  }
}
