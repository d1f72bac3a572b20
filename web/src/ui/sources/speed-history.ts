/** The time that is kept, in seconds. */
export const historySeconds = 60;

interface Sample {
  readonly at: number;
  readonly box: number;
  readonly peers: number;
}

/** Bytes a second, once as a row of the last minute with the newest last, and now. */
export interface Speeds {
  /** One value for each second; fewer before a minute has passed. */
  readonly row: readonly number[];
  readonly now: number;
  readonly box: number;
}

/** How long what is called now lasts: segments come in bursts, and a number that jumps tells nothing. */
const nowSeconds = 5;

/** Remembers how two growing numbers of bytes grew during the last minute, and how fast. Times in ms. */
export class SpeedHistory {
  #samples: Sample[] = [];

  note(box: number, peers: number, at: number): void {
    const last = this.#samples.at(-1);
    // A page that begins anew counts from nothing.
    if (last !== undefined && (box < last.box || peers < last.peers)) this.#samples = [];
    this.#samples.push({ at, box, peers });
    while ((this.#samples[1]?.at ?? at) <= at - historySeconds * 1000) this.#samples.shift();
  }

  speeds(): Speeds {
    const last = this.#samples.at(-1);
    const since = this.#samples.find(({ at }) => last !== undefined && at >= last.at - nowSeconds * 1000);
    if (last === undefined || since === undefined || since === last) return { row: [], now: 0, box: 0 };
    const box = rate(since.box, last.box, last.at - since.at);
    return { row: this.#row(last.at), now: box + rate(since.peers, last.peers, last.at - since.at), box };
  }

  /** Samples come about once a second, but a page in the background sleeps: what came then is spread over that time. */
  #row(end: number): number[] {
    const first = this.#samples[0]?.at ?? end;
    const seconds = Math.min(historySeconds, Math.round((end - first) / 1000));
    return Array.from({ length: seconds }, (_, i) => {
      const at = end - (seconds - 1 - i) * 1000;
      const after = this.#samples.findIndex((sample) => sample.at >= at - 1e-6);
      const [a, b] = [this.#samples[after - 1], this.#samples[after]];
      return a === undefined || b === undefined ? 0 : rate(a.box + a.peers, b.box + b.peers, b.at - a.at);
    });
  }
}

function rate(from: number, to: number, ms: number): number {
  return ms <= 0 ? 0 : ((to - from) * 1000) / ms;
}
