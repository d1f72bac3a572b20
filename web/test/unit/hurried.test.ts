import { expect, test } from "vitest";
import { hurried } from "../../src/player/hurried.ts";

const growing = "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:4.0,\nx.m4s\n";

test.each([
  [0, 2],
  [3, 2],
  [15, 5],
  [24, 8],
  [500, 8],
])("with %d s left a growing playlist is read again after %d s", (left, seconds) => {
  expect(hurried(growing, left)).toBe(growing.replace("DURATION:8", `DURATION:${seconds}`));
});

test("a complete playlist and a master playlist stay as they are", () => {
  const complete = `${growing}#EXT-X-ENDLIST\n`;
  const master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/index.m3u8\n";
  expect(hurried(complete, 0)).toBe(complete);
  expect(hurried(master, 0)).toBe(master);
});
