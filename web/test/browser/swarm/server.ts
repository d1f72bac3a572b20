import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { lanName } from "../box.ts";

const source = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Serves the page of the swarm's tests, under the policies that a node has. */
export interface PageServer {
  /** The page of one viewer, under a name that is not localhost. */
  address(viewer: string): string;
  /** Everything that was asked for. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export async function servePage(options: { readonly wasm: boolean } = { wasm: true }): Promise<PageServer> {
  const [files, policies] = await Promise.all([bundle(), readPolicies()]);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://box.invalid");
    asked.push(pathname);
    const isWorker = pathname.startsWith("/assets/hash-worker-");
    const body = pathname === "/" ? page(files) : files.get(pathname.slice(1));
    const strict = "default-src 'none'; script-src 'self'";
    const workers = options.wasm ? policies.worker : strict;
    response.setHeader("Content-Security-Policy", isWorker ? workers : policies.page);
    response.setHeader("Content-Type", pathname === "/" ? "text/html" : "text/javascript");
    // Browsers ask for an icon by themselves.
    response.writeHead(body === undefined ? 204 : 200).end(body ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: (viewer) => `http://${lanName}:${port}/?viewer=${viewer}`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The built files by name, from memory. */
async function bundle(): Promise<Map<string, string>> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      rolldownOptions: { input: { page: source("page.ts") } },
    },
  });
  if (!("output" in built)) throw new Error("vite built something else");
  return new Map(
    built.output.map((file) => [file.fileName, "code" in file ? file.code : String(file.source)]),
  );
}

function page(files: Map<string, string>): string {
  const script = [...files.keys()].find((name) => /^assets\/page-.*\.js$/.test(name));
  return `<!doctype html><script type="module" src="/${script}"></script>`;
}

/** The policies as the node's source has them, so that the tests run under what users get. */
async function readPolicies(): Promise<{ page: string; worker: string }> {
  const text = await readFile(source("../../../../internal/httpapi/serve.go"), "utf8");
  const policy = (name: string) => {
    const [, parts = ""] = new RegExp(`const ${name} = ((?:"[^"]*"[\\s+]*)+)`).exec(text) ?? [];
    const joined = [...parts.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join("");
    if (joined === "") throw new Error(`serve.go has no ${name}`);
    return joined;
  };
  return { page: policy("policy"), worker: policy("workerPolicy") };
}
