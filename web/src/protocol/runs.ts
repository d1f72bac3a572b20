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
