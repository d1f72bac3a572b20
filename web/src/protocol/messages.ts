// The JSON messages between a viewer and the room (docs/protocol.md, "The WebSocket").

import { DecodeError, Fields } from "./decode.ts";
import { isRun, type Run } from "./runs.ts";

/** What the WebSocket must be opened with. */
export const subprotocol = "shoal.swarm.1";
/** The longest message, in bytes. */
export const maxMessageBytes = 65_536;
/** The most runs of one "have", both lists together. */
export const maxHaveRuns = 512;
/** The most chunks that one "lease" asks for. */
export const maxLeaseChunks = 64;
/** The most chunks that one "release" gives back. */
export const maxReleaseChunks = 1024;
/** The longest name, and the longest data of a signal, in characters. */
export const maxNameLength = 40;
export const maxSignalLength = 16_384;

/** Whom a viewer shares with: everybody, the same network, takes and gives nothing, nobody. */
export type Share = "all" | "lan" | "receive" | "off";

const signalKinds = ["offer", "answer", "candidate", "bye"] as const;
export type SignalKind = (typeof signalKinds)[number];

/** What a viewer tells of itself; position and buffer in seconds, bytes since it came. */
export interface ViewerState {
  readonly position: number;
  readonly buffer: number;
  readonly playing: boolean;
  readonly renditions: readonly string[];
  readonly peers: number;
  readonly bytes: {
    readonly origin: number;
    readonly peers: number;
    readonly cache: number;
    readonly uploaded: number;
    readonly duplicate: number;
    readonly rejected: number;
  };
}

/** From the viewer to the room. */
export type ViewerMessage =
  | { readonly t: "join"; readonly viewer: string; readonly name: string; readonly share: Share }
  | ({ readonly t: "state" } & ViewerState)
  | {
      readonly t: "have";
      readonly full: boolean;
      readonly add: readonly Run[];
      readonly drop: readonly Run[];
    }
  | { readonly t: "lease"; readonly chunks: readonly Run[]; readonly urgent: boolean }
  | { readonly t: "release"; readonly chunks: readonly Run[] }
  | { readonly t: "share"; readonly share: Share }
  | { readonly t: "signal"; readonly to: string; readonly kind: SignalKind; readonly data: string }
  | { readonly t: "failed"; readonly peer: string; readonly why: "unreachable" | "slow" | "closed" }
  | { readonly t: "report"; readonly peer: string; readonly chunk: Run };

/** A peer to connect to. */
export interface Introduction {
  readonly viewer: string;
  readonly name: string;
  /** On the same network. */
  readonly near: boolean;
  /** This side makes the offer. */
  readonly offer: boolean;
}

export interface Welcome {
  readonly t: "welcome";
  readonly viewer: string;
  readonly epoch: number;
  readonly viewers: number;
  /** The pause between two messages of a kind, in ms. */
  readonly state_ms: number;
  readonly have_ms: number;
  /** How long a lease lasts, in ms. */
  readonly lease_ms: number;
}

/** From the room to the viewer. */
export type RoomMessage =
  | Welcome
  | { readonly t: "room"; readonly viewers: number }
  | { readonly t: "peers"; readonly add: readonly Introduction[]; readonly remove: readonly string[] }
  | { readonly t: "signal"; readonly from: string; readonly kind: SignalKind; readonly data: string }
  | {
      readonly t: "leases";
      readonly epoch: number;
      readonly granted: readonly Run[];
      readonly held: readonly Run[];
      readonly ready: readonly Run[];
    }
  | { readonly t: "banned"; readonly peer: string };

/** Writes a message. The caller keeps to the limits of the protocol. */
export function encodeViewerMessage(message: ViewerMessage): string {
  switch (message.t) {
    case "have":
      return JSON.stringify({ ...message, add: message.add.map(written), drop: message.drop.map(written) });
    case "lease":
    case "release":
      return JSON.stringify({ ...message, chunks: message.chunks.map(written) });
    case "report":
      return JSON.stringify({ ...message, chunk: written(message.chunk) });
    default:
      return JSON.stringify(message);
  }
}

/** Reads a message of the room; throws a DecodeError for anything that is none. */
export function decodeRoomMessage(text: string): RoomMessage {
  const fields = new Fields(parse(text), "message");
  const t = fields.word("t", ["welcome", "room", "peers", "signal", "leases", "banned"]);
  switch (t) {
    case "welcome":
      return readWelcome(fields);
    case "room":
      return { t, viewers: readCount(fields, "viewers") };
    case "peers":
      return { t, add: fields.list("add", readIntroduction), remove: fields.list("remove", readViewer) };
    case "signal":
      return readSignal(fields);
    case "leases":
      return readLeases(fields);
    case "banned":
      return { t, peer: readViewer(fields.raw("peer"), "message.peer") };
  }
}

// What a name may not have: control characters, line breaks, and what changes the direction of other text.
const unfit = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** What of a name the room takes. */
export function fitName(name: string): string {
  return [...name.replace(unfit, "")].slice(0, maxNameLength).join("");
}

function written({ rendition, first, count }: Run): [string, number, number] {
  return [rendition, first, count];
}

function parse(text: string): unknown {
  // A character is at most three bytes, so that only long texts need to be measured.
  if (text.length * 3 > maxMessageBytes && new TextEncoder().encode(text).length > maxMessageBytes) {
    throw new DecodeError(`a message of more than ${maxMessageBytes} bytes`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DecodeError("the message is not JSON", { cause: error });
  }
}

function readWelcome(fields: Fields): Welcome {
  return {
    t: "welcome",
    viewer: readViewer(fields.raw("viewer"), "message.viewer"),
    epoch: readCount(fields, "epoch"),
    viewers: readCount(fields, "viewers"),
    state_ms: readTime(fields, "state_ms"),
    have_ms: readTime(fields, "have_ms"),
    lease_ms: readTime(fields, "lease_ms"),
  };
}

function readIntroduction(value: unknown, where: string): Introduction {
  const fields = new Fields(value, where);
  const name = fields.text("name", "");
  if ([...name].length > maxNameLength) throw new DecodeError(`${where}.name is too long`);
  const viewer = readViewer(fields.raw("viewer"), `${where}.viewer`);
  return { viewer, name, near: fields.flag("near", false), offer: fields.flag("offer", false) };
}

function readSignal(fields: Fields): RoomMessage {
  const from = readViewer(fields.raw("from"), "message.from");
  const kind = fields.word("kind", signalKinds);
  const data = kind === "bye" ? fields.text("data", "") : fields.text("data");
  if (data.length > maxSignalLength) throw new DecodeError("message.data is too long");
  return { t: "signal", from, kind, data };
}

function readLeases(fields: Fields): RoomMessage {
  return {
    t: "leases",
    epoch: readCount(fields, "epoch"),
    granted: fields.list("granted", readRun),
    held: fields.list("held", readRun),
    ready: fields.list("ready", readRun),
  };
}

function readRun(value: unknown, where: string): Run {
  if (!Array.isArray(value) || value.length !== 3) throw new DecodeError(`${where} is no run`);
  const [rendition, first, count] = value as unknown[];
  if (typeof rendition !== "string" || typeof first !== "number" || typeof count !== "number") {
    throw new DecodeError(`${where} is no run`);
  }
  const run = { rendition, first, count };
  if (!isRun(run)) throw new DecodeError(`${where} is no run`);
  return run;
}

const viewerSyntax = /^[a-z2-7]{12}$/;

function readViewer(value: unknown, where: string): string {
  if (typeof value !== "string" || !viewerSyntax.test(value)) throw new DecodeError(`${where} is no viewer`);
  return value;
}

function readCount(fields: Fields, key: string): number {
  const value = fields.number(key);
  if (!Number.isSafeInteger(value) || value < 0) throw new DecodeError(`message.${key} is no whole number`);
  return value;
}

const longestTimeMs = 600_000;

function readTime(fields: Fields, key: string): number {
  const value = readCount(fields, key);
  if (value < 1 || value > longestTimeMs) throw new DecodeError(`message.${key} is no time`);
  return value;
}
