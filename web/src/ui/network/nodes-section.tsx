import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { AddIcon } from "../icons.tsx";
import { AddMachineDialog } from "./add-machine-dialog.tsx";
import type { Network, NetworkView } from "./network.ts";
import { NodeCard } from "./node-card.tsx";

/** The machines, this one first. */
export function NodesSection({ view, network }: { view: NetworkView; network: Network }) {
  const { session } = useApp();
  const adding = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const here = view.nodes.toSorted((a, b) => Number(b.self) - Number(a.self));
  const several = here.filter(({ state }) => state !== "removed").length > 1;
  return (
    <section class="nodes" aria-labelledby="nodes">
      <div class="section-head">
        <h2 id="nodes">Machines</h2>
        {session.mayChange.value && (
          <button
            ref={button}
            type="button"
            class="button"
            onClick={() => {
              adding.value = true;
            }}
          >
            <AddIcon /> Add a machine
          </button>
        )}
      </div>
      <ul class="node-list">
        {here.map((node) => (
          <NodeCard
            key={node.id}
            node={node}
            version={view.status.node.version}
            several={several}
            network={network}
          />
        ))}
      </ul>
      {adding.value && (
        <AddMachineDialog
          api={network.api}
          onClose={() => {
            adding.value = false;
            button.current?.focus();
          }}
        />
      )}
    </section>
  );
}
