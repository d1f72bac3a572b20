import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium, shoal } from "./programs.ts";

/** Says once, before any test, what is missing and how to get it. */
export function setup(): void {
  const missing = [];
  if (!existsSync(chromium)) missing.push("chromium");
  if (spawnSync("ffmpeg", ["-version"]).status !== 0) missing.push("ffmpeg");
  if (missing.length > 0) {
    throw new Error(
      `The browser tests need ${missing.join(" and ")}: sudo apt-get install -y ${missing.join(" ")}`,
    );
  }
  if (!existsSync(shoal)) {
    throw new Error(`There is no ${shoal}. Run \`make build\`, or set SHOAL_BIN to a built node.`);
  }
}
