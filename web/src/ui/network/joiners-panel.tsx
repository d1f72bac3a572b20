import type { Joiner } from "../../api/nodes.ts";
import { useApp } from "../app-context.ts";
import { type Network, useDeed } from "./network.ts";

/** Machines that ask to join, for the admin to let in. */
export function JoinersPanel({ joiners, network }: { joiners: readonly Joiner[]; network: Network }) {
  const { session } = useApp();
  if (joiners.length === 0 || !session.mayChange.value) return null;
  return (
    <section class="panel" aria-labelledby="joiners">
      <h2 id="joiners">{joiners.length === 1 ? "A machine asks to join" : "Machines ask to join"}</h2>
      <p class="hint">Let in only what shows the same code, on its own screen or in its log.</p>
      <ul class="joiners">
        {joiners.map((joiner) => (
          <JoinerRow key={joiner.id} joiner={joiner} network={network} />
        ))}
      </ul>
    </section>
  );
}

function JoinerRow({ joiner, network }: { joiner: Joiner; network: Network }) {
  const { notices } = useApp();
  const deed = useDeed(network);
  const name = joiner.name || "A machine without a name";
  const approve = async () => {
    await network.api.approve(joiner.id);
    notices.good(`${name} may join now.`);
  };
  return (
    <li>
      <p class="joiner-who">
        <strong class="any-length">{name}</strong>
        {joiner.address !== "" && <span class="hint any-length">{joiner.address}</span>}
      </p>
      <code class="joiner-code">{joiner.code}</code>
      <button
        type="button"
        class="button primary"
        aria-label={`Approve ${name}`}
        disabled={deed.busy}
        onClick={() => void deed.begin(approve)}
      >
        Approve
      </button>
    </li>
  );
}
