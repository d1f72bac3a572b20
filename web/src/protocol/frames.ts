// The binary frames between two viewers (docs/protocol.md, "Frames"). Numbers are big-endian.

import { ByteReader } from "./byte-reader.ts";
import { DecodeError } from "./decode.ts";
import { type InventoryChange, isRendition, isRun, maxChunkBytes, type PieceRequest } from "./runs.ts";

/** The longest frame on either channel, in bytes. */
export const maxFrameBytes = 65_535;
/** What comes before the bytes of a piece. */
export const pieceHeaderBytes = 12;
export const maxInventoryRuns = 1024;
const version = 1;

const kinds = { hello: 1, inventory: 2, request: 3, cancel: 4, refuse: 5, piece: 16 } as const;
const states = ["gone", "here", "fetching"] as const;
const refusals = ["not-here", "busy", "not-a-range", "gives-nothing"] as const;

/** Why a request is not answered. */
export type Refusal = (typeof refusals)[number];

export interface HelloFrame {
  readonly kind: "hello";
  readonly givesNothing: boolean;
}

export interface InventoryFrame {
  readonly kind: "inventory";
  /** Forget what was told before. */
  readonly full: boolean;
  readonly changes: readonly InventoryChange[];
}

export interface RequestFrame extends PieceRequest {
  readonly kind: "request";
  readonly id: number;
}

export interface CancelFrame {
  readonly kind: "cancel";
  readonly id: number;
}

export interface RefuseFrame {
  readonly kind: "refuse";
  readonly id: number;
  readonly why: Refusal;
}

/** What travels on the channel "control". */
export type ControlFrame = HelloFrame | InventoryFrame | RequestFrame | CancelFrame | RefuseFrame;

/** What travels on the channel "data": bytes of a chunk, for the request of that id. */
export interface PieceFrame {
  readonly id: number;
  /** Counts from the chunk's beginning. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Writes a frame. The caller keeps to the limits of the protocol; a RangeError tells that it did not. */
export function encodeControl(frame: ControlFrame): Uint8Array<ArrayBuffer> {
  switch (frame.kind) {
    case "hello":
      return Uint8Array.of(kinds.hello, version, frame.givesNothing ? 1 : 0);
    case "inventory":
      return encodeInventory(frame);
    case "request":
      return encodeRequest(frame);
    case "cancel":
      return Uint8Array.of(kinds.cancel, ...u32(frame.id));
    case "refuse":
      return Uint8Array.of(kinds.refuse, ...u32(frame.id), refusals.indexOf(frame.why) + 1);
  }
}

/** Reads a frame; throws a DecodeError for anything that is none. */
export function decodeControl(bytes: Uint8Array): ControlFrame {
  checkLength(bytes);
  const kind = bytes[0];
  switch (kind) {
    case kinds.hello:
      return read(bytes, "hello", readHello);
    case kinds.inventory:
      return read(bytes, "inventory", readInventory);
    case kinds.request:
      return read(bytes, "request", readRequest);
    case kinds.cancel:
      return read(bytes, "cancel", (reader) => ({ kind: "cancel", id: reader.u32() }));
    case kinds.refuse:
      return read(bytes, "refuse", readRefuse);
    default:
      throw new DecodeError(`a control frame cannot begin with ${kind}`);
  }
}

/** Writes a piece, with a copy of its bytes. */
export function encodePiece({ id, offset, bytes }: PieceFrame): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0 || bytes.length > maxFrameBytes - pieceHeaderBytes) {
    throw new RangeError(`a piece of ${bytes.length} bytes`);
  }
  const frame = new Uint8Array(pieceHeaderBytes + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kinds.piece);
  view.setUint32(4, id);
  view.setUint32(8, offset);
  frame.set(bytes, pieceHeaderBytes);
  return frame;
}

/** Reads a piece, whose bytes are a view; throws a DecodeError for anything that is none. */
export function decodePiece(bytes: Uint8Array): PieceFrame {
  checkLength(bytes);
  const reader = new ByteReader(bytes, "piece");
  if (reader.u8() !== kinds.piece) throw new DecodeError(`a data frame cannot begin with ${bytes[0]}`);
  if (reader.u8() !== 0 || reader.u16() !== 0) throw new DecodeError("piece: its spare bytes are not zero");
  const piece = { id: reader.u32(), offset: reader.u32(), bytes: reader.bytes(reader.left) };
  if (piece.bytes.length === 0) throw new DecodeError("piece: it is empty");
  if (piece.offset + piece.bytes.length > maxChunkBytes)
    throw new DecodeError("piece: behind the largest chunk");
  return piece;
}

function checkLength(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new DecodeError("a frame is empty");
  if (bytes.length > maxFrameBytes) throw new DecodeError(`a frame of ${bytes.length} bytes`);
}

function read<Frame>(bytes: Uint8Array, what: string, body: (reader: ByteReader) => Frame): Frame {
  const reader = new ByteReader(bytes, what);
  reader.u8();
  const frame = body(reader);
  reader.end();
  return frame;
}

/** A byte of which only bit 0 has a meaning. */
function readFlag(reader: ByteReader): boolean {
  const flags = reader.u8();
  if (flags > 1) throw new DecodeError(`flags ${flags} are unknown`);
  return flags === 1;
}

function readHello(reader: ByteReader): HelloFrame {
  const spoken = reader.u8();
  if (spoken !== version) throw new DecodeError(`hello: version ${spoken}`);
  return { kind: "hello", givesNothing: readFlag(reader) };
}

function readInventory(reader: ByteReader): InventoryFrame {
  const full = readFlag(reader);
  const count = reader.u16();
  if (count > maxInventoryRuns) throw new DecodeError(`inventory: ${count} runs`);
  const changes: InventoryChange[] = [];
  for (let i = 0; i < count; i++) changes.push(readChange(reader));
  return { kind: "inventory", full, changes };
}

function readChange(reader: ByteReader): InventoryChange {
  const run = { rendition: readRendition(reader), first: reader.u32(), count: reader.u16() };
  const state = states[reader.u8()];
  if (state === undefined || !isRun(run)) throw new DecodeError("inventory: no run");
  return { ...run, state };
}

function readRequest(reader: ByteReader): RequestFrame {
  const id = reader.u32();
  const place = { rendition: readRendition(reader), ordinal: reader.u32() };
  const range = { offset: reader.u32(), length: reader.u32(), urgent: readFlag(reader) };
  if (range.length === 0 || range.offset + range.length > maxChunkBytes) {
    throw new DecodeError(`request: ${range.length} bytes at ${range.offset}`);
  }
  return { kind: "request", id, ...place, ...range };
}

function readRefuse(reader: ByteReader): RefuseFrame {
  const id = reader.u32();
  const why = refusals[reader.u8() - 1];
  if (why === undefined) throw new DecodeError("refuse: an unknown reason");
  return { kind: "refuse", id, why };
}

function readRendition(reader: ByteReader): string {
  const name = reader.ascii(reader.u8());
  if (!isRendition(name)) throw new DecodeError("a rendition's id is none");
  return name;
}

function encodeInventory({ full, changes }: InventoryFrame): Uint8Array<ArrayBuffer> {
  if (changes.length > maxInventoryRuns) throw new RangeError(`an inventory of ${changes.length} runs`);
  const parts = changes.flatMap((change) => {
    if (!isRun(change)) throw new RangeError(`run ${change.rendition} ${change.first} ${change.count}`);
    const state = states.indexOf(change.state);
    return [...ascii(change.rendition), ...u32(change.first), ...u16(change.count), state];
  });
  return Uint8Array.from([kinds.inventory, full ? 1 : 0, ...u16(changes.length), ...parts]);
}

function encodeRequest(frame: RequestFrame): Uint8Array<ArrayBuffer> {
  const { id, rendition, ordinal, offset, length, urgent } = frame;
  if (!isRendition(rendition) || length < 1 || offset + length > maxChunkBytes) {
    throw new RangeError(`a request for ${length} bytes at ${offset} of ${rendition}`);
  }
  const range = [...u32(ordinal), ...u32(offset), ...u32(length)];
  return Uint8Array.of(kinds.request, ...u32(id), ...ascii(rendition), ...range, urgent ? 1 : 0);
}

function ascii(text: string): number[] {
  return [text.length, ...[...text].map((character) => character.charCodeAt(0))];
}

function u16(value: number): number[] {
  return [value >>> 8, value & 255];
}

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
