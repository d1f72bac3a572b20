/** Buffers as the page knows them: FNV-1a of the bytes, and their number. */
export function fingerprint(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return `${sum >>> 0} ${bytes.length}`;
}

/** The fingerprints of every initialisation section and segment of a video, as the node itself sends them. */
export async function fingerprintsOf(node: string, video: string): Promise<ReadonlySet<string>> {
  const text = async (url: string) => (await fetch(url)).text();
  const master = `${node}/hls/${video}/master.m3u8`;
  const found = new Set<string>();
  for (const playlist of addressesIn(await text(master), master)) {
    for (const url of addressesIn(await text(playlist), playlist)) {
      found.add(fingerprint(new Uint8Array(await (await fetch(url)).arrayBuffer())));
    }
  }
  return found;
}

/** What a playlist names: in lines of their own, and as URI="…". */
function addressesIn(playlist: string, base: string): string[] {
  const named = playlist.matchAll(/^[^#\s].*$|URI="([^"]+)"/gm);
  return [...named].map(([line, uri]) => new URL(uri ?? line, base).href);
}
