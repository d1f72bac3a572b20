import Hls, {
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  type PlaylistLoaderConstructor,
} from "hls.js";
import { type Arrival, readArrival } from "./arrival.ts";
import type { Answer } from "./delivery.ts";
import type { HeadStart } from "./head-start.ts";
import { hurried } from "./hurried.ts";
import { timingFor } from "./timing.ts";

type Callbacks = LoaderCallbacks<LoaderContext>;

/** What reading playlists has to do with. */
export interface PlaylistReader {
  /** How many seconds of what is known lie ahead. */
  left(): number;
  /** The master playlist came, and with it what the box tells a viewer; null when that is nothing. */
  onArrival(arrival: Arrival | null): void;
}

/**
 * Returns hls.js's own loader, but what the head start has is taken over from there, and growing playlists are read
 * again sooner the less is left to play. hls.js waits as long as the longest possible segment; the box is often
 * faster, and then viewers would wait for nothing.
 */
export function eagerPlaylistLoader(headStart: HeadStart, reader: PlaylistReader): PlaylistLoaderConstructor {
  const Base = Hls.DefaultConfig.loader as new (config: unknown) => Loader<LoaderContext>;
  class EagerPlaylistLoader extends Base {
    #taken: Answer | null = null;

    override load(context: LoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
      const eager = inAHurry(callbacks);
      this.#taken = headStart.take(context.url);
      if (this.#taken === null) super.load(context, config, eager);
      else void this.#takeOver(this.#taken, context, config, eager);
    }

    override abort(): void {
      this.#taken = null;
      super.abort();
    }

    override destroy(): void {
      this.#taken = null;
      super.destroy();
    }

    /** The head start's bytes, or an ordinary load when it failed. */
    async #takeOver(
      taken: Answer,
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: Callbacks,
    ): Promise<void> {
      this.context = context;
      const bytes = await taken.bytes.catch(() => null);
      if (this.#taken !== taken) return;
      this.#taken = null;
      if (bytes === null) {
        super.load(context, config, callbacks);
        return;
      }
      Object.assign(this.stats.loading, timingFor(taken.travel, performance.now()));
      this.stats.loaded = this.stats.total = bytes.byteLength;
      const data = new TextDecoder().decode(bytes);
      tellArrival(context, (name) => taken.header(name));
      callbacks.onSuccess({ url: context.url, data, code: 200 }, this.stats, context, null);
    }
  }

  function tellArrival({ type }: LoaderContext, header: (name: string) => string | null): void {
    if (type === "manifest") reader.onArrival(readArrival(header));
  }

  function inAHurry(callbacks: Callbacks): Callbacks {
    return {
      ...callbacks,
      onSuccess: (response, stats, context, details) => {
        if (details instanceof XMLHttpRequest)
          tellArrival(context, (name) => details.getResponseHeader(name));
        const { data } = response;
        const text = typeof data === "string" ? hurried(data, reader.left()) : data;
        callbacks.onSuccess(
          { ...response, ...(text === undefined ? {} : { data: text }) },
          stats,
          context,
          details,
        );
      },
    };
  }
  return EagerPlaylistLoader as unknown as PlaylistLoaderConstructor;
}
