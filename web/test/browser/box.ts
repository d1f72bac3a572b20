import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { shoal } from "./programs.ts";
import { until } from "./until.ts";

/** A real node on a free port, with an empty library of its own. */
export interface Box {
  /** Where the tests themselves ask. */
  readonly url: string;
  /** Where browsers go: a name that is not localhost, so that the page is no secure context. */
  readonly lanUrl: string;
  /** Makes a one-use admin link for lanUrl. */
  adminLink(): Promise<string>;
  /** Sends a file as a script would, and returns the new video's id. */
  add(name: string, content: Uint8Array): Promise<string>;
  /** Waits until a video is in one of the states. */
  waitForState(id: string, ...states: string[]): Promise<void>;
  /** Moves a video to the trash. */
  trash(id: string): Promise<void>;
  stop(): Promise<void>;
}

/** The name under which browsers find the box; see browser.ts. */
export const lanName = "box.lan";

export async function startBox(): Promise<Box> {
  const folder = await mkdtemp(path.join(tmpdir(), "shoal-browser-"));
  const node = spawn(
    shoal,
    [
      "serve",
      "--data",
      folder,
      "--http",
      "127.0.0.1:0",
      "--p2p",
      "127.0.0.1:0",
      "--no-mdns",
      "--log-format",
      "json",
    ],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, SHOAL_DATA: undefined, SHOAL_HTTP: undefined },
    },
  );
  const log = logOf(node);
  const address = await until("the node to listen", () => {
    if (node.exitCode !== null) throw new Error(`the node ended by itself:\n${log()}`);
    return addressIn(folder);
  });
  const token = (await readFile(path.join(folder, "admin.token"), "utf8")).trim();
  return box(node, folder, address, token);
}

/** The last lines that the node wrote. */
function logOf(node: ChildProcess): () => string {
  let text = "";
  node.stderr?.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-4000);
  });
  return () => text;
}

async function addressIn(folder: string): Promise<string | undefined> {
  try {
    const parsed = JSON.parse(await readFile(path.join(folder, "node.json"), "utf8"));
    return typeof parsed.http === "string" ? parsed.http : undefined;
  } catch {
    return undefined;
  }
}

function box(node: ChildProcess, folder: string, address: string, token: string): Box {
  const url = `http://${address}`;
  const lanUrl = `http://${lanName}:${new URL(url).port}`;
  const ask = async (method: string, where: string, body?: BodyInit): Promise<Record<string, unknown>> => {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(url + where, { method, headers, ...(body === undefined ? {} : { body }) });
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  };
  return {
    url,
    lanUrl,
    adminLink: async () => {
      const { link } = await ask("POST", "/api/v1/tokens", JSON.stringify({ role: "admin" }));
      return lanUrl + new URL(String(link)).pathname + new URL(String(link)).hash;
    },
    add: async (name, content) => {
      const body = new Blob([new Uint8Array(content)]);
      return String((await ask("POST", `/api/v1/videos?name=${encodeURIComponent(name)}`, body)).id);
    },
    waitForState: async (id, ...states) => {
      await until(
        `video ${id} to be ${states.join(" or ")}`,
        async () => {
          const { state } = await ask("GET", `/api/v1/videos/${id}`);
          return states.includes(String(state)) || undefined;
        },
        60_000,
      );
    },
    trash: async (id) => {
      await ask("DELETE", `/api/v1/videos/${id}`);
    },
    stop: async () => {
      const ended = node.exitCode === null ? once(node, "exit") : undefined;
      node.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
