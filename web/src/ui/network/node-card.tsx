import type { Drain, Node } from "../../api/nodes.ts";
import { useApp } from "../app-context.ts";
import { formatAgo, formatBytes, formatPercent } from "../format.ts";
import { CheckIcon } from "../icons.tsx";
import { Bar } from "./bar.tsx";
import { type Network, useDeed } from "./network.ts";
import { NodeMenu } from "./node-menu.tsx";
import { formatTimeAhead } from "./times.ts";
import { answers, nameOf, stateLook } from "./words.ts";

export interface NodeCardProps {
  readonly node: Node;
  /** What this box runs; only another version is worth a word. */
  readonly version: string;
  /** Whether there are others that could take over what it keeps. */
  readonly several: boolean;
  readonly network: Network;
}

/** One machine: how it is, and how full. */
export function NodeCard({ node, version, several, network }: NodeCardProps) {
  const { session } = useApp();
  const look = stateLook(node, Date.now());
  const hasMenu = several && session.mayChange.value && node.state !== "removed";
  return (
    <li class={answers(node) ? "panel node" : "panel node node-away"}>
      <div class="node-head">
        <h3 class="any-length">{nameOf(node)}</h3>
        {hasMenu && <NodeMenu node={node} network={network} />}
      </div>
      <p class="node-marks">
        <span class={`pill ${look.tone}`}>{look.word}</span>
        {node.self && <span class="node-mark">This box</span>}
        {node.zone !== "" && <span class="node-mark any-length">Zone {node.zone}</span>}
      </p>
      {node.state !== "removed" && <Disk node={node} />}
      <NodeNotes node={node} version={version} />
      {node.drain !== null && node.state !== "removed" && (
        <Draining node={node} drain={node.drain} network={network} />
      )}
    </li>
  );
}

/** How full it is, of what it may use: its disk also holds what is not ours. */
function Disk({ node }: { node: Node }) {
  const room = node.used + node.free;
  const part = room > 0 ? node.used / room : 0;
  return (
    <>
      <div class="meter" aria-hidden="true">
        <span class="meter-fill" style={{ inlineSize: `${part * 100}%` }} />
      </div>
      <p class="node-room">
        <span>{formatBytes(node.used)} used</span>
        <span>{formatBytes(node.free)} free</span>
      </p>
    </>
  );
}

function NodeNotes({ node, version }: { node: Node; version: string }) {
  const notes = notesOf(node, version);
  if (notes.length === 0) return null;
  return <p class="node-notes any-length">{notes.join(" · ")}</p>;
}

function notesOf(node: Node, version: string): string[] {
  const notes = [];
  const seen = answers(node) ? "" : formatAgo(seenAt(node), Date.now());
  if (seen !== "") notes.push(`Last seen ${seen}`);
  if (node.self || (node.version !== "" && node.version !== version)) {
    notes.push(`Version ${node.version || "unknown"}`);
  }
  if (node.capacity > 0) notes.push(`Shoal may use ${formatBytes(node.capacity)}`);
  return notes;
}

/** Go's zero time, in the year 1, is no time. */
function seenAt({ lastSeen }: Node): number {
  const at = Date.parse(lastSeen);
  return at > 0 ? at : Number.NaN;
}

function Draining({ node, drain, network }: { node: Node; drain: Drain; network: Network }) {
  const { session } = useApp();
  const deed = useDeed(network);
  return (
    <div class="node-drain">
      {drain.safe ? (
        <p class="node-safe">
          <CheckIcon /> Other machines have all that it kept. You can switch it off.
        </p>
      ) : (
        <>
          <p>{drainWords(node, drain)}</p>
          <Bar label={`Taken over from ${nameOf(node)}`} part={drain.progress} />
        </>
      )}
      {session.mayChange.value && (
        <button
          type="button"
          class="button"
          aria-label={`Keep using it: ${nameOf(node)}`}
          disabled={deed.busy}
          onClick={() => void deed.begin(() => network.api.drain(node.id, { undo: true }))}
        >
          Keep using it
        </button>
      )}
    </div>
  );
}

/** How far the others are: "Do not switch it off yet: 43 % is taken over, 12 GB to go. About 5 minutes left." */
export function drainWords(node: Node, { progress, bytesLeft, timeLeft }: Drain): string {
  if (!answers(node)) return "It is not answering, so the others copy from each other what it keeps.";
  const words = `Do not switch it off yet: ${formatPercent(progress)} is taken over`;
  const left = bytesLeft > 0 ? `, ${formatBytes(bytesLeft)} to go.` : ".";
  return `${words}${left} ${formatTimeAhead(timeLeft)}`.trim();
}
