import { describe, expect, test } from "vitest";
import { readHappenings } from "../../src/api/happenings.ts";
import { readHolders } from "../../src/api/holders.ts";
import { type Node, readInvite, readNode, readNodeList } from "../../src/api/nodes.ts";
import { DecodeError } from "../../src/protocol/decode.ts";
import { drainWords } from "../../src/ui/network/node-card.tsx";
import { formatMoment, formatTimeAhead } from "../../src/ui/network/times.ts";
import {
  copiesFact,
  copiesWords,
  listed,
  machinesFact,
  repairWords,
  stateLook,
} from "../../src/ui/network/words.ts";

const now = new Date(2026, 0, 2, 14, 26).getTime();
const at = (hour: number, minute: number, day = 2) => new Date(2026, 0, day, hour, minute).toISOString();

function aNode(fields: Record<string, unknown> = {}): Node {
  return readNode({ id: "n", name: "box-1", state: "alive", ...fields }, "node");
}

const cluster = { nodes: 3, alive: 3, copies: 2 };
const repair = { state: "idle", queuedChunks: 0, bytesLeft: 0, timeLeft: 0, underCopied: 0, begins: "" };

describe("what the box says of its machines", () => {
  test("a list of nodes is read as the box describes it", () => {
    const drain = { progress: 0.5, bytes_left: 9, eta_seconds: 3, safe: false };
    const list = readNodeList({
      nodes: [{ id: "a", name: "box-1", state: "draining", zone: "attic", last_seen: at(14, 0), drain }],
      waiting: [{ id: "b", name: "kitchen-pi", code: "amber-otter", address: "192.168.1.7" }],
    });
    expect(list.nodes[0]).toMatchObject({ zone: "attic", lastSeen: at(14, 0), self: false });
    expect(list.nodes[0]?.drain).toEqual({ progress: 0.5, bytesLeft: 9, timeLeft: 3, safe: false });
    expect(list.joiners).toEqual([
      { id: "b", name: "kitchen-pi", code: "amber-otter", address: "192.168.1.7" },
    ]);
  });

  test("an invite, events and holders are read as the box describes them", () => {
    expect(readInvite({ link: "shoal://join/x", expires: at(15, 0) })).toEqual({
      link: "shoal://join/x",
      expires: at(15, 0),
    });
    const event = { id: "e-1", time: at(14, 0), code: "node_joined", message: "box-1 joined.", node: "a" };
    expect(readHappenings({ events: [event] })).toEqual([
      { id: "e-1", time: at(14, 0), message: "box-1 joined." },
    ]);
    const held = { nodes: [{ id: "a", name: "box-1", chunks: 1, bytes: 7 }], chunks: [{ nodes: ["a"] }] };
    expect(readHolders(held)).toEqual({ nodes: [{ id: "a", name: "box-1", size: 7 }], chunks: [["a"]] });
  });

  test.each([
    [() => readNodeList({ nodes: [{}] })],
    [() => readNodeList({ nodes: [{ id: "a", drain: 5 }] })],
    [() => readInvite({})],
    [() => readHappenings({ events: [{ id: "e" }] })],
    [() => readHolders({ chunks: [{ nodes: [1] }] })],
  ])("%s is refused", (read) => {
    expect(read).toThrow(DecodeError);
  });
});

describe("how a machine is", () => {
  test.each([
    [{ state: "alive" }, "Alive", "good"],
    [{ state: "suspect" }, "Not answering", "warn"],
    [{ state: "dead", last_seen: at(14, 12) }, "Gone since 14:12", "bad"],
    [{ state: "dead", last_seen: at(9, 5, 1) }, "Gone since Jan 1, 09:05", "bad"],
    [{ state: "dead", last_seen: "0001-01-01T00:00:00Z" }, "Gone", "bad"],
    [{ state: "draining" }, "Preparing to switch off", "warn"],
    [{ state: "draining", drain: { progress: 1, safe: true } }, "Safe to switch off", "good"],
    [{ state: "removed" }, "Removed", "calm"],
    [{ state: "dreaming" }, "dreaming", "calm"],
  ])("%j is told as %s", (fields, word, tone) => {
    expect(stateLook(aNode(fields), now)).toEqual({ word, tone });
  });

  test("one that is emptied says how far it is", () => {
    const drain = { progress: 0.435, bytesLeft: 12e9, timeLeft: 290, safe: false };
    expect(drainWords(aNode(), drain)).toBe(
      "Do not switch it off yet: 43\u00a0% is taken over, 12\u00a0GB to go. About 5 minutes left.",
    );
    expect(drainWords(aNode({ state: "dead" }), drain)).toContain("It is not answering");
  });
});

describe("the facts", () => {
  test.each([
    [{ nodes: 1, alive: 1 }, "1 machine", true],
    [{ nodes: 3, alive: 3 }, "3 machines", true],
    [{ nodes: 3, alive: 2 }, "2 of 3 machines", false],
  ])("%j machines are told as %s", (counts, title, fine) => {
    expect(machinesFact({ ...cluster, ...counts }, 1e9)).toMatchObject({ title, fine });
  });

  const missing = { ...repair, underCopied: 312 };
  const gone = aNode({ name: "box-2", state: "dead" });
  test.each([
    [{ ...cluster, copies: 0 }, repair, [], null],
    [{ ...cluster, copies: 1 }, repair, [], "1 copy of everything, as chosen"],
    [cluster, repair, [], "2 copies of everything"],
    [{ ...cluster, nodes: 1 }, missing, [aNode()], "1 copy of everything: add a machine for another"],
    [cluster, missing, [aNode(), gone], "Too few copies of 312 chunks, because box-2 is not there"],
    [cluster, { ...missing, state: "running" }, [gone], "Too few copies of 312 chunks, more are being made"],
    [cluster, missing, [aNode()], "Too few copies of 312 chunks, because only 1 machine can keep copies"],
  ])("%j with %j has its copies told", (counts, state, nodes, words) => {
    const fact = copiesFact(counts, state, nodes);
    expect(fact === null ? null : `${fact.title} ${fact.text}`).toBe(words);
  });

  test("names are listed as people do", () => {
    expect(listed([])).toBe("");
    expect(listed(["a"])).toBe("a");
    expect(listed(["a", "b", "c"])).toBe("a, b and c");
    expect(listed(["a", "b", "c", "d", "e"])).toBe("a, b and 3 more");
  });
});

describe("what is being repaired", () => {
  const [here, gone, away] = [
    aNode(),
    aNode({ name: "box-2", state: "dead" }),
    aNode({ name: "box-3", state: "suspect" }),
  ];
  const say = (fields: Partial<typeof repair>, nodes = [here, gone]) =>
    repairWords(cluster, { ...repair, ...fields }, nodes, now);

  test("nothing is said while nothing is done", () => {
    expect(say({})).toBeNull();
  });

  test("copying says how much, why and how long", () => {
    const running = { state: "running", queuedChunks: 312, bytesLeft: 310e6, timeLeft: 115 };
    expect(say({ ...running, underCopied: 312 })).toBe(
      "Copying 312 chunks (310\u00a0MB) so that everything has 2 copies again. About 2 minutes left.",
    );
    expect(say({ ...running, timeLeft: 0 })).toBe(
      "Copying 312 chunks (310\u00a0MB) to the machines where they belong now.",
    );
  });

  test("waiting says for whom and until when", () => {
    expect(say({ state: "waiting", begins: at(14, 32) })).toBe(
      "box-2 is gone. Its share is copied to the others at 14:32 unless it comes back.",
    );
    expect(say({ state: "waiting" }, [here, gone, away])).toBe(
      "box-2 and box-3 are gone. Their share is copied to the others soon unless they come back.",
    );
  });

  test("held says how many are gone", () => {
    expect(say({ state: "held" }, [here, gone, away])).toMatch(/^2 of 3 machines are gone at once/);
  });
});

describe("one video on several machines", () => {
  const nodes = [
    { id: "a", name: "box-1", size: 1 },
    { id: "b", name: "box-2", size: 1 },
  ];
  test.each([
    [[["a", "b"]], "It is safe when any one machine is lost."],
    [[["a", "b"], ["a"]], "It would be lost with box-1."],
    [[["b"], ["a"]], "Parts of it would be lost with any of box-1 and box-2."],
    [[["a"], []], "Parts of it are on no machine that answers. Switch on the machines that are off."],
  ])("chunks held by %j are told", (chunks, words) => {
    expect(copiesWords({ nodes, chunks })).toBe(words);
  });
});

test("times are told by the clock, with the day unless it is today", () => {
  expect(formatMoment(Date.parse(at(14, 32)), now)).toBe("14:32");
  expect(formatMoment(Date.parse(at(0, 5, 1)), now)).toBe("Jan 1, 00:05");
  expect(formatMoment(Number.NaN, now)).toBe("");
});

test.each([
  [0, ""],
  [12, "Less than a minute left."],
  [61, "About 2 minutes left."],
  [3700, "About 62 minutes left."],
  [7300, "About 2 hours left."],
])("%d s are told as %j", (seconds, words) => {
  expect(formatTimeAhead(seconds)).toBe(words);
});
