import Hls, {
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  type PlaylistLoaderConstructor,
} from "hls.js";
import { hurried } from "./hurried.ts";

/**
 * Returns hls.js's own loader, but with growing playlists read again sooner the less is left to play. hls.js
 * waits as long as the longest possible segment; the box is often faster, and then viewers would wait for
 * nothing. `left` tells how many seconds of what is known lie ahead.
 */
export function eagerPlaylistLoader(left: () => number): PlaylistLoaderConstructor {
  const Base = Hls.DefaultConfig.loader as new (config: unknown) => Loader<LoaderContext>;
  class EagerPlaylistLoader extends Base {
    override load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, ...rest) => {
          const { data } = response;
          const text = typeof data === "string" ? hurried(data, left()) : data;
          callbacks.onSuccess({ ...response, ...(text === undefined ? {} : { data: text }) }, ...rest);
        },
      });
    }
  }
  return EagerPlaylistLoader as unknown as PlaylistLoaderConstructor;
}
