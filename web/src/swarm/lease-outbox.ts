import { maxLeaseChunks, maxReleaseChunks, type ViewerMessage } from "../protocol/messages.ts";
import type { ChunkPlace, Run } from "../protocol/runs.ts";
import { eachPlace, keyOf, runsOf } from "./places.ts";

type Places = Map<string, ChunkPlace>;

/** The most chunks that are told again after a loss of the connection. */
const maxFetching = 256;

/** Collects what is asked, told and given back, so that many calls become few messages. */
export class LeaseOutbox {
  readonly #asked: Places = new Map();
  readonly #urgent: Places = new Map();
  readonly #released: Places = new Map();
  /** What this viewer fetches, with or without leave: a room that it comes back to does not know. */
  readonly #fetching: Places = new Map();

  lease(chunks: readonly Run[], urgent: boolean): void {
    eachPlace(chunks, (place) => {
      const key = keyOf(place);
      this.#released.delete(key);
      if (!urgent && !this.#urgent.has(key)) this.#asked.set(key, place);
      if (!urgent) return;
      this.#asked.delete(key);
      this.#urgent.set(key, place);
      this.#fetches(key, place);
    });
  }

  release(chunks: readonly Run[]): void {
    eachPlace(chunks, (place) => {
      const key = keyOf(place);
      this.#fetching.delete(key);
      this.#asked.delete(key);
      this.#urgent.delete(key);
      this.#released.set(key, place);
    });
  }

  granted(chunks: readonly Run[]): void {
    eachPlace(chunks, (place) => this.#fetches(keyOf(place), place));
  }

  /** These are here: they are fetched no longer. */
  fetched(chunks: readonly Run[]): void {
    eachPlace(chunks, (place) => this.#fetching.delete(keyOf(place)));
  }

  /** The room is gone, and with it what it was asked; what is fetched will be told to the next. */
  lost(): void {
    this.#asked.clear();
    this.#released.clear();
    this.#urgent.clear();
    for (const [key, place] of this.#fetching) this.#urgent.set(key, place);
  }

  take(): ViewerMessage[] {
    const messages: ViewerMessage[] = [];
    for (const chunks of parts(this.#released, maxReleaseChunks)) messages.push({ t: "release", chunks });
    for (const chunks of parts(this.#urgent, maxLeaseChunks)) {
      messages.push({ t: "lease", chunks, urgent: true });
    }
    for (const chunks of parts(this.#asked, maxLeaseChunks)) {
      messages.push({ t: "lease", chunks, urgent: false });
    }
    for (const places of [this.#released, this.#urgent, this.#asked]) places.clear();
    return messages;
  }

  #fetches(key: string, place: ChunkPlace): void {
    this.#fetching.set(key, place);
    const [oldest] = this.#fetching.keys();
    if (this.#fetching.size > maxFetching && oldest !== undefined) this.#fetching.delete(oldest);
  }
}

function parts(places: Places, most: number): Run[][] {
  const all = [...places.values()];
  const runs: Run[][] = [];
  for (let at = 0; at < all.length; at += most) runs.push(runsOf(all.slice(at, at + most)));
  return runs;
}
