import Hls, {
  type FragmentLoaderConstructor,
  type FragmentLoaderContext,
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
} from "hls.js";
import type { PlaybackStats, SegmentRecord } from "./playback-stats.ts";
import { renditionIn } from "./rendition.ts";

const kinds = { main: "video", audio: "audio", subtitle: "text" } as const;

/** Returns hls.js's own loader with a count of the bytes that it got, also of loads that were cut off. */
export function countingLoader(stats: PlaybackStats): FragmentLoaderConstructor {
  const Base = Hls.DefaultConfig.loader as new (config: unknown) => Loader<LoaderContext>;
  class CountingLoader extends Base {
    #counted = false;

    override load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, loaded, ...rest) => {
          this.#count();
          const segment = segmentOf(context as FragmentLoaderContext);
          if (segment !== null) stats.noteSegment(segment);
          callbacks.onSuccess(response, loaded, ...rest);
        },
      });
    }

    override abort(): void {
      this.#count();
      super.abort();
    }

    override destroy(): void {
      this.#count();
      super.destroy();
    }

    /** Counts once per load: hls.js makes a loader for each fragment. */
    #count(): void {
      if (this.#counted || this.stats === null) return;
      this.#counted = true;
      stats.noteOriginBytes(this.stats.loaded);
    }
  }
  return CountingLoader as unknown as FragmentLoaderConstructor;
}

/** What a loaded fragment is to the statistics, or null for an initialisation section. */
function segmentOf(context: FragmentLoaderContext): SegmentRecord | null {
  const { frag, url } = context;
  if (typeof frag.sn !== "number") return null;
  return { kind: kinds[frag.type], rendition: renditionIn(url), index: frag.sn, source: "origin" };
}
