import type { ChunkPlace } from "../protocol/runs.ts";
import type { Cache } from "./cache.ts";
import type { Holding, PeerPool, RoomLink } from "./parts.ts";
import { keyOf, runsOf } from "./places.ts";

/** Tells peers and room what is here. */
export class Announcer {
  readonly #cache: Cache;
  readonly #fetching = new Map<string, ChunkPlace>();
  readonly #greeted = new Set<string>();
  #room: RoomLink | null = null;
  #pool: PeerPool | null = null;
  #gives = true;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  connect(room: RoomLink, pool: PeerPool): void {
    this.#room = room;
    this.#pool = pool;
    this.#greeted.clear();
    const here = this.#cache.checkedPlaces();
    if (this.#gives && here.length > 0) room.tellHave(runsOf(here), []);
    this.greet();
  }

  /** Tells peers that are new everything. */
  greet(): void {
    for (const id of this.#greeted) if (!this.#pool?.peers.has(id)) this.#greeted.delete(id);
    if (!this.#gives) return;
    for (const peer of this.#pool?.peers.values() ?? []) {
      if (this.#greeted.has(peer.id)) continue;
      this.#greeted.add(peer.id);
      const here = runsOf(this.#cache.checkedPlaces()).map((run) => ({ ...run, state: "here" as const }));
      const coming = runsOf([...this.#fetching.values()]);
      peer.tell([...here, ...coming.map((run) => ({ ...run, state: "fetching" as const }))], true);
    }
  }

  here(place: ChunkPlace): void {
    this.#fetching.delete(keyOf(place));
    this.#tell(place, "here");
    if (this.#gives) this.#room?.tellHave(runsOf([place]), []);
  }

  /** A chunk comes from the origin, or comes no longer without being here. */
  fetching(place: ChunkPlace, fetching: boolean): void {
    const known = this.#fetching.has(keyOf(place));
    if (fetching === known) return;
    if (fetching) this.#fetching.set(keyOf(place), place);
    else this.#fetching.delete(keyOf(place));
    this.#tell(place, fetching ? "fetching" : "gone");
  }

  dropped(place: ChunkPlace): void {
    this.#tell(place, "gone");
    if (this.#gives) this.#room?.tellHave([], runsOf([place]));
  }

  setGives(gives: boolean): void {
    if (gives === this.#gives) return;
    this.#gives = gives;
    this.#greeted.clear();
    const here = runsOf(this.#cache.checkedPlaces());
    if (gives) this.greet();
    else for (const peer of this.#pool?.peers.values() ?? []) peer.tell([], true);
    if (here.length > 0) this.#room?.tellHave(gives ? here : [], gives ? [] : here);
  }

  #tell(place: ChunkPlace, state: Holding | "gone"): void {
    if (!this.#gives) return;
    for (const id of this.#greeted)
      this.#pool?.peers
        .get(id)
        ?.tell([{ rendition: place.rendition, first: place.ordinal, count: 1, state }], false);
  }
}
