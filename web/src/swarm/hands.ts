import type { ChunkPlace } from "../protocol/runs.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { Downloads } from "./downloads.ts";
import type { LeaseBook } from "./lease-book.ts";
import type { PeerPool, RoomLink } from "./parts.ts";
import type { PeerBook } from "./peer-book.ts";
import { runsOf } from "./places.ts";
import type { SegmentLoads } from "./segment-loads.ts";
import type { Decision } from "./snapshot.ts";
import type { Transfers } from "./transfers.ts";

export interface HandsParts {
  /** In seconds. */
  now(): number;
  room(): RoomLink | null;
  pool(): PeerPool | null;
  readonly index: ChunkIndex;
  readonly leases: LeaseBook;
  readonly loads: SegmentLoads;
  readonly transfers: Transfers;
  readonly downloads: Downloads;
  readonly peers: PeerBook;
}

/** Carries out what the scheduler decided. */
export class Hands {
  readonly #parts: HandsParts;

  constructor(parts: HandsParts) {
    this.#parts = parts;
  }

  carryOut(decision: Decision): void {
    if (decision.do === "lease") this.#lease(decision.places, decision.urgent);
    else if (decision.do === "release") this.release(decision.places);
    else if (decision.do === "cancel") this.#cancel(decision.id, decision.why);
    else if (decision.do === "drop") this.#parts.pool()?.drop(decision.peer, "slow");
    else if (decision.do === "origin") this.#fetch(decision);
    else this.#request(decision);
  }

  /** Gives leases back, or steps out of their lines. */
  release(places: readonly ChunkPlace[]): void {
    for (const place of places) this.#parts.leases.end(place);
    if (places.length > 0) this.#parts.room()?.release(runsOf(places));
  }

  #lease(places: readonly ChunkPlace[], urgent: boolean): void {
    const room = this.#parts.room();
    if (room !== null) this.#parts.leases.ask(room, places, urgent, this.#parts.now());
  }

  #cancel(id: number, why: Extract<Decision, { do: "cancel" }>["why"]): void {
    const { transfers, downloads, peers, now } = this.#parts;
    const transfer = transfers.peer(id);
    downloads.cancel(id);
    if (transfer !== undefined && why === "silent") peers.failed(transfer.peer, "silent", now());
  }

  #fetch({ rendition, segment, start, end }: Extract<Decision, { do: "origin" }>): void {
    const { downloads, loads } = this.#parts;
    downloads.fetch(rendition, segment, { start, end }, loads.has(rendition, segment));
  }

  #request(decision: Extract<Decision, { do: "request" }>): void {
    const { pool, index, loads, downloads } = this.#parts;
    const peer = pool()?.peers.get(decision.peer);
    const chunk = index.chunk(decision.place);
    if (peer === undefined || chunk === undefined) return;
    const must = loads.has(decision.place.rendition, chunk.segment);
    downloads.request(peer, chunk, decision, decision.urgent, must);
  }
}
