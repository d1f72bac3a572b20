import { expect, test } from "vitest";
import { readStatus } from "../../src/api/status.ts";
import { DecodeError } from "../../src/protocol/decode.ts";

const node = { id: "n", name: "attic-pc", self: true, state: "alive", version: "0.1.0", used: 5, free: 7 };

test("a status is read as the box describes it", () => {
  const status = readStatus({
    node,
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
    node: { ...node, url: "", capacity: 0 },
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
  expect(readStatus({ node })).toMatchObject({ viewers: [], ingest: [], warnings: [] });
});

test.each([
  [{}],
  [{ node: null }],
  [{ node, warnings: [5] }],
  [{ node, ingest: "none" }],
  [{ node, viewers: [4] }],
  [7],
])("%j is refused", (value) => {
  expect(() => readStatus(value)).toThrow(DecodeError);
});
