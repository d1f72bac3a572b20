import { DecodeError } from "../protocol/decode.ts";
import { ApiError, send } from "./request.ts";
import type { SendWatch, Sent } from "./resumable.ts";
import { fingerprintOf, UploadPlaces } from "./upload-places.ts";
import { readVideo, type Video } from "./video.ts";

export type { SendWatch } from "./resumable.ts";

/** How often the box is asked for the video that it just named, and how long to wait in between, in ms. */
const looks = 10;
const lookEveryMs = 2000;

const places = new UploadPlaces(browserStorage(), Date.now);

/**
 * Sends a whole file and returns its video once the box has it. It goes on where an earlier attempt ended. A
 * file that the library knows comes back with duplicate set. When the signal is aborted the box throws away
 * what it has, unless the reason is an UploadPaused. Throws an ApiError, or the signal's reason.
 */
export async function uploadFile(file: File, signal: AbortSignal, watch: SendWatch): Promise<Video> {
  const print = fingerprintOf(file);
  // Most who open the page add nothing.
  const { sendResumable } = await import("./resumable.ts");
  const sent = await sendResumable({
    body: file,
    name: file.name,
    size: file.size,
    endpoint: new URL("/api/v1/uploads", location.href).href,
    place: places.find(print),
    signal,
    watch,
    onPlace: (url) => (url === null ? places.forget(print) : places.keep(print, url)),
  });
  const video = await look(sent, signal);
  places.forget(print);
  return video;
}

/** Has the box throw away what it has of a file that is not being sent just now. Throws an ApiError. */
export async function abandonUpload(file: File): Promise<void> {
  const print = fingerprintOf(file);
  const place = places.find(print);
  if (place === null) return;
  await send({ method: "DELETE", path: place, headers: { "Tus-Resumable": "1.0.0" } }).catch((error) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
  places.forget(print);
}

/** Asks for the video that a file became; the box may be away for a moment just now. */
async function look(sent: Sent, signal: AbortSignal): Promise<Video> {
  for (let left = looks; ; left--) {
    try {
      const answer = await send({ path: `/api/v1/videos/${encodeURIComponent(sent.video)}`, signal });
      if (typeof answer !== "object") throw new DecodeError("video is not an object");
      return readVideo({ ...answer, duplicate: sent.duplicate });
    } catch (error) {
      const away = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      if (!away || left === 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** The browser's storage, null where the page may not use it. */
function browserStorage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
