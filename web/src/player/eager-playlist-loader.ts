import Hls, {
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  type PlaylistLoaderConstructor,
} from "hls.js";
import type { Delivery } from "./delivery.ts";
import type { HeadStart } from "./head-start.ts";
import { hurried } from "./hurried.ts";
import { timingFor } from "./timing.ts";

type Callbacks = LoaderCallbacks<LoaderContext>;

/**
 * Returns hls.js's own loader, but what the head start has is taken over from there, and growing playlists are read
 * again sooner the less is left to play. hls.js waits as long as the longest possible segment; the box is often
 * faster, and then viewers would wait for nothing. `left` tells how many seconds of what is known lie ahead.
 */
export function eagerPlaylistLoader(headStart: HeadStart, left: () => number): PlaylistLoaderConstructor {
  const Base = Hls.DefaultConfig.loader as new (config: unknown) => Loader<LoaderContext>;
  class EagerPlaylistLoader extends Base {
    #taken: Delivery | null = null;

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
      taken: Delivery,
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
      callbacks.onSuccess({ url: context.url, data, code: 200 }, this.stats, context, null);
    }
  }

  function inAHurry(callbacks: Callbacks): Callbacks {
    return {
      ...callbacks,
      onSuccess: (response, ...rest) => {
        const { data } = response;
        const text = typeof data === "string" ? hurried(data, left()) : data;
        callbacks.onSuccess({ ...response, ...(text === undefined ? {} : { data: text }) }, ...rest);
      },
    };
  }
  return EagerPlaylistLoader as unknown as PlaylistLoaderConstructor;
}
