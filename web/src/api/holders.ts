import { Fields, readText } from "../protocol/decode.ts";

/** A node and how much of a video it holds; size in bytes. */
export interface Holder {
  readonly id: string;
  readonly name: string;
  readonly size: number;
}

/** Where a video lies. */
export interface Holders {
  readonly nodes: readonly Holder[];
  /** For each of its chunks the ids of the nodes that have it. */
  readonly chunks: readonly (readonly string[])[];
}

function readHolder(value: unknown, where: string): Holder {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    name: fields.text("name", ""),
    size: Math.max(0, fields.number("bytes", 0)),
  };
}

function readHeldChunk(value: unknown, where: string): string[] {
  return new Fields(value, where).list("nodes", readText);
}

export function readHolders(value: unknown, where = "holders"): Holders {
  const fields = new Fields(value, where);
  return { nodes: fields.list("nodes", readHolder), chunks: fields.list("chunks", readHeldChunk) };
}
