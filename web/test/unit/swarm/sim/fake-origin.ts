import type { FetchEvents, OriginFetcher } from "../../../../src/swarm/origin.ts";
import type { Range } from "../../../../src/swarm/ranges.ts";
import { RateMeter } from "../../../../src/swarm/rate-meter.ts";
import type { Film } from "./film.ts";
import { Link, type Turn } from "./link.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** A node with one narrow line to all its viewers. */
export class FakeOrigin {
  readonly link: Link;
  readonly film: Film;
  readonly clock: VirtualClock;
  readonly roundTripMs: number;
  /** Answers nothing any more. */
  down = false;
  /** Bytes sent by rendition and segment. */
  readonly sent = new Map<string, number>();

  constructor(clock: VirtualClock, film: Film, bytesPerSecond: number, roundTripMs: number, turn?: Turn) {
    this.clock = clock;
    this.film = film;
    this.roundTripMs = roundTripMs;
    this.link = new Link(clock, bytesPerSecond, roundTripMs / 2, turn);
  }

  /** The origin as one viewer measures it. */
  forViewer(): OriginFetcher {
    return new ViewersOrigin(this);
  }

  /** The bytes at an address, and the segment that they belong to for the count. */
  find(url: string): { bytes: Uint8Array; name: string } | undefined {
    const [kind, a = "", b = ""] = url.split("/");
    if (kind === "chunk") {
      const bytes = this.film.chunks.get(a);
      return bytes === undefined ? undefined : { bytes, name: this.#segmentWith(bytes) };
    }
    const bytes = this.film.renditions.get(a)?.[Number(b)]?.bytes;
    return bytes === undefined ? undefined : { bytes, name: `${a}/${b}` };
  }

  count(name: string, bytes: number): void {
    this.sent.set(name, (this.sent.get(name) ?? 0) + bytes);
  }

  #segmentWith(chunk: Uint8Array): string {
    for (const [rendition, segments] of this.film.renditions) {
      for (const { index, chunks } of segments)
        if (chunks.some(({ bytes }) => bytes === chunk)) return `${rendition}/${index}`;
    }
    return "";
  }
}

class ViewersOrigin implements OriginFetcher {
  readonly #origin: FakeOrigin;
  readonly #meter = new RateMeter(1_000_000);
  #firstByte = 0.05;
  readonly restingUntil = 0;

  constructor(origin: FakeOrigin) {
    this.#origin = origin;
  }

  get rate(): number {
    return this.#meter.rate;
  }

  get firstByte(): number {
    return this.#firstByte;
  }

  get(url: string, range: Range | null, events: FetchEvents): () => void {
    const { clock, link, roundTripMs } = this.#origin;
    const askedAt = clock.now();
    let stop = () => {};
    let reading = false;
    let stopped = false;
    const finish = () => {
      stopped = true;
      if (reading) this.#meter.end(clock.now());
      reading = false;
    };
    clock.after(roundTripMs / 2, () => {
      const found = this.#origin.down ? undefined : this.#origin.find(url);
      if (stopped) return;
      if (found === undefined) {
        clock.after(roundTripMs / 2, () => {
          if (stopped) return;
          finish();
          events.onFailed(0);
        });
        return;
      }
      const bytes = range === null ? found.bytes : found.bytes.subarray(range.start, range.end);
      stop = link.send(
        bytes,
        (part) => {
          const now = clock.now();
          if (reading) this.#meter.note(part.byteLength, now);
          else {
            this.#meter.begin(now, part.byteLength);
            this.#firstByte += 0.3 * ((now - askedAt) / 1000 - this.#firstByte);
          }
          reading = true;
          this.#origin.count(found.name, part.byteLength);
          events.onBytes(part);
        },
        () => {
          finish();
          events.onDone();
        },
      );
    });
    return () => {
      finish();
      stop();
    };
  }
}
