/** A chunk's place: its rendition and its number there (docs/protocol.md, "ordinal"). */
export interface ChunkPlace {
  readonly rendition: string;
  readonly ordinal: number;
}

/** Chunks of a rendition that follow each other. */
export interface Run {
  readonly rendition: string;
  readonly first: number;
  readonly count: number;
}

/** A range of bytes of one chunk; offset counts from the chunk's beginning. */
export interface PieceRequest extends ChunkPlace {
  readonly offset: number;
  readonly length: number;
  readonly urgent: boolean;
}

/** What a viewer has of a chunk: the whole, checked; or it is being fetched. */
export type Holding = "here" | "fetching";

export interface InventoryChange extends Run {
  readonly state: Holding | "gone";
}

/** The most chunks of one run, in messages and in frames. */
export const maxRunChunks = 1024;
/** The largest chunk, in bytes. */
export const maxChunkBytes = 1 << 20;
/** One more than the largest ordinal. */
export const ordinalLimit = 2 ** 32;

const renditionSyntax = /^[a-z0-9]{1,16}$/;

/** Whether text can be the id of a rendition. */
export function isRendition(text: string): boolean {
  return renditionSyntax.test(text);
}

/** Whether a run has an allowed rendition, length and place. Numbers must be whole. */
export function isRun({ rendition, first, count }: Run): boolean {
  return (
    isRendition(rendition) &&
    Number.isInteger(first) &&
    Number.isInteger(count) &&
    first >= 0 &&
    count >= 1 &&
    count <= maxRunChunks &&
    first + count <= ordinalLimit
  );
}
