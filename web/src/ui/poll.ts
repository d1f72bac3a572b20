import { Backoff } from "../player/backoff.ts";

/** What polling must know of the page. */
export interface PageVisibility {
  readonly hidden: boolean;
  addEventListener(type: "visibilitychange", listener: () => void): void;
  removeEventListener(type: "visibilitychange", listener: () => void): void;
}

export interface PollOptions {
  /** One look; a rejection means that the box did not answer. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** The time until the next look after a good one, in ms. */
  readonly intervalMs: () => number;
  readonly page: PageVisibility;
}

/**
 * Looks at once and then again and again, one look at a time, never in a hidden page. After a look that failed
 * the next one comes soon, then later and later. Returns how to stop.
 */
export function poll(options: PollOptions): () => void {
  const { page } = options;
  const stopped = new AbortController();
  const backoff = new Backoff(1000, 30_000);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looking = false;

  const look = async () => {
    if (looking || page.hidden || stopped.signal.aborted) return;
    looking = true;
    const wait = await lookOnce(options, stopped.signal, backoff);
    looking = false;
    clearTimeout(timer);
    if (!stopped.signal.aborted) timer = setTimeout(look, wait);
  };
  const onVisibility = () => {
    clearTimeout(timer);
    void look();
  };
  page.addEventListener("visibilitychange", onVisibility);
  void look();
  return () => {
    stopped.abort();
    clearTimeout(timer);
    page.removeEventListener("visibilitychange", onVisibility);
  };
}

/** Returns how long to wait after this look, in ms. */
async function lookOnce(options: PollOptions, signal: AbortSignal, backoff: Backoff): Promise<number> {
  try {
    await options.run(signal);
    backoff.reset();
    return options.intervalMs();
  } catch {
    return backoff.next();
  }
}
