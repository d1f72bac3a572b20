import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** Something between a viewer and the room. Times are in ms. */
export interface Line {
  readonly at: number;
  readonly viewer: string;
  readonly text: string;
}

/** What the room counted, in the words of internal/swarm. */
export interface RoomCounts {
  readonly Granted: number;
  readonly Held: number;
  readonly Ready: number;
  readonly Urgent: number;
  readonly Expired: number;
  readonly Reports: number;
}

/** The node's own room of a video in a process of its own, which does what is due up to a time and tells what came of it. */
export class RoomProcess {
  readonly #process: ChildProcess;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;
  /** In the order in which they were sent, so in the order in which they arrive. */
  #sent: Line[] = [];
  #dueAt = Number.POSITIVE_INFINITY;
  messages = 0;

  constructor(program: string, seed: number, chunks: Readonly<Record<string, number>>) {
    const list = Object.entries(chunks).map(([rendition, count]) => `${rendition}=${count}`);
    this.#process = spawn(program, ["-seed", String(seed), "-chunks", list.join(",")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (this.#process.stdout === null) throw new Error("the room has no output");
    this.#reader = createInterface({ input: this.#process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Sends something that arrives at a time. */
  send(at: number, viewer: string, text: string): void {
    this.#sent.push({ at, viewer, text });
  }

  /** Lets the room live up to a time. */
  async runTo(ms: number): Promise<Line[]> {
    const next = this.#sent[0]?.at ?? Number.POSITIVE_INFINITY;
    if (Math.min(next, this.#dueAt) > ms) return [];
    const later = this.#sent.findIndex(({ at }) => at > ms);
    const arrived = this.#sent.splice(0, later < 0 ? this.#sent.length : later);
    this.messages += arrived.filter(({ text }) => text !== "leave").length;
    const lines = arrived.map(({ at, viewer, text }) => `${microseconds(at)}\t${viewer}\t${text}\n`);
    this.#process.stdin?.write(`${lines.join("")}run ${microseconds(ms)}\n`);
    return this.#read();
  }

  async counts(): Promise<RoomCounts> {
    this.#process.stdin?.write("counts\n");
    return JSON.parse(await this.#line()) as RoomCounts;
  }

  close(): void {
    this.#reader.close();
    this.#process.stdin?.end();
  }

  async #read(): Promise<Line[]> {
    const answers: Line[] = [];
    for (;;) {
      const line = await this.#line();
      if (line.startsWith("done ")) {
        const due = Number(line.slice(5));
        this.#dueAt = due < 0 ? Number.POSITIVE_INFINITY : due / 1000;
        return answers;
      }
      const [at, viewer = "", text = ""] = line.split("\t");
      answers.push({ at: Number(at) / 1000, viewer, text });
    }
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error("the room ended before its time");
    return value;
  }
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}
