// The worker of verifier.ts: hashes what it is sent, one after another.

import { createSHA256 } from "hash-wasm";
import type { HashAnswer, HashQuestion } from "./hash-messages.ts";
import { Sha256 } from "./sha256.ts";

type Hasher = (bytes: Uint8Array) => string;

/** By WebAssembly, or where the browser forbids that, by JavaScript. */
async function createHasher(): Promise<Hasher> {
  try {
    const sha256 = await createSHA256();
    return (bytes) => sha256.init().update(bytes).digest("hex");
  } catch {
    return (bytes) => {
      const sha256 = new Sha256();
      sha256.update(bytes);
      return sha256.digest();
    };
  }
}

const hasher = createHasher();

self.addEventListener("message", async ({ data }: MessageEvent<HashQuestion>) => {
  const hash = (await hasher)(new Uint8Array(data.bytes));
  self.postMessage({ id: data.id, hash } satisfies HashAnswer);
});
