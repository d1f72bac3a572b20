import { maxHaveRuns, type ViewerMessage } from "../protocol/messages.ts";
import type { ChunkPlace, Run } from "../protocol/runs.ts";
import { eachPlace, keyOf, runsOf } from "./places.ts";

type Have = Extract<ViewerMessage, { t: "have" }>;

/** What this viewer has, what the room was told of it, and the messages between the two. */
export class HaveLedger {
  readonly #here = new Map<string, ChunkPlace>();
  readonly #told = new Set<string>();
  /** What changed since the last message, and may be as it was again. */
  readonly #changed = new Map<string, ChunkPlace>();

  change(add: readonly Run[], drop: readonly Run[]): void {
    eachPlace(add, (place) => {
      this.#here.set(keyOf(place), place);
      this.#changed.set(keyOf(place), place);
    });
    eachPlace(drop, (place) => {
      this.#here.delete(keyOf(place));
      this.#changed.set(keyOf(place), place);
    });
  }

  /** All that is here, for a room that knows nothing. */
  everything(): Have[] {
    this.#told.clear();
    this.#changed.clear();
    for (const key of this.#here.keys()) this.#told.add(key);
    const messages = messagesOf(runsOf([...this.#here.values()]), []);
    return messages.map((message, index) => ({ ...message, full: index === 0 }));
  }

  /** What changed since the room was last told. */
  news(): Have[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    const added = changed.filter(([key]) => this.#here.has(key) && !this.#told.has(key));
    const dropped = changed.filter(([key]) => !this.#here.has(key) && this.#told.has(key));
    for (const [key] of added) this.#told.add(key);
    for (const [key] of dropped) this.#told.delete(key);
    if (added.length + dropped.length === 0) return [];
    const places = (entries: typeof changed) => entries.map(([, place]) => place);
    return messagesOf(runsOf(places(added)), runsOf(places(dropped)));
  }
}

/** One message at least, each within the limit. */
function messagesOf(add: readonly Run[], drop: readonly Run[]): Have[] {
  const messages: Have[] = [];
  for (let at = 0; at < add.length + drop.length || at === 0; at += maxHaveRuns) {
    const ofAdd = add.slice(at, at + maxHaveRuns);
    const start = Math.max(0, at - add.length);
    const ofDrop = drop.slice(start, Math.max(0, at + maxHaveRuns - add.length));
    messages.push({ t: "have", full: false, add: ofAdd, drop: ofDrop });
  }
  return messages;
}
