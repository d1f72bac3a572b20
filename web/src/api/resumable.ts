import { type DetailedError, Upload } from "tus-js-client";
import { DecodeError } from "../protocol/decode.ts";
import { ApiError, noAnswer, problemOf } from "./request.ts";
import { UploadPaused } from "./upload-paused.ts";

/** How much travels in one request: what arrived of it is lost when the box is switched off. */
const pieceBytes = 16 * 1024 * 1024;
/** Without a byte for so long a connection is taken for dead, as after a sleep; in ms. */
const silenceMs = 60_000;
/** When to try again, in ms: about ten minutes without a byte in between. */
const retryDelays = [200, 1000, 2000, 4000, 8000, ...Array<number>(40).fill(15_000)];
/** The box may forget an upload; a file is not begun anew for ever. */
const maxBeginnings = 3;

/** Is told how a file travels. */
export interface SendWatch {
  /** Bytes sent so far and in all. */
  onProgress(sent: number, total: number): void;
  /** The box has so many bytes from before. */
  onResume(sent: number): void;
  /** The connection broke, and is tried again. */
  onBreak(): void;
}

/** A file to send. Place is where it goes on, null to begin. */
export interface Sending {
  readonly body: ConstructorParameters<typeof Upload>[0];
  readonly name: string;
  readonly size: number;
  readonly endpoint: string;
  readonly headers?: Record<string, string>;
  readonly place: string | null;
  readonly signal: AbortSignal;
  readonly watch: SendWatch;
  /** Called with the place where the upload goes on, null when there is none any more. */
  onPlace(url: string | null): void;
}

/** The video that a file became, and whether the library had it before. */
export interface Sent {
  readonly video: string;
  readonly duplicate: boolean;
}

/**
 * Sends a file piece by piece, over broken connections and restarts of the box. When the signal is aborted the
 * box throws away what it has, unless the reason is an UploadPaused. Throws an ApiError, or the signal's reason.
 */
export async function sendResumable(sending: Sending): Promise<Sent> {
  let { place } = sending;
  for (let beginning = 1; ; beginning++) {
    try {
      return await attempt(sending, place);
    } catch (error) {
      const forgotten = error instanceof ApiError && (error.status === 404 || error.status === 410);
      if (!forgotten || beginning === maxBeginnings) throw error;
      place = null;
      sending.onPlace(null);
    }
  }
}

function attempt(sending: Sending, place: string | null): Promise<Sent> {
  const { watch, signal } = sending;
  signal.throwIfAborted();
  let resumed = place !== null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const { promise, resolve, reject } = withResolvers<Sent>();
  const upload = new Upload(sending.body, {
    endpoint: place === null ? sending.endpoint : null,
    uploadUrl: place,
    uploadSize: sending.size,
    metadata: { filename: sending.name },
    headers: sending.headers ?? {},
    chunkSize: pieceBytes,
    retryDelays,
    storeFingerprintForResuming: false,
    onUploadUrlAvailable: () => {
      // Else the client would begin anew whenever it does not get an answer at the old place.
      upload.options.endpoint = null;
      if (signal.aborted) void end();
      else if (upload.url !== null) sending.onPlace(upload.url);
    },
    onProgress: (sent, total) => {
      if (signal.aborted) return;
      listen();
      if (resumed && sent > 0) watch.onResume(sent);
      resumed = false;
      watch.onProgress(sent, total ?? sending.size);
    },
    onShouldRetry: (error) => {
      const again = !signal.aborted && mayHelp(error);
      if (again) watch.onBreak();
      return again;
    },
    onSuccess: ({ lastResponse }) => {
      const video = lastResponse.getHeader("Shoal-Video") ?? "";
      const duplicate = lastResponse.getHeader("Shoal-Duplicate") === "true";
      if (video === "") reject(new DecodeError("the last answer names no video"));
      else resolve({ video, duplicate });
    },
    onError: (error) => reject(apiErrorOf(error)),
  });

  function listen(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      watch.onBreak();
      listen();
      void upload.abort().then(() => upload.start());
    }, silenceMs);
  }
  /** Gives the upload up, there too unless it is to go on later. */
  async function end(): Promise<void> {
    try {
      await upload.abort(!(signal.reason instanceof UploadPaused));
    } catch {
      // Then the box throws it away by itself, in a day.
    }
  }
  function stop(): void {
    // While the place is not known, what is begun can only be ended when it is.
    if (upload.url !== null) void end();
    if (!(signal.reason instanceof UploadPaused)) sending.onPlace(null);
    reject(signal.reason);
  }

  signal.addEventListener("abort", stop);
  listen();
  upload.start();
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}

function apiErrorOf(error: Error | DetailedError): ApiError | Error {
  if (!("originalRequest" in error)) return error;
  const response = error.originalResponse;
  return response === null || response.getStatus() === 0
    ? noAnswer(error)
    : problemOf(response.getStatus(), response.getBody());
}

/** Whether to send again what failed in this way may help, soon and without anybody's doing. */
function mayHelp(error: DetailedError): boolean {
  const problem = apiErrorOf(error);
  if (!(problem instanceof ApiError) || problem.code === "no_ffmpeg") return false;
  return [0, 408, 409, 423, 429, 500, 502, 503, 504].includes(problem.status);
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
