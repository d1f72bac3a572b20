import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Cache } from "../../../src/swarm/cache.ts";
import { Checks } from "../../../src/swarm/checks.ts";

const right = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
const sha256 = createHash("sha256").update(right).digest("hex");
const chunk = { place: { rendition: "v0", ordinal: 4 }, segment: 2, size: 1000, sha256, offset: 0 };

function setUp(verify = async (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")) {
  const told: string[] = [];
  const cache = new Cache({ limit: 10_000, behind: 0.2, onDropped: () => {}, onRead: () => {} });
  const checks = new Checks(
    { cache, verify },
    {
      onChecked: () => told.push("checked"),
      onMismatch: (_, from) => told.push(`mismatch ${from.join("+")}`),
      onLiar: (peer) => told.push(`liar ${peer}`),
      onCleared: (peer) => told.push(`cleared ${peer}`),
    },
  );
  return { cache, checks, told };
}

function fill(
  cache: Cache,
  from: string | null,
  parts: readonly (readonly [number, Uint8Array, string | null])[],
) {
  const entry = cache.open(chunk, 8, true);
  if (entry === undefined) throw new Error("the cache refused");
  for (const [offset, bytes, sender] of parts) entry.write(offset, bytes, sender, 0);
  entry.write(0, right, from, 0);
  return entry;
}

test("a chunk that matches may be announced", async () => {
  const { cache, checks, told } = setUp();
  const entry = fill(cache, "a", []);
  expect(entry.isPlayable).toBe(false);
  await checks.check(entry);
  expect(told).toEqual(["checked"]);
  expect(entry.isPlayable).toBe(true);
});

test("of two who sent a chunk that does not match, the one that lied is found by the right bytes", async () => {
  const { cache, checks, told } = setUp();
  const wrong = right.slice(0, 400);
  wrong[7] = 0xff;
  await checks.check(fill(cache, "b", [[0, wrong, "a"]]));
  expect(told).toEqual(["mismatch a+b"]);
  expect(cache.get(chunk.place)).toBeUndefined();
  await checks.check(fill(cache, null, []));
  expect(told.slice(1).sort()).toEqual(["checked", "cleared b", "liar a"]);
});

test("a chunk of the origin that does not match accuses nobody", async () => {
  const { cache, checks, told } = setUp();
  const wrong = right.slice();
  wrong[0] = 9;
  await checks.check(fill(cache, null, [[0, wrong, null]]));
  expect(told).toEqual(["mismatch "]);
});

test("what cannot be checked is not used", async () => {
  const { cache, checks, told } = setUp(() => Promise.reject(new Error("the worker is gone")));
  await checks.check(fill(cache, "a", []));
  expect(told).toEqual(["mismatch a"]);
});
