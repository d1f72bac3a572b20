import { expect, test } from "vitest";
import { readStatus } from "../../src/api/status.ts";
import { DecodeError } from "../../src/protocol/decode.ts";

const node = { id: "n", name: "attic-pc", self: true, state: "alive", version: "0.1.0", used: 5, free: 7 };

test("a status is read as the box describes it", () => {
  const status = readStatus({
    node,
    cluster: { id: "c", nodes: 3, alive: 2, copies: 2 },
    repair: {
      state: "waiting",
      queued_chunks: 4,
      bytes_left: 5,
      eta_seconds: 6,
      under_copied: 7,
      begins: "2026-01-02T14:32:00Z",
    },
    library: { videos: 3, bytes: 99 },
    viewers: [
      {
        id: "k3v7q2m4x6ab",
        name: "Anna",
        video: "v",
        node: "n",
        buffer_seconds: 14.5,
        peers: 2,
        bytes: { origin: 10, peers: 20, uploaded: 30 },
      },
      {},
    ],
    ingest: [{ id: "v", stage: "prepare", progress: 0.5 }],
    warnings: [{ code: "ffmpeg_missing", message: "ffmpeg is missing." }, "The disk is nearly full."],
  });
  expect(status).toEqual({
    node: { ...node, zone: "", url: "", capacity: 0, lastSeen: "", drain: null },
    cluster: { nodes: 3, alive: 2, copies: 2 },
    repair: {
      state: "waiting",
      queuedChunks: 4,
      bytesLeft: 5,
      timeLeft: 6,
      underCopied: 7,
      begins: "2026-01-02T14:32:00Z",
    },
    library: { videos: 3, bytes: 99 },
    viewers: [
      {
        id: "k3v7q2m4x6ab",
        name: "Anna",
        video: "v",
        bufferSeconds: 14.5,
        peers: 2,
        bytes: { origin: 10, peers: 20, uploaded: 30 },
      },
      {
        id: "",
        name: "",
        video: "",
        bufferSeconds: 0,
        peers: 0,
        bytes: { origin: 0, peers: 0, uploaded: 0 },
      },
    ],
    ingest: [{ id: "v", stage: "prepare", progress: 0.5 }],
    warnings: ["ffmpeg is missing.", "The disk is nearly full."],
  });
});

test("a status with nothing but its node is quiet", () => {
  expect(readStatus({ node })).toMatchObject({
    cluster: { nodes: 1, alive: 1, copies: 0 },
    repair: { state: "idle", underCopied: 0, begins: "" },
    viewers: [],
    ingest: [],
    warnings: [],
  });
});

test.each([
  [{}],
  [{ node: null }],
  [{ node, warnings: [5] }],
  [{ node, ingest: "none" }],
  [{ node, viewers: [4] }],
  [{ node, cluster: 2 }],
  [{ node, repair: { begins: 5 } }],
  [7],
])("%j is refused", (value) => {
  expect(() => readStatus(value)).toThrow(DecodeError);
});
