import {
  type FragmentLoaderConstructor,
  type FragmentLoaderContext,
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  LoadStats,
} from "hls.js";
import { type Delivery, DeliveryFailed } from "./delivery.ts";
import type { PlaybackStats, SegmentRecord } from "./playback-stats.ts";
import { renditionIn } from "./rendition.ts";
import type { WantedSegment } from "./segment-source.ts";
import { timedOf } from "./stream-sharing.ts";
import { timingFor } from "./timing.ts";

type Callbacks = LoaderCallbacks<FragmentLoaderContext>;

const kinds = { main: "video", audio: "audio", subtitle: "text" } as const;

/** Where the bytes of segments come from, as SegmentSource does it. Segment is null for what is no segment. */
export interface Source {
  get(url: string, segment: WantedSegment | null): Delivery;
}

/** Returns the loader by which hls.js gets what source has, and notes where it came from. */
export function segmentLoader(source: Source, playback: PlaybackStats): FragmentLoaderConstructor {
  return class SegmentLoader implements Loader<FragmentLoaderContext> {
    context: FragmentLoaderContext | null = null;
    readonly stats = new LoadStats();
    #delivery: Delivery | null = null;
    #callbacks: Callbacks | null = null;

    /** Called once: hls.js makes a loader for each fragment. */
    load(context: FragmentLoaderContext, _: LoaderConfiguration, callbacks: Callbacks): void {
      this.context = context;
      this.#callbacks = callbacks;
      this.stats.loading.start = performance.now();
      const segment = wantedIn(context);
      const delivery = source.get(context.url, segment);
      this.#delivery = delivery;
      delivery.onProgress = () => this.#follow(delivery);
      void this.#finish(delivery, context, segment);
    }

    abort(): void {
      this.#leave();
      if (this.context !== null) this.#callbacks?.onAbort?.(this.stats, this.context, null);
    }

    destroy(): void {
      this.#leave();
      this.#callbacks = null;
      this.context = null;
    }

    async #finish(
      delivery: Delivery,
      context: FragmentLoaderContext,
      segment: WantedSegment | null,
    ): Promise<void> {
      try {
        const data = await delivery.bytes;
        if (this.#delivery !== delivery) return;
        this.#follow(delivery);
        this.#letGo(delivery);
        if (segment !== null) playback.noteSegment(recordOf(segment, delivery));
        this.#callbacks?.onSuccess({ url: context.url, data, code: 200 }, this.stats, context, null);
      } catch (error) {
        if (this.#delivery !== delivery) return;
        this.#letGo(delivery);
        this.#fail(error, context);
      }
    }

    #fail(error: unknown, context: FragmentLoaderContext): void {
      const { status, timedOut } = error instanceof DeliveryFailed ? error : { status: 0, timedOut: false };
      if (timedOut) this.#callbacks?.onTimeout(this.stats, context, null);
      else this.#callbacks?.onError({ code: status, text: String(error) }, context, null, this.stats);
    }

    #leave(): void {
      if (this.#delivery === null) return;
      this.stats.aborted = true;
      this.#delivery.cancel();
      this.#letGo(this.#delivery);
    }

    #letGo(delivery: Delivery): void {
      delivery.onProgress = null;
      this.#delivery = null;
    }

    /** hls.js estimates the connection by these, and gives up what comes too slowly. */
    #follow({ travel }: Delivery): void {
      this.stats.loaded = travel.loaded;
      this.stats.total = travel.total;
      Object.assign(this.stats.loading, timingFor(travel, performance.now()));
    }
  };
}

/** What hls.js asks for, or null for an initialisation section. */
function wantedIn({ frag, url }: FragmentLoaderContext): WantedSegment | null {
  const timed = timedOf(frag);
  return timed === null ? null : { kind: kinds[frag.type], rendition: renditionIn(url), timed };
}

function recordOf({ kind, rendition, timed }: WantedSegment, { source }: Delivery): SegmentRecord {
  return { kind, rendition, index: timed.index, source };
}
