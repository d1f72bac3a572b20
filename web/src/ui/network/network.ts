import { useSignal } from "@preact/signals";
import type { NetworkApi } from "../../api/network-api.ts";
import type { NodeList } from "../../api/nodes.ts";
import { messageOf } from "../../api/request.ts";
import type { Status } from "../../api/status.ts";
import { useApp } from "../app-context.ts";

/** What the page knows of the machines, from one look. */
export interface NetworkView extends NodeList {
  readonly status: Status;
}

/** What the parts of the page ask and tell. */
export interface Network {
  readonly api: NetworkApi;
  /** Looks again at once, after something was changed. */
  refresh(): void;
}

/** Whether something is under way, and how to begin it; what fails is told in a notice. */
export interface Deed {
  readonly busy: boolean;
  begin(act: () => Promise<void>): Promise<void>;
}

/** For buttons that change something: they act once at a time, and the page looks again then. */
export function useDeed(network: Network): Deed {
  const { notices } = useApp();
  const busy = useSignal(false);
  const begin = async (act: () => Promise<void>) => {
    if (busy.value) return;
    busy.value = true;
    try {
      await act();
      network.refresh();
    } catch (error) {
      notices.bad(messageOf(error));
    }
    busy.value = false;
  };
  return { busy: busy.value, begin };
}
