import "./styles.ts";
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { createNetworkApi, type NetworkApi } from "../../api/network-api.ts";
import { messageOf } from "../../api/request.ts";
import { WarningIcon } from "../icons.tsx";
import { StatePanel } from "../state-panel.tsx";
import { usePoll } from "../use-poll.ts";
import { Facts } from "./facts.tsx";
import { HappeningsPanel } from "./happenings-panel.tsx";
import { JoinersPanel } from "./joiners-panel.tsx";
import type { Network, NetworkView } from "./network.ts";
import { NodesSection } from "./nodes-section.tsx";
import { RepairPanel } from "./repair-panel.tsx";
import { ViewersPanel } from "./viewers-panel.tsx";
import { Warnings } from "./warnings.tsx";
import { WorkPanel } from "./work-panel.tsx";

const lookEveryMs = 3000;

/** How the machines are, what they work on, what needs attention. */
export function NetworkBody(props: { api?: NetworkApi }) {
  const api = useMemo(() => props.api ?? createNetworkApi(), []);
  const view = useSignal<NetworkView | null>(null);
  const error = useSignal<string | null>(null);
  const look = async (signal?: AbortSignal) => {
    try {
      const [status, list] = await Promise.all([api.getStatus(signal), api.listNodes(signal)]);
      view.value = { status, ...list };
      error.value = null;
    } catch (reason) {
      signal?.throwIfAborted();
      error.value = messageOf(reason);
      throw reason;
    }
  };
  usePoll(look, () => lookEveryMs, "");
  const refresh = () => void look().catch(() => {});
  return (
    <>
      <div role="status">
        {view.value !== null && error.value !== null && <p class="strip">{error.value} Trying again…</p>}
      </div>
      {view.value !== null && <Overview view={view.value} network={{ api, refresh }} />}
      {view.value === null && error.value !== null && (
        <StatePanel
          icon={<WarningIcon />}
          title="The box does not say how it is"
          action={
            <button type="button" class="button primary" onClick={refresh}>
              Try again
            </button>
          }
        >
          <p>{error.value}</p>
        </StatePanel>
      )}
    </>
  );
}

function Overview({ view, network }: { view: NetworkView; network: Network }) {
  const { status } = view;
  return (
    <>
      <Facts view={view} />
      <Warnings warnings={status.warnings} />
      <RepairPanel view={view} network={network} />
      <JoinersPanel joiners={view.joiners} network={network} />
      <NodesSection view={view} network={network} />
      <ViewersPanel viewers={status.viewers} />
      {status.ingest.length > 0 && <WorkPanel jobs={status.ingest} />}
      <HappeningsPanel api={network.api} />
    </>
  );
}
