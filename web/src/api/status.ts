import { DecodeError, Fields } from "../protocol/decode.ts";

/** One machine. Capacity, used and free in bytes. */
export interface Node {
  readonly id: string;
  readonly name: string;
  readonly self: boolean;
  readonly state: string;
  readonly url: string;
  readonly version: string;
  readonly capacity: number;
  readonly used: number;
  readonly free: number;
}

/** A video that the box is working on; progress 0 to 1. */
export interface IngestJob {
  readonly id: string;
  readonly stage: string;
  readonly progress: number;
}

/** Someone who watches. Bytes since their page came, as they report them. */
export interface Viewer {
  readonly id: string;
  readonly name: string;
  /** The id of what they watch. */
  readonly video: string;
  readonly bufferSeconds: number;
  /** How many others they are connected to. */
  readonly peers: number;
  readonly bytes: { readonly origin: number; readonly peers: number; readonly uploaded: number };
}

export interface Status {
  readonly node: Node;
  readonly library: { readonly videos: number; readonly bytes: number };
  readonly viewers: readonly Viewer[];
  readonly ingest: readonly IngestJob[];
  /** Sentences for people, the worst first. */
  readonly warnings: readonly string[];
}

function readNode(value: unknown, where: string): Node {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    name: fields.text("name", ""),
    self: fields.flag("self", false),
    state: fields.text("state", ""),
    url: fields.text("url", ""),
    version: fields.text("version", ""),
    capacity: Math.max(0, fields.number("capacity", 0)),
    used: Math.max(0, fields.number("used", 0)),
    free: Math.max(0, fields.number("free", 0)),
  };
}

function readJob(value: unknown, where: string): IngestJob {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    stage: fields.text("stage", ""),
    progress: Math.min(1, Math.max(0, fields.number("progress", 0))),
  };
}

function readViewerBytes(value: unknown, where: string): Viewer["bytes"] {
  const fields = new Fields(value, where);
  const count = (key: string) => Math.max(0, fields.number(key, 0));
  return { origin: count("origin"), peers: count("peers"), uploaded: count("uploaded") };
}

function readViewer(value: unknown, where: string): Viewer {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id", ""),
    name: fields.text("name", ""),
    video: fields.text("video", ""),
    bufferSeconds: Math.max(0, fields.number("buffer_seconds", 0)),
    peers: Math.max(0, fields.number("peers", 0)),
    bytes: fields.optional("bytes", readViewerBytes) ?? { origin: 0, peers: 0, uploaded: 0 },
  };
}

/** A warning is a sentence, or an object that holds one as its message. */
export function readWarning(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  return new Fields(value, where).text("message");
}

function readLibrary(value: unknown, where: string): { videos: number; bytes: number } {
  const fields = new Fields(value, where);
  return { videos: fields.number("videos", 0), bytes: fields.number("bytes", 0) };
}

export function readStatus(value: unknown, where = "status"): Status {
  const fields = new Fields(value, where);
  const node = fields.optional("node", readNode);
  if (node === null) throw new DecodeError(`${where}.node is missing`);
  return {
    node,
    library: fields.optional("library", readLibrary) ?? { videos: 0, bytes: 0 },
    viewers: fields.list("viewers", readViewer),
    ingest: fields.list("ingest", readJob),
    warnings: fields.list("warnings", readWarning),
  };
}
