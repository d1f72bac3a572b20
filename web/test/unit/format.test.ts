import { expect, test } from "vitest";
import { formatDuration } from "../../src/player/duration.ts";
import {
  formatAgo,
  formatBytes,
  formatBytesOf,
  formatCount,
  formatPercent,
  formatTimeLeft,
} from "../../src/ui/format.ts";

/** Numbers and units are held together by a space that does not break. */
const plain = (text: string) => text.replaceAll("\u00a0", " ");

test.each([
  [0, "0:00"],
  [7.9, "0:07"],
  [754, "12:34"],
  [3599.99, "59:59"],
  [3723, "1:02:03"],
  [36_000, "10:00:00"],
  [-5, "0:00"],
  [Number.NaN, "0:00"],
  [Number.POSITIVE_INFINITY, "0:00"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1 KB"],
  [4_400_000_000, "4.4 GB"],
  [999_960_000, "1 GB"],
  [121_400_000_000, "121 GB"],
  [2_000_000_000_000, "2 TB"],
])("%d bytes are %s", (bytes, text) => {
  expect(plain(formatBytes(bytes))).toBe(text);
});

test("a part of a size names the unit once where it can", () => {
  expect(plain(formatBytesOf(2_100_000_000, 4_400_000_000))).toBe("2.1 of 4.4 GB");
  expect(plain(formatBytesOf(900_000, 4_400_000_000))).toBe("900 KB of 4.4 GB");
});

test.each([
  [0, "0 %"],
  [0.439, "43 %"],
  [0.9999, "99 %"],
  [1, "100 %"],
  [-1, "0 %"],
])("%d is %s", (part, text) => {
  expect(plain(formatPercent(part))).toBe(text);
});

test.each([
  [3, "a few seconds left"],
  [41, "50 s left"],
  [61, "2 min left"],
  [5400, "1.5 h left"],
])("%d seconds to go are %s", (seconds, text) => {
  expect(plain(formatTimeLeft(seconds))).toBe(text);
});

const hour = 3_600_000;
test.each([
  [hour / 100, "just now"],
  [hour / 2, "30 minutes ago"],
  [3 * hour, "3 hours ago"],
  [50 * hour, "2 days ago"],
  [-hour, "just now"],
])("%d ms back is %s", (back, text) => {
  expect(formatAgo(1e12 - back, 1e12)).toBe(text);
});

test("what is long ago is a date, and an unknown time is nothing", () => {
  expect(formatAgo(Date.UTC(2020, 4, 17, 12), Date.UTC(2021, 0, 1))).toBe("May 17, 2020");
  expect(formatAgo(Number.NaN, 0)).toBe("");
});

test("counts agree with their nouns", () => {
  expect([formatCount(0, "video"), formatCount(1, "video"), formatCount(1200, "video")]).toEqual([
    "0 videos",
    "1 video",
    "1,200 videos",
  ]);
});
