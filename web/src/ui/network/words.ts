import type { Holders } from "../../api/holders.ts";
import type { Node } from "../../api/nodes.ts";
import type { Cluster, Repair } from "../../api/status.ts";
import { formatBytes, formatCount } from "../format.ts";
import { formatMoment, formatTimeAhead } from "./times.ts";

/** A state as a word, and the colour beside it. */
export interface StateLook {
  readonly word: string;
  readonly tone: "good" | "calm" | "warn" | "bad";
}

export function nameOf(node: Node): string {
  return node.name || (node.self ? "This box" : "A machine without a name");
}

/** How a machine is. Now in ms since 1970. */
export function stateLook(node: Node, now: number): StateLook {
  switch (node.state) {
    case "alive":
      return { word: "Alive", tone: "good" };
    case "suspect":
      return { word: "Not answering", tone: "warn" };
    case "dead":
      return { word: goneWord(node, now), tone: "bad" };
    case "draining":
      return node.drain?.safe
        ? { word: "Safe to switch off", tone: "good" }
        : { word: "Preparing to switch off", tone: "warn" };
    case "removed":
      return { word: "Removed", tone: "calm" };
    default:
      return { word: node.state || "Unknown", tone: "calm" };
  }
}

function goneWord({ lastSeen }: Node, now: number): string {
  const when = formatMoment(Date.parse(lastSeen), now);
  return when === "" ? "Gone" : `Gone since ${when}`;
}

/** Whether a machine can be asked for what it keeps, as far as is known. */
export function answers({ state }: Node): boolean {
  return state === "alive" || state === "draining";
}

/** "box-1", "box-1 and box-2", "box-1, box-2 and 3 more". */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  const shown = names.length > 3 ? names.slice(0, 2) : names.slice(0, -1);
  const rest = names.slice(shown.length);
  return `${shown.join(", ")} and ${rest.length === 1 ? rest[0] : `${rest.length} more`}`;
}

/** A headline, and what stands below it. Fine is false where somebody should look. */
export interface Fact {
  readonly title: string;
  readonly text: string;
  readonly fine: boolean;
}

/** How many machines there are. */
export function machinesFact({ nodes, alive }: Cluster, free: number): Fact {
  const text = `${formatBytes(free)} free`;
  if (nodes < 2) return { title: "1 machine", text, fine: true };
  if (alive >= nodes) return { title: `${nodes} machines`, text: `all alive, ${text}`, fine: true };
  return { title: `${alive} of ${nodes} machines`, text: `alive, ${text}`, fine: false };
}

/** How many copies there are of everything; null where the box does not say how many it wants. */
export function copiesFact(cluster: Cluster, repair: Repair, nodes: readonly Node[]): Fact | null {
  const { copies } = cluster;
  if (copies === 0) return null;
  if (copies === 1) return { title: "1 copy", text: "of everything, as chosen", fine: true };
  if (repair.underCopied === 0) return { title: `${copies} copies`, text: "of everything", fine: true };
  if (cluster.nodes < 2)
    return { title: "1 copy", text: "of everything: add a machine for another", fine: true };
  const text = `of ${formatCount(repair.underCopied, "chunk")}, ${whyTooFew(cluster, repair, nodes)}`;
  return { title: "Too few copies", text, fine: false };
}

function whyTooFew({ copies }: Cluster, repair: Repair, nodes: readonly Node[]): string {
  if (repair.state === "running") return "more are being made";
  const silent = nodes.filter(isSilent).map(nameOf);
  if (silent.length > 0) return `because ${listed(silent)} ${silent.length === 1 ? "is" : "are"} not there`;
  const keepers = nodes.filter(({ state }) => state === "alive").length;
  if (keepers < copies) return `because only ${formatCount(keepers, "machine")} can keep copies`;
  return "because disks are full, or copying has not begun";
}

function isSilent({ state }: Node): boolean {
  return state === "dead" || state === "suspect";
}

/** What is being done about missing copies; null for nothing. Now in ms since 1970. */
export function repairWords(
  cluster: Cluster,
  repair: Repair,
  nodes: readonly Node[],
  now: number,
): string | null {
  switch (repair.state) {
    case "running":
      return runningWords(cluster, repair);
    case "waiting":
      return waitingWords(repair, nodes, now);
    case "held":
      return heldWords(nodes);
    default:
      return null;
  }
}

function runningWords({ copies }: Cluster, repair: Repair): string {
  if (repair.queuedChunks === 0) return "Looking for what has too few copies.";
  const what = `Copying ${formatCount(repair.queuedChunks, "chunk")} (${formatBytes(repair.bytesLeft)})`;
  const why =
    repair.underCopied > 0
      ? `so that everything has ${formatCount(copies, "copy", "copies")} again.`
      : "to the machines where they belong now.";
  return `${what} ${why} ${formatTimeAhead(repair.timeLeft)}`.trim();
}

function waitingWords({ begins }: Repair, nodes: readonly Node[], now: number): string {
  const gone = nodes.filter(isSilent).map(nameOf);
  const who = gone.length === 0 ? "A machine is" : `${listed(gone)} ${gone.length === 1 ? "is" : "are"}`;
  const [its, it, comes] = gone.length > 1 ? ["Their", "they", "come"] : ["Its", "it", "comes"];
  const when = formatMoment(Date.parse(begins), now);
  const copied = `share is copied to the others ${when === "" ? "soon" : `at ${when}`}`;
  return `${who} gone. ${its} ${copied} unless ${it} ${comes} back.`;
}

function heldWords(nodes: readonly Node[]): string {
  const here = nodes.filter(({ state }) => state !== "removed");
  const gone = here.filter(isSilent).length;
  const who = gone === 0 ? "Many machines" : `${gone} of ${here.length} machines`;
  return `${who} are gone at once, as after a power cut or when a cable is out. So nothing is copied by itself: switch them on again. If they will not come back, have copies made from what is left.`;
}

/** What would be lost with which machine. */
export function copiesWords({ nodes, chunks }: Holders): string {
  if (chunks.some((held) => held.length === 0)) {
    return "Parts of it are on no machine that answers. Switch on the machines that are off.";
  }
  const alone = new Set(chunks.flatMap((held) => (held.length === 1 ? held : [])));
  const names = nodes.filter(({ id }) => alone.has(id)).map(({ name }) => name || "a machine without a name");
  if (names.length === 0) return "It is safe when any one machine is lost.";
  if (names.length === 1) return `It would be lost with ${names[0]}.`;
  return `Parts of it would be lost with any of ${listed(names)}.`;
}
