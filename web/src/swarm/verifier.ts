import type { Clock } from "./clock.ts";
import type { HashAnswer, HashQuestion } from "./hash-messages.ts";
import { Sha256 } from "./sha256.ts";

/** What is with the worker at a time: one that is hashed and one that waits there, so that it never rests. */
const maxWithWorker = 2;
/** The most that wait; the bytes stay with their owner meanwhile. */
const maxWaiting = 256;
/** A worker that answers nothing for this long is dead, in ms. */
const answerWithinMs = 10_000;
/** Workers that die one after another, without having hashed anything, before none is started any more. */
const maxDeaths = 3;
/** What is hashed in one go where the page itself must do it, in bytes: some milliseconds. */
const sliceBytes = 128 << 10;

/** What a Verifier needs of a Worker. */
export interface HashWorker {
  postMessage(question: HashQuestion, transfer: Transferable[]): void;
  terminate(): void;
  addEventListener(
    type: "message" | "messageerror" | "error",
    listener: (event: Event) => void,
    options?: { readonly signal: AbortSignal },
  ): void;
}

export interface VerifierOptions {
  /** Starts the worker; may throw. */
  readonly start: () => HashWorker;
  /** What the browser hashes with where there is no worker; undefined on plain http. */
  readonly subtle: Pick<SubtleCrypto, "digest"> | undefined;
  readonly clock: Clock;
}

interface Task {
  readonly bytes: Uint8Array;
  readonly resolve: (hash: string) => void;
  readonly reject: (error: Error) => void;
}

/** Says why nothing was hashed: too much waited, or the verifier was closed. */
export class VerifierError extends Error {
  override readonly name = "VerifierError";
}

/** Starts the worker of this page. */
export function startHashWorker(): HashWorker {
  return new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module", name: "hash" });
}

/**
 * Computes SHA-256 off the main thread, in every context: in a worker by WebAssembly, else there by JavaScript; where no worker
 * lives, by crypto.subtle, else in slices on the page's own thread. The worker starts at the first use.
 */
export class Verifier {
  readonly #options: VerifierOptions;
  readonly #waiting: Task[] = [];
  readonly #sent = new Map<number, Task>();
  #worker: HashWorker | undefined;
  #listeners = new AbortController();
  #stopTimer: (() => void) | undefined;
  #deaths = 0;
  #nextId = 0;
  #alone = false;
  #hashing = false;
  #closed = false;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /**
   * Returns the hash in hexadecimal. The bytes stay the caller's, and where they are; they must not change until the hash is
   * there. Rejects with a VerifierError.
   */
  sha256(bytes: Uint8Array): Promise<string> {
    if (this.#closed || this.#waiting.length >= maxWaiting) {
      return Promise.reject(new VerifierError(this.#closed ? "closed" : `${maxWaiting} chunks wait already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    this.#stopWorker();
    const tasks = [...this.#sent.values(), ...this.#waiting.splice(0)];
    this.#sent.clear();
    for (const { reject } of tasks) reject(new VerifierError("closed"));
  }

  #next(): void {
    while (!this.#alone && this.#sent.size < maxWithWorker && this.#waiting.length > 0) this.#send();
    if (this.#alone) void this.#hashAlone();
  }

  #send(): void {
    const worker = this.#worker ?? this.#startWorker();
    const task = worker === undefined ? undefined : this.#waiting.shift();
    if (worker === undefined || task === undefined) return;
    const id = this.#nextId++;
    this.#sent.set(id, task);
    // The copy is given to the worker; the caller's bytes may be a view of what is played and passed on.
    const { buffer } = task.bytes.slice();
    worker.postMessage({ id, bytes: buffer }, [buffer]);
    this.#stopTimer ??= this.#options.clock.after(answerWithinMs, () => this.#onDeath());
  }

  #startWorker(): HashWorker | undefined {
    try {
      const worker = this.#options.start();
      this.#listeners = new AbortController();
      const { signal } = this.#listeners;
      worker.addEventListener("message", (event) => this.#onAnswer(event), { signal });
      worker.addEventListener("messageerror", () => this.#onDeath(), { signal });
      worker.addEventListener("error", () => this.#onDeath(), { signal });
      this.#worker = worker;
      return worker;
    } catch {
      // Workers are forbidden here.
      this.#alone = true;
      return undefined;
    }
  }

  #onAnswer(event: Event): void {
    const { id, hash } = (event as MessageEvent<HashAnswer>).data;
    this.#deaths = 0;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#sent.get(id)?.resolve(hash);
    this.#sent.delete(id);
    if (this.#sent.size > 0) {
      this.#stopTimer = this.#options.clock.after(answerWithinMs, () => this.#onDeath());
    }
    this.#next();
  }

  #onDeath(): void {
    this.#stopWorker();
    this.#deaths += 1;
    this.#alone = this.#deaths >= maxDeaths;
    this.#waiting.unshift(...this.#sent.values());
    this.#sent.clear();
    this.#next();
  }

  #stopWorker(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#listeners.abort();
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  async #hashAlone(): Promise<void> {
    if (this.#hashing) return;
    this.#hashing = true;
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) {
      const { bytes, resolve } = task;
      const { subtle } = this.#options;
      resolve(subtle === undefined ? await this.#hashInSlices(bytes) : await hashBy(subtle, bytes));
    }
    this.#hashing = false;
  }

  async #hashInSlices(bytes: Uint8Array): Promise<string> {
    const sha256 = new Sha256();
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      sha256.update(bytes.subarray(at, at + sliceBytes));
      await new Promise<void>((resume) => this.#options.clock.after(0, resume));
    }
    return sha256.digest();
  }
}

async function hashBy(subtle: Pick<SubtleCrypto, "digest">, bytes: Uint8Array): Promise<string> {
  const hash = await subtle.digest("SHA-256", bytes.slice());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
