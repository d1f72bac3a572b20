/** What the box tells a player that opens a video, in the headers of its master playlist (docs/protocol.md). */
export interface Arrival {
  readonly ticket: string;
  /** Where in the first segments to begin; 0 unless others begin at the same time. */
  readonly stripe: number;
}

/** Reads it from an answer's headers; null when they have none, as those of a box that knows no rooms. */
export function readArrival(header: (name: string) => string | null): Arrival | null {
  const ticket = header("Shoal-Viewer");
  const stripe = Number(header("Shoal-Stripe") ?? 0);
  return ticket ? { ticket, stripe: stripe > 0 && stripe < 1 ? stripe : 0 } : null;
}
