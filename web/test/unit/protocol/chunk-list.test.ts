import { expect, test } from "vitest";
import { decodeChunkList } from "../../../src/protocol/chunk-list.ts";
import { DecodeError } from "../../../src/protocol/decode.ts";
import { damaged, randomBytes, seed, seeded } from "../random.ts";
import { fromHex, golden, toHex } from "./golden.ts";

interface GoldenList {
  readonly name: string;
  readonly hex: string;
  /** Missing where the bytes are no list. */
  readonly list?: {
    readonly first: number;
    readonly ordinal: number;
    readonly final: boolean;
    readonly segments: readonly (readonly { readonly size: number; readonly sha256: string }[])[];
  };
}

const entries = golden<GoldenList>("chunk-lists.json");

test.each(entries.filter((entry) => entry.list !== undefined))("a list is read: $name", ({ hex, list }) => {
  const read = decodeChunkList(fromHex(hex));
  const segments = read.segments.map(({ chunks }) => {
    return chunks.map(({ size, sha256 }) => ({ size, sha256: toHex(sha256) }));
  });
  expect({ ...read, segments }).toEqual(list);
});

test("each segment has the ordinal of its first chunk", () => {
  for (const { hex, list } of entries) {
    if (list === undefined) continue;
    let ordinal = list.ordinal;
    for (const segment of decodeChunkList(fromHex(hex)).segments) {
      expect(segment.ordinal).toBe(ordinal);
      ordinal += segment.chunks.length;
    }
  }
});

test.each(entries.filter((entry) => entry.list === undefined))("no list: $name", ({ hex }) => {
  expect(() => decodeChunkList(fromHex(hex))).toThrow(DecodeError);
});

test("a full list to which something can be added is none", () => {
  const full = entries.find((entry) => entry.list?.segments.length === 64);
  const bytes = fromHex(full?.hex ?? "");
  bytes[14] = 0;
  expect(() => decodeChunkList(bytes)).toThrow(DecodeError);
});

test(`whatever comes in, reading throws nothing but a DecodeError (seed ${seed})`, () => {
  const random = seeded(seed);
  for (let i = 0; i < 2000; i++) {
    const base = fromHex(entries[Math.floor(random() * entries.length)]?.hex ?? "");
    const bytes = random() < 0.2 ? randomBytes(random, Math.floor(random() * 99)) : damaged(base, random);
    try {
      const { segments } = decodeChunkList(bytes);
      const chunks = segments.flatMap((segment) => segment.chunks).length;
      if (chunks * 36 > bytes.length) throw new Error(`${chunks} chunks`);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`of ${toHex(bytes)}`, { cause: error });
    }
  }
});
