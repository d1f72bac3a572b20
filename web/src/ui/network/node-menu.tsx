import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Node } from "../../api/nodes.ts";
import { MoreIcon } from "../icons.tsx";
import { useMenuKeys } from "../use-menu-keys.ts";
import { type Network, useDeed } from "./network.ts";
import { DrainDialog, RemoveDialog } from "./node-dialogs.tsx";
import { answers, nameOf } from "./words.ts";

/** What an admin can do with a machine. */
export function NodeMenu({ node, network }: { node: Node; network: Network }) {
  const open = useSignal(false);
  const dialog = useSignal<"drain" | "remove" | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const deed = useDeed(network);
  const close = () => {
    dialog.value = null;
    root.current?.querySelector("button")?.focus();
  };
  const show = (next: "drain" | "remove") => {
    open.value = false;
    dialog.value = next;
  };
  const keep = () => {
    open.value = false;
    root.current?.querySelector("button")?.focus();
    void deed.begin(() => network.api.drain(node.id, { undo: true }));
  };
  useMenuKeys(root, open.value, () => {
    open.value = false;
  });
  const mayDrain = node.drain === null && node.state !== "dead";
  if (!mayDrain && node.drain === null && node.self) return null;
  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        class="icon-button"
        aria-label={`More for ${nameOf(node)}`}
        aria-haspopup="menu"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <MoreIcon />
      </button>
      {open.value && (
        <div class="menu-list" role="menu">
          {answers(node) && !node.self && isAddress(node.url) && (
            <a role="menuitem" href={`${node.url.replace(/\/$/, "")}/network`}>
              Open its page
            </a>
          )}
          {mayDrain && (
            <button type="button" role="menuitem" onClick={() => show("drain")}>
              Prepare to switch off
            </button>
          )}
          {node.drain !== null && (
            <button type="button" role="menuitem" onClick={keep}>
              Keep using it
            </button>
          )}
          {!node.self && (
            <button type="button" role="menuitem" onClick={() => show("remove")}>
              Remove
            </button>
          )}
        </div>
      )}
      {dialog.value === "drain" && <DrainDialog node={node} network={network} onClose={close} />}
      {dialog.value === "remove" && <RemoveDialog node={node} network={network} onClose={close} />}
    </div>
  );
}

/** A machine tells its address itself, so it is not believed to be one. */
function isAddress(url: string): boolean {
  return /^https?:\/\//.test(url) && URL.canParse(url);
}
