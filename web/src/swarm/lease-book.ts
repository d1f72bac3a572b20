import type { ChunkPlace, Run } from "../protocol/runs.ts";
import type { LeaseAnswer, RoomLink } from "./parts.ts";
import { eachPlace, keyOf, runsOf } from "./places.ts";
import type { LeaseView } from "./snapshot.ts";

/** The most chunks that one message asks for. */
const mostPlaces = 64;

/** What the room said about chunks that are not here yet. */
export class LeaseBook {
  readonly #leases = new Map<string, LeaseView & { readonly place: ChunkPlace }>();

  get(place: ChunkPlace): LeaseView | undefined {
    return this.#leases.get(keyOf(place));
  }

  /** Asks, or with urgent tells that they are fetched already. Now is in seconds. */
  ask(room: RoomLink, places: readonly ChunkPlace[], urgent: boolean, now: number): void {
    // Who fetches at once goes on to the end, whatever the room has on its list.
    for (const place of places) this.#note(place, urgent ? "granted" : "asked", now);
    for (let i = 0; i < places.length; i += mostPlaces)
      room.lease(runsOf(places.slice(i, i + mostPlaces)), urgent);
  }

  answered(answer: LeaseAnswer, isHere: (place: ChunkPlace) => boolean, now: number): Run[] {
    const needless: ChunkPlace[] = [];
    eachPlace(answer.granted, (place) => {
      if (isHere(place)) needless.push(place);
      else this.#note(place, "granted", now);
    });
    for (const state of ["held", "ready"] as const) {
      eachPlace(answer[state], (place) => {
        if (!isHere(place)) this.#note(place, state, now);
      });
    }
    return runsOf(needless);
  }

  /** Forgets a lease because its chunk is here, or was given back. */
  end(place: ChunkPlace): void {
    this.#leases.delete(keyOf(place));
  }

  /** The leases of this viewer, or that it waits for, that are wanted no longer; they are forgotten. */
  takeUnwanted(isWanted: (place: ChunkPlace) => boolean): ChunkPlace[] {
    const unwanted = [...this.#leases.values()].filter(({ place }) => !isWanted(place));
    for (const { place } of unwanted) this.end(place);
    return unwanted.filter(({ state }) => state !== "ready").map(({ place }) => place);
  }

  /** Forgets all: the room that gave them is gone. */
  clear(): void {
    this.#leases.clear();
  }

  #note(place: ChunkPlace, state: LeaseView["state"], now: number): void {
    this.#leases.set(keyOf(place), { place, state, since: now });
  }
}
