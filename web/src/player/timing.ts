import type { Travel } from "./delivery.ts";

/** When a load began, its first byte came, and its last; in ms, 0 for what has not happened. */
export interface Timing {
  readonly start: number;
  readonly first: number;
  readonly end: number;
}

/**
 * The times of a travel as hls.js may measure the connection by them, now that it is told. What had arrived
 * before anybody wanted it is told as if it had just come: the time in between says nothing of the connection.
 */
export function timingFor({ askedAt, firstAt, endAt }: Travel, now: number): Timing {
  const idle = endAt > 0 ? Math.max(0, now - endAt) : 0;
  const moved = (time: number) => (time > 0 ? time + idle : 0);
  return { start: askedAt + idle, first: moved(firstAt), end: moved(endAt) };
}
