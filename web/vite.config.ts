import { rmSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";
import { hlsTrackSource } from "./build/hls-track-source.ts";
import { mediaChromeStyles } from "./build/media-chrome-styles.ts";

/** Removes the last build's assets; dist itself holds a committed file, so that Vite must not empty it. */
function withoutOldAssets(): Plugin {
  return {
    name: "without-old-assets",
    apply: "build",
    buildStart: () => rmSync(new URL("dist/assets", import.meta.url), { recursive: true, force: true }),
  };
}

/**
 * What the player, the client and what the client loads later share, in one file. Left alone, the bundler makes a file
 * for each set of those that share something, and the watch page would have one more to wait for.
 */
const common =
  /\/node_modules\/@?preact\/.+js$|\/src\/player\/(backoff|close-on-leaving|copy-text|duration|keys|playback-stats|stall-counter|tracks)\.ts$|\/src\/ui\/(app-context|format)\.ts$/;

export default defineConfig({
  plugins: [mediaChromeStyles(), hlsTrackSource(), withoutOldAssets()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  optimizeDeps: { exclude: ["media-chrome", "hls.js"] },
  build: {
    outDir: "dist",
    emptyOutDir: false,
    // Inlined assets would be data: URIs, and the polyfill is for browsers that cannot play here anyway.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One style sheet: the player's is small, and would be one more thing to wait for.
    cssCodeSplit: false,
    // For the node, which tells browsers ahead what a page is going to ask for.
    manifest: true,
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "common", test: common }] },
      },
    },
  },
});
