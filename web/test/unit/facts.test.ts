import { expect, test } from "vitest";
import { linesOf, type PlaybackFacts, textOf } from "../../src/player/facts.ts";
import { PlaybackStats } from "../../src/player/playback-stats.ts";

const facts: PlaybackFacts = {
  firstFrameMs: 412.4,
  bufferSeconds: 14.26,
  stalls: 2,
  stallMs: 1400,
  lastSeekMs: 87,
  originBytes: 14_200_000,
  picture: { width: 1920, height: 1080 },
  shownAt: { width: 1024, height: 576 },
  quality: "1080p",
  pickedByPlayer: true,
  frames: { total: 1234, dropped: 3 },
  codecs: ["avc1.640028", "mp4a.40.2"],
  connection: 24_300_000,
  secureContext: false,
  sharing: null,
};

test("every fact of a playback is told with its unit", () => {
  expect(textOf(linesOf(facts)).split("\n")).toEqual([
    "Start: 412 ms",
    "Buffer: 14.3 s",
    "Quality: 1080p, picked by the player",
    "Picture: 1920×1080",
    "Shown at: 1024×576",
    "Frames: 1,234, 3 dropped",
    "Codecs: avc1.640028, mp4a.40.2",
    "Connection: about 24.3 Mbit/s",
    "From the box: 14.2 MB",
    "Stalls: 2, 1.4 s in all",
    "Last seek: 87 ms",
    "Secure context: no, plain HTTP",
    "Sharing: none: this player takes all from the box",
  ]);
});

test("what is not known yet is said to be so", () => {
  const lines = linesOf({
    ...facts,
    firstFrameMs: null,
    lastSeekMs: null,
    quality: "",
    codecs: [],
    connection: 0,
    stalls: 0,
  });
  const told = new Map(lines.map(({ name, value }) => [name, value]));
  expect(["Start", "Quality", "Codecs", "Connection"].map((name) => told.get(name))).toEqual(
    Array(4).fill("not known yet"),
  );
  expect(told.get("Last seek")).toBe("none yet");
  expect(told.get("Stalls")).toBe("none");
});

test("a seek takes from the last wish to the picture", () => {
  let now = 1000;
  const stats = new PlaybackStats(() => now, 0);
  expect(stats.lastSeekMs).toBeNull();
  stats.notePlayback("seeking");
  now = 1200;
  stats.notePlayback("seeking");
  now = 1290;
  expect(stats.lastSeekMs).toBeNull();
  stats.noteSeeked();
  expect(stats.lastSeekMs).toBe(90);
  stats.noteSeeked();
  expect(stats.lastSeekMs).toBe(90);
});
