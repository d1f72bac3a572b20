import { readHappenings } from "../../src/api/happenings.ts";
import type { NetworkApi } from "../../src/api/network-api.ts";
import { readInvite, readNodeList } from "../../src/api/nodes.ts";
import { ApiError } from "../../src/api/request.ts";
import { readStatus } from "../../src/api/status.ts";

const long = "Averylongnameofamachinethatdoesnotendsoonenough";

/** What a page of the network is made up of. */
export interface MadeUpNetwork {
  readonly viewers: number;
  readonly nodes: number;
  readonly longNames: boolean;
  /** How many of the nodes are dead, and whether the second one is being drained, or is so. */
  readonly dead: number;
  readonly drain: "" | "going" | "safe";
  readonly repair: "idle" | "running" | "waiting" | "held";
  readonly joiners: number;
  readonly now: number;
}

/** The answers of a box in such a network, as the box would write them. */
export function networkOf(made: MadeUpNetwork): NetworkApi {
  const refuse = async () => {
    throw new ApiError(409, { code: "node_in_use", message: "This node is in use." });
  };
  return {
    getStatus: async () => readStatus(status(made)),
    listNodes: async () => readNodeList({ nodes: nodes(made), waiting: joiners(made) }),
    listHappenings: async () => readHappenings({ events: events(made) }),
    invite: async (seconds) =>
      readInvite({
        link: `shoal://join/2oHk9vQz7sXc4LrTn8yWbE${"x7Qm".repeat(24)}`,
        expires: iso(made.now + seconds * 1000),
      }),
    approve: async () => {},
    drain: async () => {},
    remove: refuse,
    repairNow: async () => {},
    getHolders: refuse,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function nodes(made: MadeUpNetwork): Record<string, unknown>[] {
  return Array.from({ length: made.nodes }, (_, i) => {
    const state = stateOf(made, i);
    return {
      id: `node${i}`,
      name:
        made.longNames && i % 2 === 1 ? `${long}${i}` : (["attic-pc", "box-2", "box-3"][i] ?? `box-${i + 1}`),
      self: i === 0,
      state,
      zone: made.nodes > 3 ? ["cellar", "attic", "garage"][i % 3] : "",
      url: `http://192.168.1.${20 + i}:3003`,
      version: i === 2 ? "0.0.9" : "0.1.0",
      capacity: 0,
      used: 4e11 - 2.3e10 * i,
      free: 6e11 + 9e10 * i,
      last_seen: iso(made.now - (state === "alive" ? 0 : 14 * 60_000)),
      drain: drainOf(made, i),
    };
  });
}

function stateOf({ nodes: count, dead, drain }: MadeUpNetwork, i: number): string {
  if (i >= count - dead) return "dead";
  if (i === 1 && drain !== "") return "draining";
  return count > 6 && i === 4 ? "suspect" : "alive";
}

function drainOf({ drain }: MadeUpNetwork, i: number): unknown {
  if (i !== 1 || drain === "") return null;
  const safe = drain === "safe";
  return {
    progress: safe ? 1 : 0.43,
    bytes_left: safe ? 0 : 1.2e10,
    eta_seconds: safe ? 0 : 290,
    safe,
  };
}

function joiners(made: MadeUpNetwork): unknown[] {
  return Array.from({ length: made.joiners }, (_, i) => ({
    id: `joiner${i}`,
    name: i === 1 ? long : "kitchen-pi",
    code: "amber-otter-seven",
    address: "192.168.1.77",
  }));
}

function events(made: MadeUpNetwork): unknown[] {
  const messages = [
    "Copying began: some chunks have fewer copies than wanted, or belong on other nodes now.",
    "box-3 is gone. What it keeps comes from other nodes, as far as they have copies.",
    "“Summer on the lake” is ready to watch.",
    "box-3 joined.",
  ];
  return messages.map((message, i) => ({
    id: `e-${i}`,
    time: iso(made.now - (i === 3 ? 30 * 3_600_000 : i * 7 * 60_000)),
    code: "any",
    message: made.longNames && i === 1 ? `${long} is gone.` : message,
  }));
}

function status(made: MadeUpNetwork): unknown {
  const all = nodes(made);
  const missing = made.repair === "idle" ? 0 : 312;
  return {
    node: all[0],
    cluster: { id: "c", nodes: made.nodes, alive: made.nodes - made.dead, copies: 2 },
    repair: {
      state: made.repair,
      queued_chunks: missing,
      bytes_left: missing * 1e6,
      eta_seconds: missing / 3,
      under_copied: made.nodes === 1 ? 4000 : missing,
      begins: made.repair === "waiting" ? iso(made.now + 6 * 60_000) : null,
    },
    library: { videos: 42, bytes: 4e11 },
    viewers: Array.from({ length: made.viewers }, (_, i) => ({
      id: `viewer${i}`,
      name: i === 1 ? "Averylongname".repeat(3) : `Guest ${i}`,
      video: `video${i % 3}`,
      buffer_seconds: 10 + (i % 20),
      peers: i % 8,
      bytes: { origin: 3e6 * i, peers: 7e6 * i, uploaded: 5e6 * (i % 5) },
    })),
    warnings:
      made.dead > 0
        ? [
            `box-${made.nodes} does not answer. Switch it on, or remove it on the network page if it will not come back.`,
          ]
        : [],
  };
}
