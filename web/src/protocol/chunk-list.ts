// The list of a rendition's chunks, chunks-{window}.bin (docs/protocol.md, "Which chunks a rendition has").

import { ByteReader } from "./byte-reader.ts";
import { DecodeError } from "./decode.ts";
import { maxChunkBytes, ordinalLimit } from "./runs.ts";

/** How many segments one list is about. */
export const segmentsPerWindow = 64;
const hashBytes = 32;

export interface ListedChunk {
  readonly size: number;
  /** 32 bytes. */
  readonly sha256: Uint8Array;
}

export interface ListedSegment {
  /** The ordinal of its first chunk. */
  readonly ordinal: number;
  readonly chunks: readonly ListedChunk[];
}

/** The chunks of up to 64 segments. */
export interface ChunkList {
  /** The number of the first segment, whether there is one or not. */
  readonly first: number;
  /** The ordinal of that segment's first chunk. */
  readonly ordinal: number;
  /** Nothing can be added to this list any more. */
  readonly final: boolean;
  readonly segments: readonly ListedSegment[];
}

/** Reads a list; the hashes are views into bytes. Throws a DecodeError for anything that is none. */
export function decodeChunkList(bytes: Uint8Array): ChunkList {
  const reader = new ByteReader(bytes, "chunk list");
  if (reader.ascii(4) !== "SCL1") throw new DecodeError("chunk list: it does not begin with SCL1");
  const first = reader.u32();
  if (first % segmentsPerWindow !== 0) throw new DecodeError(`chunk list: from segment ${first}`);
  const ordinal = reader.u32();
  const count = reader.u16();
  const final = readFinal(reader, count);
  const segments = readSegments(reader, count, ordinal);
  reader.end();
  return { first, ordinal, final, segments };
}

function readFinal(reader: ByteReader, count: number): boolean {
  const flag = reader.u8();
  if (count > segmentsPerWindow) throw new DecodeError(`chunk list: ${count} segments`);
  if (flag > 1 || (flag === 0 && count === segmentsPerWindow))
    throw new DecodeError(`chunk list: flag ${flag}`);
  return flag === 1;
}

function readSegments(reader: ByteReader, count: number, first: number): ListedSegment[] {
  const segments: ListedSegment[] = [];
  let ordinal = first;
  for (let i = 0; i < count; i++) {
    const chunks = readChunks(reader);
    segments.push({ ordinal, chunks });
    ordinal += chunks.length;
  }
  if (ordinal > ordinalLimit) throw new DecodeError("chunk list: its ordinals are too large");
  return segments;
}

function readChunks(reader: ByteReader): ListedChunk[] {
  const count = reader.u8();
  if (count === 0) throw new DecodeError("chunk list: a segment without chunks");
  const chunks: ListedChunk[] = [];
  for (let i = 0; i < count; i++) {
    const size = reader.u32();
    if (size === 0 || size > maxChunkBytes) throw new DecodeError(`chunk list: a chunk of ${size} bytes`);
    chunks.push({ size, sha256: reader.bytes(hashBytes) });
  }
  return chunks;
}
