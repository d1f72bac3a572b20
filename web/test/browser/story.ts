import { createServer } from "vite";

/** Serves test/story, where components have made-up facts. */
export interface Story {
  /** The address of a page; see story.tsx for what can be asked. */
  url(query: Readonly<Record<string, string | number>>): string;
  stop(): Promise<void>;
}

export async function serveStory(): Promise<Story> {
  const server = await createServer({
    configFile: new URL("../../vite.config.ts", import.meta.url).pathname,
    root: new URL("../..", import.meta.url).pathname,
    server: { host: "127.0.0.1", port: 0, hmr: false },
    logLevel: "error",
  });
  await server.listen();
  const base = server.resolvedUrls?.local[0] ?? "";
  return {
    url: (query) => {
      const asked = Object.entries(query).map(([key, value]) => [key, String(value)]);
      return `${base}test/story/index.html?${new URLSearchParams(asked)}`;
    },
    stop: () => server.close(),
  };
}
