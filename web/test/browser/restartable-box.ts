import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { shoal } from "./programs.ts";
import { until } from "./until.ts";

/** A real node that can be killed and started again over the same folder, on the same port. */
export class RestartableBox {
  readonly #folder: string;
  #node: ChildProcess | undefined;
  #log = "";
  /** Where it answers, such as 127.0.0.1:43210. */
  address = "127.0.0.1:0";
  token = "";

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<RestartableBox> {
    const box = new RestartableBox(await mkdtemp(path.join(tmpdir(), "shoal-restart-")));
    await box.start();
    return box;
  }

  async start(): Promise<void> {
    const flags = ["--data", this.#folder, "--http", this.address, "--log-format", "json"];
    const node = spawn(shoal, ["serve", "--p2p", "127.0.0.1:0", "--no-mdns", ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, SHOAL_DATA: undefined, SHOAL_HTTP: undefined },
    });
    this.#node = node;
    node.stderr.on("data", (text: Buffer) => {
      this.#log = (this.#log + text.toString()).slice(-4000);
    });
    await until("the node to answer", async () => {
      if (node.exitCode !== null) throw new Error(`the node ended by itself:\n${this.#log}`);
      return (await this.#findAddress(node.pid)) && (await this.#isHealthy());
    });
    this.token = (await readFile(path.join(this.#folder, "admin.token"), "utf8")).trim();
  }

  /** Ends the node as a power cut does, except that the machine goes on. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    await rm(this.#folder, { recursive: true, force: true });
  }

  async ask(method: string, where: string): Promise<Response> {
    return fetch(`http://${this.address}${where}`, { method, headers: this.headers });
  }

  get headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.token}` };
  }

  /** The address that this very process announced: an older one may have left its own. */
  async #findAddress(pid: number | undefined): Promise<true | undefined> {
    try {
      const { http, pid: announced } = JSON.parse(
        await readFile(path.join(this.#folder, "node.json"), "utf8"),
      );
      if (announced !== pid) return undefined;
      this.address = String(http);
      return true;
    } catch {
      return undefined;
    }
  }

  async #isHealthy(): Promise<true | undefined> {
    try {
      return (await fetch(`http://${this.address}/healthz`)).ok || undefined;
    } catch {
      return undefined;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const node = this.#node;
    if (node === undefined || node.exitCode !== null || node.signalCode !== null) return;
    const ended = once(node, "exit");
    node.kill(signal);
    await ended;
  }
}
