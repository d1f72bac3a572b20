import { Fields, readText } from "../protocol/decode.ts";

/** How far others have taken over what a node keeps; progress 0 to 1. */
export interface Drain {
  readonly progress: number;
  readonly bytesLeft: number;
  /** In seconds; 0 when unknown. */
  readonly timeLeft: number;
  /** Whether the node can be switched off and nothing is lost. */
  readonly safe: boolean;
}

/** One machine. Capacity, used and free in bytes. */
export interface Node {
  readonly id: string;
  readonly name: string;
  readonly self: boolean;
  /** alive, suspect, dead, draining, removed, or a word of a later version. */
  readonly state: string;
  readonly zone: string;
  readonly url: string;
  readonly version: string;
  readonly capacity: number;
  readonly used: number;
  readonly free: number;
  /** When it answered last; "" when that is not known. */
  readonly lastSeen: string;
  readonly drain: Drain | null;
}

/** A machine that asks to join; code is what it shows itself. */
export interface Joiner {
  readonly id: string;
  readonly name: string;
  readonly code: string;
  readonly address: string;
}

export interface NodeList {
  readonly nodes: readonly Node[];
  /** For admins only. */
  readonly joiners: readonly Joiner[];
}

/** A link that lets one machine join. */
export interface Invite {
  readonly link: string;
  /** Until when; "" when that is not known. */
  readonly expires: string;
}

function readDrain(value: unknown, where: string): Drain {
  const fields = new Fields(value, where);
  return {
    progress: Math.min(1, Math.max(0, fields.number("progress", 0))),
    bytesLeft: Math.max(0, fields.number("bytes_left", 0)),
    timeLeft: Math.max(0, fields.number("eta_seconds", 0)),
    safe: fields.flag("safe", false),
  };
}

export function readNode(value: unknown, where: string): Node {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    name: fields.text("name", ""),
    self: fields.flag("self", false),
    state: fields.text("state", ""),
    zone: fields.text("zone", ""),
    url: fields.text("url", ""),
    version: fields.text("version", ""),
    capacity: Math.max(0, fields.number("capacity", 0)),
    used: Math.max(0, fields.number("used", 0)),
    free: Math.max(0, fields.number("free", 0)),
    lastSeen: fields.optional("last_seen", readText) ?? "",
    drain: fields.optional("drain", readDrain),
  };
}

function readJoiner(value: unknown, where: string): Joiner {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    name: fields.text("name", ""),
    code: fields.text("code", ""),
    address: fields.text("address", ""),
  };
}

export function readNodeList(value: unknown, where = "nodes"): NodeList {
  const fields = new Fields(value, where);
  return { nodes: fields.list("nodes", readNode), joiners: fields.list("waiting", readJoiner) };
}

export function readInvite(value: unknown, where = "invite"): Invite {
  const fields = new Fields(value, where);
  return { link: fields.text("link"), expires: fields.optional("expires", readText) ?? "" };
}
