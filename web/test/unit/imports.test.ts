import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** What each folder may import beside itself; main.ts wires and may import all. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  api: ["protocol", "tus-js-client"],
  protocol: [],
  swarm: ["protocol", "hash-wasm"],
  player: ["swarm", "@preact/signals", "hls.js", "media-chrome", "preact"],
  ui: ["api", "player", "swarm", "@preact/signals", "preact", "uqr"],
};

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

function importsIn(folder: string): Import[] {
  const files = readdirSync(path.join(source, folder), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => {
      const where = path.join(source, folder, file);
      const text = readFileSync(where, "utf8");
      return [...text.matchAll(/(?:from|import)\s*\(?"([^"\s]+)"/g)].map((match) => {
        return { file: path.join(folder, file), folder, target: resolved(where, match[1] ?? "") };
      });
    });
}

/** The folder of this client that an import leads to, or the name of a package. */
function resolved(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) {
    const parts = specifier.split("/");
    return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
  }
  const target = path.relative(source, path.resolve(path.dirname(from), specifier));
  // The text of a licence is no code.
  return target.startsWith("..") && specifier.endsWith("?raw")
    ? "licence"
    : (target.split(path.sep)[0] ?? "");
}

test.each(Object.keys(allowed))("%s imports only what it may", (folder) => {
  const found = importsIn(folder);
  expect(found.length).toBeGreaterThan(0);
  const wrong = found.filter(
    ({ target }) => target !== folder && target !== "licence" && !allowed[folder]?.includes(target),
  );
  expect(wrong).toEqual([]);
});
