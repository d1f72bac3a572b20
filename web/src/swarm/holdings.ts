import type { ChunkPlace, Holding, InventoryChange } from "../protocol/runs.ts";

/** The most chunks that a peer may tell of; far more than a browser's cache has. */
export const maxHoldings = 16_384;

/** What a peer said that it has. */
export class Holdings {
  readonly #renditions = new Map<string, Map<number, Holding>>();
  #count = 0;

  get({ rendition, ordinal }: ChunkPlace): Holding | undefined {
    return this.#renditions.get(rendition)?.get(ordinal);
  }

  clear(): void {
    this.#renditions.clear();
    this.#count = 0;
  }

  /** Notes a change; false when the peer tells of more than it may. */
  apply({ rendition, first, count, state }: InventoryChange): boolean {
    const known = this.#renditions.get(rendition) ?? new Map<number, Holding>();
    this.#count -= known.size;
    for (let ordinal = first; ordinal < first + count; ordinal++) {
      if (state === "gone") known.delete(ordinal);
      else known.set(ordinal, state);
    }
    this.#count += known.size;
    if (known.size > 0) this.#renditions.set(rendition, known);
    else this.#renditions.delete(rendition);
    return this.#count <= maxHoldings;
  }
}
