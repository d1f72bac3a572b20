import { useRef } from "preact/hooks";
import type { Repair } from "../../api/status.ts";
import { useApp } from "../app-context.ts";
import { Bar } from "./bar.tsx";
import { type Network, type NetworkView, useDeed } from "./network.ts";
import { repairWords } from "./words.ts";

/** What is being done about missing copies; nothing while nothing is. */
export function RepairPanel({ view, network }: { view: NetworkView; network: Network }) {
  const { session } = useApp();
  const deed = useDeed(network);
  const { cluster, repair } = view.status;
  const part = useCopiedPart(repair);
  const words = repairWords(cluster, repair, view.nodes, Date.now());
  if (words === null) return null;
  const stands = repair.state === "held" || repair.state === "waiting";
  return (
    <section
      class={repair.state === "held" ? "panel warnings repair" : "panel repair"}
      aria-labelledby="repair"
    >
      <h2 id="repair">{stands ? "Copies are missing" : "Making copies"}</h2>
      <p class="any-length">{words}</p>
      {repair.state === "running" && repair.queuedChunks > 0 && <Bar label="Copied" part={part} />}
      {stands && session.mayChange.value && (
        <button
          type="button"
          class={repair.state === "held" ? "button primary" : "button"}
          disabled={deed.busy}
          onClick={() => void deed.begin(() => network.api.repairNow())}
        >
          Copy now
        </button>
      )}
    </section>
  );
}

/** The box says what is left only, so the part is that of the most that was left since the page came. */
function useCopiedPart({ state, bytesLeft }: Repair): number {
  const most = useRef(0);
  most.current = state === "running" ? Math.max(most.current, bytesLeft) : 0;
  return most.current === 0 ? 0 : 1 - bytesLeft / most.current;
}
