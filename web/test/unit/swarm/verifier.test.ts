import { createHash, webcrypto } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import type { HashQuestion } from "../../../src/swarm/hash-messages.ts";
import { Sha256 } from "../../../src/swarm/sha256.ts";
import { type HashWorker, Verifier, VerifierError } from "../../../src/swarm/verifier.ts";
import { randomBytes, seed, seeded } from "../random.ts";
import { FakeClock } from "./fake-clock.ts";

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A worker that answers when it is told to. */
class FakeWorker extends EventTarget implements HashWorker {
  readonly questions: HashQuestion[] = [];
  terminated = false;

  postMessage(question: HashQuestion, transfer: Transferable[]): void {
    this.questions.push(structuredClone(question, { transfer }));
  }

  terminate(): void {
    this.terminated = true;
  }

  answer(): void {
    const question = this.questions.shift();
    if (question === undefined) throw new Error("nothing was asked");
    const data = { id: question.id, hash: hashOf(new Uint8Array(question.bytes)) };
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  die(type: "error" | "messageerror" = "error"): void {
    this.dispatchEvent(new Event(type));
  }
}

let clock: FakeClock;
let workers: FakeWorker[];

beforeEach(() => {
  clock = new FakeClock();
  workers = [];
});

function verifier(subtle?: Pick<SubtleCrypto, "digest">): Verifier {
  const start = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker;
  };
  return new Verifier({ start, subtle, clock });
}

function last(): FakeWorker {
  const worker = workers.at(-1);
  if (worker === undefined) throw new Error("no worker was started");
  return worker;
}

/** Lets time go on until a promise is settled. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  while (!settled) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1);
  }
  return promise;
}

test(`SHA-256 in JavaScript is SHA-256 (seed ${seed})`, () => {
  const random = seeded(seed);
  const lengths = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 70_000];
  for (const length of lengths) {
    const bytes = randomBytes(random, length);
    const sha256 = new Sha256();
    for (let at = 0; at < length; ) {
      const next = at + 1 + Math.floor(random() * 200);
      sha256.update(bytes.subarray(at, next));
      at = next;
    }
    expect(sha256.digest()).toBe(hashOf(bytes));
  }
});

test("bytes are hashed by the worker, and stay the caller's", async () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 4);
  const hash = verifier().sha256(bytes);
  last().answer();
  expect(await hash).toBe(hashOf(Uint8Array.of(1, 2, 3)));
  expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
  expect(clock.waiting).toBe(0);
});

test("no worker is started before the first use", () => {
  verifier();
  expect(workers.length).toBe(0);
});

test("two are with the worker at a time, the others wait in order, and too many are refused", async () => {
  const made = verifier();
  const hashes = Array.from({ length: 258 }, (_, at) => made.sha256(Uint8Array.of(at, at >>> 8)));
  await expect(made.sha256(Uint8Array.of(1))).rejects.toBeInstanceOf(VerifierError);
  for (const [at, hash] of hashes.entries()) {
    expect(last().questions.length).toBeLessThanOrEqual(2);
    last().answer();
    expect(await hash).toBe(hashOf(Uint8Array.of(at, at >>> 8)));
  }
  expect(workers.length).toBe(1);
});

test.each(["error", "messageerror", "silence"])(
  "a worker that dies by %s is replaced, and nothing is lost",
  async (how) => {
    const made = verifier();
    const hashes = [1, 2, 3].map((byte) => made.sha256(Uint8Array.of(byte)));
    const first = last();
    first.answer();
    if (how === "silence") clock.advance(10_000);
    else first.die(how as "error");
    expect([first.terminated, workers.length]).toEqual([true, 2]);
    // Whatever it still says is not listened to.
    first.answer();
    last().answer();
    last().answer();
    expect(await Promise.all(hashes)).toEqual([1, 2, 3].map((byte) => hashOf(Uint8Array.of(byte))));
  },
);

test("when workers do not live the page hashes in slices", async () => {
  const made = verifier();
  const bytes = randomBytes(seeded(seed), 300_000);
  const hashes = [made.sha256(bytes), made.sha256(new Uint8Array(0))];
  for (let i = 0; i < 3; i++) last().die();
  expect(await inTime(Promise.all(hashes))).toEqual([hashOf(bytes), hashOf(new Uint8Array(0))]);
  expect(await inTime(made.sha256(Uint8Array.of(7)))).toBe(hashOf(Uint8Array.of(7)));
  expect(workers.length).toBe(3);
});

test("where workers are forbidden the browser hashes, if it can", async () => {
  const start = () => {
    throw new Error("forbidden");
  };
  const subtle = webcrypto.subtle as SubtleCrypto;
  const made = new Verifier({ start, subtle, clock });
  const bytes = Uint8Array.of(1, 2, 3).subarray(1);
  expect(await made.sha256(bytes)).toBe(hashOf(bytes));
  expect(clock.waiting).toBe(0);
});

test("closing ends the worker and rejects what waits", async () => {
  const made = verifier();
  const hashes = [1, 2, 3].map((byte) => made.sha256(Uint8Array.of(byte)));
  made.close();
  const ends = await Promise.allSettled([...hashes, made.sha256(Uint8Array.of(4))]);
  expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
  expect([last().terminated, clock.waiting]).toEqual([true, 0]);
});
