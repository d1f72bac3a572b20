/** Numbers from 0 up to but not including 1 that follow from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for this run: SHOAL_SEED, or a new one; it is in the name of each test that uses it. */
export const seed = Number(process.env.SHOAL_SEED ?? Math.floor(Math.random() * 2 ** 32));

export function randomBytes(random: () => number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** A copy that is cut, longer, or has some of its bits or bytes changed. */
export function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const choice = random();
  if (choice < 0.25) return bytes.slice(0, Math.floor(random() * bytes.length));
  if (choice < 0.35)
    return Uint8Array.from([...bytes, ...randomBytes(random, 1 + Math.floor(random() * 40))]);
  const copy = bytes.slice();
  for (let i = Math.floor(random() * 4); i >= 0 && copy.length > 0; i--) {
    const at = Math.floor(random() * copy.length);
    copy[at] = random() < 0.5 ? (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8)) : random() < 0.5 ? 255 : 0;
  }
  return copy;
}
