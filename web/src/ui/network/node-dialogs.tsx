import { useSignal } from "@preact/signals";
import type { Node } from "../../api/nodes.ts";
import { ApiError, messageOf } from "../../api/request.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../dialog.tsx";
import type { Network } from "./network.ts";
import { nameOf } from "./words.ts";

export interface NodeDialogProps {
  readonly node: Node;
  readonly network: Network;
  readonly onClose: () => void;
}

/** Has the others take over what a machine keeps, once the admin has read what that means. */
export function DrainDialog({ node, network, onClose }: NodeDialogProps) {
  const problem = useSignal("");
  const busy = useSignal(false);
  const drain = async () => {
    busy.value = true;
    try {
      await network.api.drain(node.id);
      network.refresh();
      onClose();
    } catch (error) {
      problem.value = messageOf(error);
      busy.value = false;
    }
  };
  return (
    <Dialog title="Prepare to switch off" onClose={onClose}>
      <p>
        The other machines take over what <strong class="any-length">{nameOf(node)}</strong> keeps. Leave it
        on until this page says that it is safe to switch it off; everything plays meanwhile.
      </p>
      <p class="hint dialog-more">You can take that back at any time.</p>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button primary" disabled={busy.value} onClick={() => void drain()}>
          Prepare it
        </button>
      </div>
    </Dialog>
  );
}

/** Shuts a machine out for good. The box refuses while it may keep the only copy of something, unless that is given up. */
export function RemoveDialog({ node, network, onClose }: NodeDialogProps) {
  const { notices } = useApp();
  const problem = useSignal("");
  const busy = useSignal(false);
  const inUse = useSignal(false);
  const remove = async (force: boolean) => {
    busy.value = true;
    try {
      await network.api.remove(node.id, { force });
      notices.good(`${nameOf(node)} is removed.`);
      network.refresh();
      onClose();
    } catch (error) {
      inUse.value = error instanceof ApiError && error.code === "node_in_use";
      problem.value = inUse.value ? inUseWords(node) : messageOf(error);
      busy.value = false;
    }
  };
  return (
    <Dialog title={`Remove ${nameOf(node)}?`} onClose={onClose}>
      <p>{removalWords(node)}</p>
      <p class="dialog-more">To join again it needs a new invite, and begins empty.</p>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {inUse.value ? "Keep it" : "Cancel"}
        </button>
        <button
          type="button"
          class="button danger"
          disabled={busy.value}
          onClick={() => void remove(inUse.value)}
        >
          {inUse.value ? "Remove it all the same" : "Remove"}
        </button>
      </div>
    </Dialog>
  );
}

function removalWords(node: Node): string {
  if (node.state === "dead") {
    return "The others stop waiting for it, and make the missing copies from what they have. What only it has is lost.";
  }
  if (node.drain?.safe) return "Other machines have all that it kept, so nothing is lost.";
  return "The others stop asking it for anything, and copy what it had from each other.";
}

function inUseWords(node: Node): string {
  return `${nameOf(node)} is in use, and may have the only copy of something. Prepare it to switch off first; once that is safe, remove it. If you remove it all the same, what only it has is lost.`;
}
