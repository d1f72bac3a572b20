import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const helper = fileURLToPath(new URL("../src/player/empty-track.ts", import.meta.url));
const source = "el.src = 'data:,WEBVTT';";

/**
 * Lets hls.js show subtitles under a content security policy without data: for media: the empty file that
 * its track elements name becomes a blob. The build fails when a new version of hls.js names another.
 */
export function hlsTrackSource(): Plugin {
  return {
    name: "hls-track-source",
    transform(code, id) {
      if (!/\/hls\.js\/dist\/hls\.mjs$/.test(id)) return null;
      if (!code.includes(source)) this.error(`${id} does not set the source of its tracks as it is known to`);
      const imports = `import { emptyTrackAddress } from ${JSON.stringify(helper)};\n`;
      return { code: imports + code.replaceAll(source, "el.src = emptyTrackAddress;"), map: null };
    },
  };
}
