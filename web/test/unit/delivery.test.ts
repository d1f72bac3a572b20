import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deliver } from "../../src/player/delivery.ts";
import { timingFor } from "../../src/player/timing.ts";

const url = "http://box.lan/hls/film/v0/a.m4s";
const patience = { firstByteMs: 10_000, wholeMs: 60_000 };

/** A browser's request, answered by the test. */
class FakeRequest {
  static readonly HEADERS_RECEIVED = 2;
  static last: FakeRequest;
  readyState = 0;
  status = 0;
  response: ArrayBuffer | null = null;
  responseType = "";
  address = "";
  onload = () => {};
  onerror = () => {};
  onabort = () => {};
  onloadend = () => {};
  onreadystatechange = () => {};
  onprogress = (_: { loaded: number; total: number }) => {};

  constructor() {
    FakeRequest.last = this;
  }

  open(method: string, address: string): void {
    this.address = `${method} ${address}`;
  }

  send(): void {}

  abort(): void {
    if (this.readyState === 4) return;
    this.#enter(4);
    this.onabort();
    this.onloadend();
  }

  answer(status: number): void {
    this.status = status;
    this.#enter(FakeRequest.HEADERS_RECEIVED);
  }

  arrive(loaded: number, total: number): void {
    this.onprogress({ loaded, total });
  }

  end(size: number): void {
    this.response = new ArrayBuffer(size);
    this.#enter(4);
    this.onload();
    this.onloadend();
  }

  break(): void {
    this.status = 0;
    this.#enter(4);
    this.onerror();
    this.onloadend();
  }

  #enter(state: number): void {
    this.readyState = state;
    this.onreadystatechange();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("the bytes come whole, and how far they are is told", async () => {
  vi.advanceTimersByTime(1000);
  const delivery = deliver(url, patience);
  const steps: number[] = [];
  delivery.onProgress = () => steps.push(delivery.travel.loaded);
  const request = FakeRequest.last;
  expect([request.address, request.responseType]).toEqual([`GET ${url}`, "arraybuffer"]);
  vi.advanceTimersByTime(40);
  request.answer(200);
  request.arrive(100, 300);
  request.arrive(200, 300);
  vi.advanceTimersByTime(200);
  request.end(300);
  expect((await delivery.bytes).byteLength).toBe(300);
  expect(steps).toEqual([100, 200, 300]);
  expect(delivery.travel).toEqual({ askedAt: 1000, firstAt: 1040, endAt: 1240, loaded: 300, total: 300 });
  expect(vi.getTimerCount()).toBe(0);
});

test("an answer that is no success fails with its status", async () => {
  const delivery = deliver(url, patience);
  FakeRequest.last.answer(503);
  FakeRequest.last.end(20);
  await expect(delivery.bytes).rejects.toMatchObject({ status: 503, timedOut: false });
});

test("a connection that breaks fails without a status", async () => {
  const delivery = deliver(url, patience);
  FakeRequest.last.answer(200);
  FakeRequest.last.break();
  await expect(delivery.bytes).rejects.toMatchObject({ status: 0, timedOut: false });
  expect(vi.getTimerCount()).toBe(0);
});

test("silence before the first byte times out", async () => {
  const delivery = deliver(url, patience);
  vi.advanceTimersByTime(patience.firstByteMs);
  await expect(delivery.bytes).rejects.toMatchObject({ timedOut: true });
});

test("an answer that does not come to its end times out, counted from the asking", async () => {
  const delivery = deliver(url, patience);
  vi.advanceTimersByTime(patience.firstByteMs - 1);
  FakeRequest.last.answer(200);
  FakeRequest.last.arrive(100, 300);
  vi.advanceTimersByTime(patience.wholeMs - patience.firstByteMs);
  expect(FakeRequest.last.readyState).toBe(2);
  vi.advanceTimersByTime(1);
  await expect(delivery.bytes).rejects.toMatchObject({ status: 200, timedOut: true });
});

test("what is given up ends at once, and what has come stays", async () => {
  const givenUp = deliver(url, patience);
  givenUp.cancel();
  await expect(givenUp.bytes).rejects.toMatchObject({ timedOut: false });
  const whole = deliver(url, patience);
  FakeRequest.last.answer(200);
  FakeRequest.last.end(3);
  whole.cancel();
  expect((await whole.bytes).byteLength).toBe(3);
});

test("the time that bytes lay waiting says nothing of the connection", () => {
  const travel = { askedAt: 100, firstAt: 140, endAt: 400, loaded: 1, total: 1 };
  expect(timingFor(travel, 400)).toEqual({ start: 100, first: 140, end: 400 });
  expect(timingFor(travel, 900)).toEqual({ start: 600, first: 640, end: 900 });
  expect(timingFor({ ...travel, endAt: 0 }, 900)).toEqual({ start: 100, first: 140, end: 0 });
});
