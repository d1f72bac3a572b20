import { DecodeError } from "../protocol/decode.ts";
import { type Problem, readProblem } from "./video.ts";

/** How long the box may take to answer, in ms. */
const patienceMs = 15_000;

/** The code of an ApiError when no answer came at all. */
export const unreachable = "unreachable";

/** An answer that is no success, told for a person. Status is 0 when no answer came. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, problem: Problem, options?: ErrorOptions) {
    super(problem.message, options);
    this.status = status;
    this.code = problem.code;
  }
}

/** Returns the error for an answer with this status and text. */
export function problemOf(status: number, body: string): ApiError {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "error" in parsed) {
      return new ApiError(status, readProblem(parsed.error, "error"));
    }
  } catch {
    // A proxy's page, or nothing: the status must do.
  }
  return new ApiError(status, { code: `http_${status}`, message: wordsFor(status) });
}

/** Returns the error for a box that does not answer. */
export function noAnswer(cause?: unknown): ApiError {
  const problem = { code: unreachable, message: "The box is not answering. Is it switched on?" };
  return new ApiError(0, problem, { cause });
}

/** What any thrown value says to a person. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof DecodeError) {
    return "The box answered something unexpected. Reload the page; if that does not help, update the box.";
  }
  return "Something went wrong in this page. Reload it.";
}

function wordsFor(status: number): string {
  if (status === 401 || status === 403) return "You may not do this. Ask the admin of this box for a link.";
  if (status === 404) return "This is not here any more.";
  if (status === 413) return "The file is too large for this box.";
  if (status === 507) return "The disk of the box is full. Delete a video, or add a disk.";
  if (status >= 500) return "The box has trouble. Try again in a moment.";
  return `The box refused this (${status}).`;
}

/** A request to the API: JSON in, JSON out. Signal ends it early. */
export interface Request {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Sent as it is, in the place of a body. */
  readonly file?: Blob;
  /** How long the answer may take, in ms; 15 s when missing. */
  readonly patienceMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a request and returns the parsed answer, or null for an empty one.
 * Throws an ApiError for any failure, and the signal's reason when it was aborted.
 */
export async function send(request: Request): Promise<unknown> {
  const attempt = withPatience(request.signal, request.patienceMs ?? patienceMs);
  try {
    const response = await fetch(request.path, { ...bodyOf(request), signal: attempt.signal });
    const text = await response.text();
    if (!response.ok) throw problemOf(response.status, text);
    return parse(text);
  } catch (error) {
    request.signal?.throwIfAborted();
    if (error instanceof ApiError || error instanceof DecodeError) throw error;
    throw noAnswer(error);
  } finally {
    attempt.end();
  }
}

function bodyOf(request: Request): RequestInit {
  const method = request.method ?? "GET";
  const headers = { Accept: "application/json", ...request.headers };
  if (request.file !== undefined) {
    const typed = { ...headers, "Content-Type": "application/octet-stream" };
    return { method, headers: typed, body: request.file };
  }
  if (request.body === undefined) return { method, headers };
  const typed = { ...headers, "Content-Type": "application/json" };
  return { method, headers: typed, body: JSON.stringify(request.body) };
}

/** A signal that is aborted with outer, or when the box takes too long; end gives both up. */
function withPatience(outer: AbortSignal | undefined, ms: number): { signal: AbortSignal; end(): void } {
  const inner = new AbortController();
  const stop = () => inner.abort();
  const timer = setTimeout(stop, ms);
  if (outer?.aborted) stop();
  outer?.addEventListener("abort", stop);
  const end = () => {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
  };
  return { signal: inner.signal, end };
}

function parse(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DecodeError("the answer is not JSON", { cause: error });
  }
}
