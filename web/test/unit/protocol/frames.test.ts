import { expect, test } from "vitest";
import { DecodeError } from "../../../src/protocol/decode.ts";
import {
  type ControlFrame,
  decodeControl,
  decodePiece,
  encodeControl,
  encodePiece,
  maxFrameBytes,
} from "../../../src/protocol/frames.ts";
import { damaged, randomBytes, seed, seeded } from "../random.ts";
import { fromHex, golden, toHex } from "./golden.ts";

type GoldenFrame = { readonly name: string; readonly hex: string } & (
  | { readonly channel: "control"; readonly frame: ControlFrame }
  | {
      readonly channel: "data";
      readonly frame: { readonly id: number; readonly offset: number; readonly bytes: string };
    }
);

interface BadFrame {
  readonly name: string;
  readonly channel: "control" | "data";
  readonly hex: string;
}

const frames = golden<GoldenFrame>("frames.json");

test.each(frames)("$channel frame is read and written: $name", (entry) => {
  const bytes = fromHex(entry.hex);
  if (entry.channel === "control") {
    expect(decodeControl(bytes)).toEqual(entry.frame);
    expect(toHex(encodeControl(entry.frame))).toBe(entry.hex);
  } else {
    const piece = decodePiece(bytes);
    expect({ ...piece, bytes: toHex(piece.bytes) }).toEqual(entry.frame);
    expect(toHex(encodePiece(piece))).toBe(entry.hex);
  }
});

test.each(golden<BadFrame>("bad-frames.json"))("refused on $channel: $name", ({ channel, hex }) => {
  const decode = channel === "control" ? decodeControl : decodePiece;
  expect(() => decode(fromHex(hex))).toThrow(DecodeError);
});

test("a frame of the greatest length is read, a longer one is not", () => {
  const piece = { id: 1, offset: 0, bytes: new Uint8Array(maxFrameBytes - 12).fill(7) };
  expect(decodePiece(encodePiece(piece))).toEqual(piece);
  expect(() => decodePiece(Uint8Array.from([...encodePiece(piece), 7]))).toThrow(DecodeError);
});

test("a frame inside a larger buffer is read", () => {
  const frame = encodeControl({ kind: "cancel", id: 77 });
  const buffer = Uint8Array.from([9, 9, ...frame, 9]);
  expect(decodeControl(buffer.subarray(2, 2 + frame.length))).toEqual({ kind: "cancel", id: 77 });
});

test.each([
  { kind: "request", id: 1, rendition: "v0", ordinal: 0, offset: 0, length: 0, urgent: false },
  { kind: "request", id: 1, rendition: "v 0", ordinal: 0, offset: 0, length: 1, urgent: false },
  { kind: "inventory", full: false, changes: [{ rendition: "v0", first: 0, count: 1025, state: "here" }] },
] as const)("what breaks a limit is not written", (frame) => {
  expect(() => encodeControl(frame)).toThrow(RangeError);
});

test(`whatever comes in, reading throws nothing but a DecodeError (seed ${seed})`, () => {
  const random = seeded(seed);
  for (let i = 0; i < 5000; i++) {
    const base = frames[Math.floor(random() * frames.length)];
    if (base === undefined) throw new Error("there are no frames");
    const fresh = random() < 0.3;
    const bytes = fresh ? randomBytes(random, Math.floor(random() * 64)) : damaged(fromHex(base.hex), random);
    readOrRefuse(bytes);
  }
});

function readOrRefuse(bytes: Uint8Array): void {
  for (const decode of [decodeControl, decodePiece] as const) {
    try {
      const frame = decode(bytes);
      const again = "kind" in frame ? encodeControl(frame) : encodePiece(frame);
      // Thousands of times: expect would be slow.
      if (toHex(again) !== toHex(bytes)) throw new Error(`it was read as ${JSON.stringify(frame)}`);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`of ${toHex(bytes)}`, { cause: error });
    }
  }
}
