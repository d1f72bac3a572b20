import "./styles.ts";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Holders } from "../../api/holders.ts";
import { createNetworkApi } from "../../api/network-api.ts";
import { messageOf } from "../../api/request.ts";
import type { Video } from "../../api/video.ts";
import { Dialog } from "../dialog.tsx";
import { formatBytes, formatCount } from "../format.ts";
import { copiesWords } from "./words.ts";

/** Tells on which machines a video lies, and what would be lost with which. */
export function CopiesDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const holders = useSignal<Holders | null>(null);
  const problem = useSignal("");
  useEffect(() => {
    const gone = new AbortController();
    const ask = async () => {
      try {
        holders.value = await createNetworkApi().getHolders(video.id, gone.signal);
      } catch (error) {
        if (!gone.signal.aborted) problem.value = messageOf(error);
      }
    };
    void ask();
    return () => gone.abort();
  }, [video.id]);
  return (
    <Dialog title="Copies" onClose={onClose}>
      <div role="status">
        {holders.value === null && problem.value === "" && <p>Asking the machines…</p>}
        {holders.value !== null && <p class="any-length">{copiesWords(holders.value)}</p>}
      </div>
      <ul class="work">
        {holders.value?.nodes.map((node) => (
          <li key={node.id}>
            <strong class="any-length">{node.name || "A machine without a name"}</strong>
            <span>{formatBytes(node.size)}</span>
          </li>
        ))}
      </ul>
      <p class="hint dialog-more">
        {formatCount(video.copies.want, "copy is", "copies are")} wanted. Missing ones are made by themselves
        while enough machines with room are on.
      </p>
      <p class="problem" role="alert">
        {problem.value}
      </p>
    </Dialog>
  );
}
