import type { Figures } from "./figures.ts";

const columns: readonly (readonly [head: string, cell: (figures: Figures) => string])[] = [
  ["viewers", ({ viewers }) => String(viewers)],
  ["hours watched", ({ hours }) => hours.toFixed(1)],
  ["saved", ({ saved }) => `${(100 * saved).toFixed(1)} %`],
  ["stalls/h", ({ stallsPerHour }) => stallsPerHour.toFixed(2)],
  ["stalled s/h", ({ stalledPerHour }) => stalledPerHour.toFixed(2)],
  ["copies mean, most", ({ copies }) => `${copies.mean.toFixed(1)}, ${copies.most.toFixed(1)}`],
  ["uploads max/mean, Jain", ({ uploads }) => `${uploads.mostByMean.toFixed(1)}, ${uploads.jain.toFixed(2)}`],
  ["twice", ({ duplicates }) => `${(100 * duplicates).toFixed(2)} %`],
  ["first frame s", ({ firstFrame }) => `${firstFrame.median.toFixed(2)}, ${firstFrame.p95.toFixed(2)}`],
  ["seek s", ({ seek }) => (seek.p95 > 0 ? `${seek.median.toFixed(2)}, ${seek.p95.toFixed(2)}` : "")],
  ["no frame", ({ never }) => String(never)],
  ["messages/s", ({ messagesPerSecond }) => messagesPerSecond.toFixed(0)],
  ["wrong", ({ wrong }) => String(wrong)],
];

/** The head of a table in Markdown. */
export function headOf(): string {
  return (
    lineOf(["scenario", ...columns.map(([head]) => head)]) + lineOf(["---", ...columns.map(() => "---")])
  );
}

/** The row of a run. */
export function rowOf(name: string, figures: Figures): string {
  return lineOf([name, ...columns.map(([, cell]) => cell(figures))]);
}

/** A text with a table, in which a row takes the place of the one with the same name, or comes to its end. */
export function withRow(text: string, row: string): string {
  const lines = text.split(/(?<=\n)/);
  const head = lines.indexOf(lineOf(["scenario", ...columns.map(([title]) => title)]));
  if (head < 0) throw new Error("the text has no table with these columns");
  let end = head;
  while (lines[end]?.startsWith("|")) end += 1;
  const name = row.slice(0, row.indexOf("|", 1) + 1);
  const at = lines.findIndex((line, i) => i > head && i < end && line.startsWith(name));
  lines.splice(at < 0 ? end : at, at < 0 ? 0 : 1, row);
  return lines.join("");
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |\n`;
}
