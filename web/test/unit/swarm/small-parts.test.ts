import { expect, test } from "vitest";
import { LeaseBook } from "../../../src/swarm/lease-book.ts";
import type { Peer } from "../../../src/swarm/parts.ts";
import { PeerBook } from "../../../src/swarm/peer-book.ts";
import { Playback } from "../../../src/swarm/playback.ts";
import { RateMeter } from "../../../src/swarm/rate-meter.ts";
import { shareOn } from "../../../src/swarm/share.ts";
import { Timeline } from "../../../src/swarm/timeline.ts";
import { Unindexed } from "../../../src/swarm/unindexed.ts";
import { VirtualClock } from "./sim/virtual-clock.ts";

test("where bytes cost money nothing is given", () => {
  expect(shareOn(true, "all")).toBe("receive");
  expect(shareOn(true, "lan")).toBe("receive");
  expect(shareOn(true, "off")).toBe("off");
  expect(shareOn(false, "lan")).toBe("lan");
  expect(shareOn(false, "all")).toBe("all");
});

test("a rate is that of the time in which something came", () => {
  const meter = new RateMeter(1);
  meter.begin(0);
  for (let now = 100; now <= 1000; now += 100) meter.note(100_000, now);
  meter.end(1000);
  expect(meter.rate).toBeCloseTo(1_000_000, -4);
  meter.begin(60_000);
  meter.note(100_000, 60_100);
  meter.end(60_100);
  expect(meter.rate).toBeCloseTo(1_000_000, -4);
});

test("a rate follows what comes, and two transfers count together", () => {
  const meter = new RateMeter(1);
  meter.begin(0);
  meter.begin(0);
  for (let now = 100; now <= 10_000; now += 50) meter.note(10_000, now);
  expect(meter.rate).toBeGreaterThan(150_000);
  expect(meter.rate).toBeLessThan(250_000);
});

test("it is the same rate in bursts, also when a transfer ends with one", () => {
  const meter = new RateMeter(1);
  meter.begin(0);
  for (let now = 250; now <= 2000; now += 250)
    for (let frame = 0; frame < 10; frame++) meter.note(25_000, now);
  meter.end(2000);
  expect(meter.rate).toBeGreaterThan(900_000);
  expect(meter.rate).toBeLessThan(1_200_000);
});

test("a burst alone, or many, tell no endless rate", () => {
  const meter = new RateMeter(1_000_000);
  meter.begin(0);
  meter.note(64_000, 2);
  meter.end(2);
  expect(meter.rate).toBeLessThan(2_000_000);
  for (let at = 1000; at < 11_000; at += 1000) {
    meter.begin(at, 64_000);
    meter.end(at);
  }
  expect(meter.rate).toBeLessThan(2_000_000);
});

test("small transfers count, and so does the time in which nothing comes", () => {
  const meter = new RateMeter(1_000_000);
  for (let at = 0; at < 10_000; at += 1000) {
    meter.begin(at);
    meter.note(10_000, at + 100);
    meter.end(at + 100);
  }
  expect(meter.rate).toBeCloseTo(100_000, -4);
  meter.begin(20_000);
  meter.end(23_000);
  expect(meter.rate).toBeLessThan(30_000);
});

test("an hour in which the machine slept does not end what is known of a rate", () => {
  const meter = new RateMeter(1);
  meter.begin(0);
  for (let now = 100; now <= 10_000; now += 100) meter.note(100_000, now);
  meter.note(100_000, 3_600_000);
  expect(meter.rate).toBeGreaterThan(400_000);
});

test("what a peer was asked for and has tells of its speed, what it still fetches does not", () => {
  const book = new PeerBook();
  const peer = { id: "a", near: true, gives: true, holds: () => undefined } as unknown as Peer;
  for (let at = 0; at < 8; at++) {
    book.asked(peer, 500_000, true, 100 * at);
    book.asked(peer, 500_000, false, 100 * at);
    for (let part = 1; part <= 10; part++) book.got("a", 50_000, true, 100 * at + part / 10);
    book.got("a", 500_000, false, 100 * at + 1);
    expect(book.view(peer, 0)).toMatchObject({ outstanding: 0, requests: 2 });
    book.ended("a", 0, true, 100 * at + 1);
    book.ended("a", 0, false, 100 * at + 50);
  }
  expect(book.view(peer, 0).rate).toBeCloseTo(500_000, -4);
  expect(book.rate).toBeCloseTo(500_000, -4);
});

const state = { position: 0, rate: 1, paused: false, bufferEnd: 20, renditions: ["v0"] };

test("the playhead goes on by itself, up to the end of what is there", async () => {
  const clock = new VirtualClock();
  const playback = new Playback(clock);
  playback.set({ ...state, bufferEnd: 3 });
  await clock.runTo(2000);
  expect(playback.playhead).toBe(2);
  await clock.runTo(9000);
  expect(playback.playhead).toBe(3);
});

test("a seek is news and was not watched, time that goes on is watched and no news", async () => {
  const clock = new VirtualClock();
  const playback = new Playback(clock);
  expect(playback.set(state)).toBe(true);
  await clock.runTo(500);
  expect(playback.set({ ...state, position: 0.5 })).toBe(false);
  expect(playback.set({ ...state, position: 300 })).toBe(true);
  expect(playback.view().watched).toBe(0.5);
  expect(playback.set({ ...state, position: 300, paused: true })).toBe(true);
});

test("what was played between two reports that are far apart was watched, as in a tab in the background", async () => {
  const clock = new VirtualClock();
  const playback = new Playback(clock);
  playback.set(state);
  for (let minute = 1; minute <= 3; minute++) {
    await clock.runTo(60_000 * minute);
    const position = 60 * minute;
    playback.set({ ...state, position, bufferEnd: position + 20 });
  }
  expect(playback.view().watched).toBe(180);
});

test("it is a seek where more was passed than time, or less than there was to play", async () => {
  const clock = new VirtualClock();
  const playback = new Playback(clock);
  playback.set(state);
  for (const position of [12, 10, 70]) {
    await clock.runTo(clock.now() + 10_000);
    playback.set({ ...state, position, bufferEnd: position + 20 });
  }
  expect(playback.view().watched).toBe(0);
  await clock.runTo(clock.now() + 10_000);
  playback.set({ ...state, position: 160, rate: 2, bufferEnd: 180 });
  await clock.runTo(clock.now() + 10_000);
  playback.set({ ...state, position: 180, rate: 2, bufferEnd: 200 });
  expect(playback.view().watched).toBe(20);
});

const segments = [0, 1, 2, 4, 8].map((start, index) => ({ index, start, duration: 4, url: `${index}` }));

test("segments are found by time and by number", () => {
  const timeline = new Timeline();
  timeline.set(
    "v0",
    segments.map((s, i) => ({ ...s, duration: (segments[i + 1]?.start ?? 12) - s.start })),
  );
  expect(timeline.between("v0", 1.5, 4.5).map(({ index }) => index)).toEqual([1, 2, 3]);
  expect(timeline.segment("v0", 3)?.start).toBe(4);
  expect(timeline.between("v1", 0, 9)).toEqual([]);
});

test("a segment of a playlist that was not taken in is noted", () => {
  const timeline = new Timeline();
  timeline.note("v0", { index: 5, start: 20, duration: 4, url: "5" });
  expect(timeline.segment("v0", 5)?.start).toBe(20);
  expect(timeline.between("v0", 19, 21)).toHaveLength(1);
});

test("bytes of unknown segments wait for their place, and are few", () => {
  const unindexed = new Unindexed();
  for (let segment = 0; segment < 12; segment++) unindexed.add("v0", segment, 0, new Uint8Array([segment]));
  unindexed.add("v0", 11, 1, new Uint8Array([99]));
  expect(unindexed.whole("v0", 0)).toBeUndefined();
  expect(unindexed.whole("v0", 11)).toEqual(new Uint8Array([11, 99]));
  const taken: number[] = [];
  unindexed.takeKnown((_, segment) => {
    taken.push(segment);
    return segment === 11;
  });
  expect(taken).toHaveLength(8);
  expect(unindexed.whole("v0", 11)).toBeUndefined();
});

test("a lease for what is here already is given back", () => {
  const book = new LeaseBook();
  const granted = [{ rendition: "v0", first: 3, count: 2 }];
  const needless = book.answered({ granted, held: [], ready: [] }, ({ ordinal }) => ordinal === 4, 10);
  expect(needless).toEqual([{ rendition: "v0", first: 4, count: 1 }]);
  expect(book.get({ rendition: "v0", ordinal: 3 })).toMatchObject({ state: "granted", since: 10 });
  expect(book.takeUnwanted(() => false)).toEqual([{ rendition: "v0", ordinal: 3 }]);
  expect(book.get({ rendition: "v0", ordinal: 3 })).toBeUndefined();
});
