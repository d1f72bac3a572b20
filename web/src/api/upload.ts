import { DecodeError } from "./decode.ts";
import { noAnswer, problemOf } from "./request.ts";
import { readVideo, type Video } from "./video.ts";

/** Called while a file is sent, with bytes sent so far and in all. */
export type SendProgress = (sent: number, total: number) => void;

/**
 * Sends a whole file and returns its video once the box has it. A file that the library knows comes back
 * with duplicate set. Throws an ApiError, or the signal's reason when it was aborted.
 */
export function uploadFile(file: File, signal: AbortSignal, onProgress: SendProgress): Promise<Video> {
  // XMLHttpRequest, because fetch tells nothing about how much of a body was sent.
  const request = new XMLHttpRequest();
  const stop = () => request.abort();
  const answered = new Promise<Video>((resolve, reject) => {
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => settle(request, resolve, reject);
    request.onerror = () => reject(noAnswer());
    request.onabort = () => reject(signal.reason);
  });
  signal.throwIfAborted();
  signal.addEventListener("abort", stop);
  request.open("POST", `/api/v1/videos?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
  return answered.finally(() => signal.removeEventListener("abort", stop));
}

function settle(
  request: XMLHttpRequest,
  resolve: (video: Video) => void,
  reject: (reason: unknown) => void,
): void {
  if (request.status < 200 || request.status > 299) {
    reject(problemOf(request.status, request.responseText));
    return;
  }
  try {
    resolve(readVideo(JSON.parse(request.responseText)));
  } catch (error) {
    reject(
      error instanceof DecodeError ? error : new DecodeError("the answer is not JSON", { cause: error }),
    );
  }
}
