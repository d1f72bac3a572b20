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
import type { SegmentSource } from "./segment-source.ts";
import { timingFor } from "./timing.ts";

type Callbacks = LoaderCallbacks<FragmentLoaderContext>;

const kinds = { main: "video", audio: "audio", subtitle: "text" } as const;

/** Returns the loader by which hls.js gets what source has, and counts what came. */
export function segmentLoader(source: SegmentSource, playback: PlaybackStats): FragmentLoaderConstructor {
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
      const delivery = source.get(context.url);
      this.#delivery = delivery;
      delivery.onProgress = () => this.#follow(delivery);
      void this.#finish(delivery, context);
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

    async #finish(delivery: Delivery, context: FragmentLoaderContext): Promise<void> {
      try {
        const data = await delivery.bytes;
        if (this.#delivery !== delivery) return;
        this.#follow(delivery);
        this.#count();
        const segment = segmentOf(context);
        if (segment !== null) playback.noteSegment(segment);
        this.#callbacks?.onSuccess({ url: context.url, data, code: 200 }, this.stats, context, null);
      } catch (error) {
        if (this.#delivery !== delivery) return;
        this.#count();
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
      this.#count();
    }

    /** Counts the bytes of a delivery, once, and lets go of it. */
    #count(): void {
      if (this.#delivery === null) return;
      playback.noteOriginBytes(this.#delivery.travel.loaded);
      this.#delivery.onProgress = null;
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

/** What a loaded fragment is to the statistics, or null for an initialisation section. */
function segmentOf({ frag, url }: FragmentLoaderContext): SegmentRecord | null {
  if (typeof frag.sn !== "number") return null;
  return { kind: kinds[frag.type], rendition: renditionIn(url), index: frag.sn, source: "origin" };
}
