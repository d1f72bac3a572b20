import { expect, test } from "vitest";
import { Backoff } from "../../src/player/backoff.ts";
import { passingTrouble } from "../../src/player/trouble.ts";
import { qrPath } from "../../src/ui/qr-code.tsx";
import { isReachableFromOthers } from "../../src/ui/share-panel.tsx";
import { SpeedMeter } from "../../src/ui/speed-meter.ts";

test("waiting times double up to the longest, and begin anew after a reset", () => {
  const backoff = new Backoff(1000, 5000);
  expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([1000, 2000, 4000, 5000]);
  backoff.reset();
  expect(backoff.next()).toBe(1000);
});

test("speed is not known at once, then follows the last seconds", () => {
  const meter = new SpeedMeter();
  meter.note(0, 0);
  expect(meter.perSecond()).toBe(0);
  meter.note(1000, 1000);
  expect(meter.perSecond()).toBe(1000);
  for (let second = 2; second <= 20; second++) meter.note(1000 + second * 10, second * 1000);
  expect(meter.perSecond()).toBe(10);
});

test.each([
  [0, /not answering/],
  [500, /not answering/],
  [503, /preparing/],
  [404, /missing/],
  [403, /does not let you/],
])("an answer %i is told as it is", (status, words) => {
  expect(passingTrouble(status)).toMatchObject({ kind: "passing", text: expect.stringMatching(words) });
});

test("a QR code is a square path with a quiet zone", () => {
  const { size, path } = qrPath("http://192.168.1.23:3003/");
  expect(size).toBeGreaterThanOrEqual(21 + 8);
  expect(path).toMatch(/^M4 4h1v1h-1z/);
  expect(path).not.toMatch(/M[0-3] /);
});

test.each([
  ["http://localhost:3003/", false],
  ["http://127.0.0.1:3003/", false],
  ["http://[::1]:3003/", false],
  ["http://192.168.1.23:3003/", true],
  ["http://box.lan/watch/x", true],
])("%s is of use on other devices: %s", (url, useful) => {
  expect(isReachableFromOthers(url)).toBe(useful);
});
