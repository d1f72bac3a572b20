import { expect, test } from "vitest";
import { chapterAt } from "../../src/player/chapters.ts";
import { parseStoryboard, someOf } from "../../src/player/storyboard.ts";

const base = "http://box.lan:3003/hls/abc/storyboard-00.vtt";

test("a storyboard names a rectangle of an image for each time", () => {
  const text = [
    "WEBVTT",
    "",
    "00:00.000 --> 00:10.000",
    "sprite-1.jpg#xywh=0,0,160,90",
    "",
    "2",
    "01:00:10.500 --> 01:00:20.000 align:start",
    "/hls/abc/sprite-2.jpg#xywh=160,90,160,90",
  ].join("\r\n");
  expect(parseStoryboard(text, base)).toEqual([
    { start: 0, url: "http://box.lan:3003/hls/abc/sprite-1.jpg", x: 0, y: 0, width: 160, height: 90 },
    { start: 3610.5, url: "http://box.lan:3003/hls/abc/sprite-2.jpg", x: 160, y: 90, width: 160, height: 90 },
  ]);
});

test.each([
  ["words", "00:00.000 --> 00:10.000\nHello"],
  ["an image of another place", "00:00.000 --> 00:10.000\nhttp://elsewhere.example/x.jpg#xywh=0,0,1,1"],
  ["another kind of address", "00:00.000 --> 00:10.000\ndata:image/png,x#xywh=0,0,1,1"],
  ["no address at all", "00:00.000 --> 00:10.000\nhttp://[#xywh=0,0,1,1"],
  ["nothing of a picture", "00:00.000 --> 00:10.000\nx.jpg#xywh=0,0,0,90"],
  ["a rectangle without a time", "x.jpg#xywh=0,0,1,1"],
  ["a time without a rectangle", "00:00.000 --> 00:10.000"],
])("a storyboard with %s has no picture for it", (_, cue) => {
  expect(parseStoryboard(`WEBVTT\n\n${cue}`, base)).toEqual([]);
});

test("a few pictures come from the whole of a film", () => {
  const tiles = Array.from({ length: 100 }, (_, start) => ({
    start,
    url: "x",
    x: 0,
    y: 0,
    width: 1,
    height: 1,
  }));
  expect(someOf(tiles, 4).map(({ start }) => start)).toEqual([12, 37, 62, 87]);
  expect(someOf(tiles.slice(0, 3), 4)).toHaveLength(3);
});

test("a position lies in the last chapter that has begun", () => {
  const chapters = [
    { start: 5, title: "One" },
    { start: 60, title: "Two" },
  ];
  expect([0, 5, 59, 60, 999].map((position) => chapterAt(chapters, position))).toEqual([-1, 0, 0, 1, 1]);
});
