import { useEffect } from "preact/hooks";
import { poll } from "./poll.ts";

/** Polls while the component is mounted; a changed key starts anew. */
export function usePoll(
  run: (signal: AbortSignal) => Promise<void>,
  intervalMs: () => number,
  key: string,
): void {
  useEffect(() => poll({ run, intervalMs, page: document }), [key]);
}
