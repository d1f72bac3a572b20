/** How long the box may take to say why, in ms. */
const patienceMs = 5000;

/**
 * Asks the box why it refuses an address with 503, and returns its words when machines are away that have what was asked
 * for; null for any other reason, or none. hls.js and the swarm keep only the status of an answer.
 */
export async function whichMachinesAreAway(url: string, gone: AbortSignal): Promise<string | null> {
  try {
    const signal = AbortSignal.any([gone, AbortSignal.timeout(patienceMs)]);
    const response = await fetch(url, {
      headers: { Accept: "application/json", Range: "bytes=0-0" },
      signal,
    });
    if (response.status !== 503) {
      await response.body?.cancel();
      return null;
    }
    return wordsIn(await response.json());
  } catch {
    return null;
  }
}

/** The message in an answer with the code nodes_away. */
export function wordsIn(answer: unknown): string | null {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return null;
  const { error } = answer;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return null;
  return error.code === "nodes_away" && typeof error.message === "string" ? error.message : null;
}
