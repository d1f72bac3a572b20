import { useEffect } from "preact/hooks";
import { loadPlayer } from "./load-player.ts";

/** Where browsers do not tell when they are idle, in ms. */
const laterMs = 1000;

/** Once it is due, loads the player while nothing else is to be done, so that a film begins as soon as it is chosen. */
export function usePlayerAhead(due: boolean): void {
  useEffect(() => {
    if (!due || savesData()) return;
    const load = () => void loadPlayer().catch(() => {});
    if ("requestIdleCallback" in window) {
      const idle = requestIdleCallback(load);
      return () => cancelIdleCallback(idle);
    }
    const timer = setTimeout(load, laterMs);
    return () => clearTimeout(timer);
  }, [due]);
}

/** Whether the viewer asked the browser to spare the connection. */
function savesData(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData ?? false;
}
