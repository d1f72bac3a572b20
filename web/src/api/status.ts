import { DecodeError, Fields, readText } from "../protocol/decode.ts";
import { type Node, readNode } from "./nodes.ts";
import { readWarning } from "./warning.ts";

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

/** The machines that keep the library together, this one among them. */
export interface Cluster {
  readonly nodes: number;
  readonly alive: number;
  /** How many machines are to keep each chunk; 0 when the box does not say. */
  readonly copies: number;
}

/** How far the chunks are from their number of copies. */
export interface Repair {
  /** idle, waiting, held, running, or a word of a later version. */
  readonly state: string;
  /** What is to be copied. */
  readonly queuedChunks: number;
  readonly bytesLeft: number;
  /** In seconds; 0 when unknown. */
  readonly timeLeft: number;
  /** How many chunks have fewer copies than wanted on machines that answer. */
  readonly underCopied: number;
  /** When copying begins if it waits; "" when unknown. */
  readonly begins: string;
}

export interface Status {
  readonly node: Node;
  readonly cluster: Cluster;
  readonly repair: Repair;
  readonly library: { readonly videos: number; readonly bytes: number };
  readonly viewers: readonly Viewer[];
  readonly ingest: readonly IngestJob[];
  /** Sentences for people, the worst first. */
  readonly warnings: readonly string[];
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

function readLibrary(value: unknown, where: string): { videos: number; bytes: number } {
  const fields = new Fields(value, where);
  return { videos: fields.number("videos", 0), bytes: fields.number("bytes", 0) };
}

function readCluster(value: unknown, where: string): Cluster {
  const fields = new Fields(value, where);
  return {
    nodes: fields.number("nodes", 1),
    alive: fields.number("alive", 1),
    copies: fields.number("copies", 0),
  };
}

function readRepair(value: unknown, where: string): Repair {
  const fields = new Fields(value, where);
  const count = (key: string) => Math.max(0, fields.number(key, 0));
  return {
    state: fields.text("state", "idle"),
    queuedChunks: count("queued_chunks"),
    bytesLeft: count("bytes_left"),
    timeLeft: count("eta_seconds"),
    underCopied: count("under_copied"),
    begins: fields.optional("begins", readText) ?? "",
  };
}

export function readStatus(value: unknown, where = "status"): Status {
  const fields = new Fields(value, where);
  const node = fields.optional("node", readNode);
  if (node === null) throw new DecodeError(`${where}.node is missing`);
  return {
    node,
    cluster: readCluster(fields.raw("cluster") ?? {}, `${where}.cluster`),
    repair: readRepair(fields.raw("repair") ?? {}, `${where}.repair`),
    library: fields.optional("library", readLibrary) ?? { videos: 0, bytes: 0 },
    viewers: fields.list("viewers", readViewer),
    ingest: fields.list("ingest", readJob),
    warnings: fields.list("warnings", readWarning),
  };
}
