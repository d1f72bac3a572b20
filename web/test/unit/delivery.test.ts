import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { deliver } from "../../src/player/delivery.ts";
import { timingFor } from "../../src/player/timing.ts";

const patient = { firstByteMs: 20_000, wholeMs: 20_000 };
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Serves one address with a real server, and returns the address. */
async function served(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("the bytes come whole, and how far they are is told", async () => {
  const content = new Uint8Array(300_000).map((_, index) => index % 251);
  const delivery = deliver(await served((_, response) => void response.end(content)), patient);
  const steps: number[] = [];
  delivery.onProgress = () => steps.push(delivery.travel.loaded);
  expect(new Uint8Array(await delivery.bytes)).toEqual(content);
  const { askedAt, firstAt, endAt, loaded, total } = delivery.travel;
  expect([loaded, total, steps.at(-1)]).toEqual([300_000, 300_000, 300_000]);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(askedAt <= firstAt && firstAt <= endAt).toBe(true);
});

test("an answer that is no success fails with its status", async () => {
  const url = await served((_, response) => void response.writeHead(503).end("later"));
  await expect(deliver(url, patient).bytes).rejects.toMatchObject({ status: 503, timedOut: false });
});

test("a box that is not there fails without a status", async () => {
  const url = await served(() => {});
  for (const end of ends.splice(0)) end();
  await expect(deliver(url, patient).bytes).rejects.toMatchObject({ status: 0, timedOut: false });
});

test("a connection that breaks in the middle fails", async () => {
  const url = await served((_, response) => {
    response.writeHead(200, { "Content-Length": "100" });
    response.write("the first bytes", () => response.destroy());
  });
  await expect(deliver(url, patient).bytes).rejects.toMatchObject({ status: 200, timedOut: false });
});

test("silence before the first byte, or before the last one, times out", async () => {
  const mute = deliver(await served(() => {}), { firstByteMs: 1, wholeMs: 20_000 });
  await expect(mute.bytes).rejects.toMatchObject({ status: 0, timedOut: true });
  const url = await served((_, response) => void response.writeHead(200).write("the first bytes"));
  const halting = deliver(url, { firstByteMs: 20_000, wholeMs: 100 });
  await expect(halting.bytes).rejects.toMatchObject({ timedOut: true });
});

test("what is given up ends at once", async () => {
  const delivery = deliver(await served(() => {}), patient);
  delivery.cancel();
  await expect(delivery.bytes).rejects.toMatchObject({ timedOut: false });
});

test("the time that bytes lay waiting says nothing of the connection", () => {
  const travel = { askedAt: 100, firstAt: 140, endAt: 400, loaded: 1, total: 1 };
  expect(timingFor(travel, 400)).toEqual({ start: 100, first: 140, end: 400 });
  expect(timingFor(travel, 900)).toEqual({ start: 600, first: 640, end: 900 });
  expect(timingFor({ ...travel, endAt: 0 }, 900)).toEqual({ start: 100, first: 140, end: 0 });
});
