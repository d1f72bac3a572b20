import { expect, test } from "vitest";
import { renditionIn } from "../../src/player/rendition.ts";
import {
  languageName,
  nextRate,
  noText,
  qualityChoices,
  qualityName,
  soundChoices,
  textChoices,
} from "../../src/player/tracks.ts";

test.each([
  [1920, 1080, "1080p"],
  [1920, 804, "1080p"],
  [1080, 1920, "1080p"],
  [1280, 720, "720p"],
  [854, 480, "480p"],
  [640, 480, "480p"],
  [3840, 2160, "2160p"],
  [320, 240, "240p"],
  [100, 60, "60p"],
])("%d×%d is known as %s", (width, height, name) => {
  expect(qualityName(width, height)).toBe(name);
});

test("qualities come best first with the ids of their levels", () => {
  const levels = [
    { width: 854, height: 480, bitrate: 1e6 },
    { width: 1920, height: 1080, bitrate: 5e6 },
  ];
  expect(qualityChoices(levels)).toEqual([
    { id: 1, label: "1080p" },
    { id: 0, label: "480p" },
  ]);
});

test("two qualities of one size are told apart by their bitrates", () => {
  const levels = [
    { width: 1280, height: 720, bitrate: 1.5e6 },
    { width: 1280, height: 720, bitrate: 4e6 },
  ];
  expect(qualityChoices(levels).map((choice) => choice.label)).toEqual([
    "720p, 4.0 Mbit/s",
    "720p, 1.5 Mbit/s",
  ]);
});

test("one quality, and sound alone, leave nothing to choose", () => {
  expect(qualityChoices([{ width: 1280, height: 720, bitrate: 1 }])).toEqual([]);
  expect(qualityChoices([{ width: 0, height: 0, bitrate: 1 }])).toEqual([]);
});

const names = (tag: string) => ({ en: "English", de: "German" })[tag] ?? tag;

test("sound tracks go by their language and name, or by their number", () => {
  const tracks = [
    { name: "Commentary", lang: "en" },
    { name: "de", lang: "de" },
    { name: "de (2)", lang: "de" },
    { name: "English stereo", lang: "en" },
    { name: "Stereo" },
    { lang: "und" },
  ];
  expect(soundChoices(tracks, names).map(({ label }) => label)).toEqual([
    "English: Commentary",
    "German",
    "German (2)",
    "English stereo",
    "Stereo",
    "Track 6",
  ]);
  expect(soundChoices(tracks.slice(0, 1), names)).toEqual([]);
});

test("subtitles can be chosen, and be off, when there is one", () => {
  expect(textChoices([{ lang: "de" }], names)).toEqual([
    { id: noText, label: "Off" },
    { id: 0, label: "German" },
  ]);
  expect(textChoices([], names)).toEqual([]);
});

test("a language that nobody knows keeps its tag", () => {
  expect(languageName("not a tag")).toBe("not a tag");
});

test("speed goes in steps and stops at the ends", () => {
  expect([nextRate(1, 1), nextRate(1, -1), nextRate(2, 1), nextRate(0.5, -1), nextRate(1.1, 1)]).toEqual([
    1.25, 0.75, 2, 0.5, 1.25,
  ]);
});

test("a segment's address names its rendition", () => {
  expect(renditionIn("http://box.lan:3003/hls/abc/v1/0011.m4s")).toBe("v1");
  expect(renditionIn("/hls/abc/a1/0011.m4s")).toBe("a1");
  expect(renditionIn("/")).toBe("");
});
