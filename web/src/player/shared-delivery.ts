import type { SegmentOrigin } from "../swarm/segment-loads.ts";
import type { Sharing } from "../swarm/sharing.ts";
import { type Delivery, DeliveryFailed, deliver, type Patience, type Travel } from "./delivery.ts";
import type { WantedSegment } from "./segment-source.ts";

/** A segment that the swarm gets; from the origin where there is no swarm after all. */
export class SharedDelivery implements Delivery {
  source: SegmentOrigin = "origin";
  travel: Travel = { askedAt: performance.now(), firstAt: 0, endAt: 0, loaded: 0, total: 0 };
  onProgress: (() => void) | null = null;
  readonly bytes: Promise<ArrayBuffer>;
  #giveUp: () => void = () => {};
  #cancelled = false;

  constructor(sharing: Promise<Sharing | null>, segment: WantedSegment, patience: Patience) {
    this.bytes = sharing.then((found) => this.#run(found, segment, patience));
    // Nobody may be waiting any more.
    this.bytes.catch(() => {});
  }

  cancel(): void {
    this.#cancelled = true;
    this.#giveUp();
  }

  #run(sharing: Sharing | null, segment: WantedSegment, patience: Patience): Promise<ArrayBuffer> {
    const { kind, rendition, timed } = segment;
    if (this.#cancelled) return Promise.reject(new DeliveryFailed(timed.url, 0, false));
    if (sharing === null) return this.#runAlone(timed.url, patience);
    return new Promise((resolve, reject) => {
      const stop = sharing.load(kind, rendition, timed, {
        onProgress: (progress) => this.#advance(progress),
        onDone: (bytes, source, progress) => {
          this.source = source;
          this.#advance(progress);
          resolve(bytes);
        },
        onFailed: (status) => reject(new DeliveryFailed(timed.url, status, false)),
      });
      this.#giveUp = () => {
        stop();
        reject(new DeliveryFailed(timed.url, 0, false));
      };
    });
  }

  #runAlone(url: string, patience: Patience): Promise<ArrayBuffer> {
    const delivery = deliver(url, patience);
    this.#giveUp = () => delivery.cancel();
    delivery.onProgress = () => this.#advance(delivery.travel);
    return delivery.bytes;
  }

  #advance(travel: Travel): void {
    this.travel = travel;
    this.onProgress?.();
  }
}
