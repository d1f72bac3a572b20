/** The rendition's id in a segment's address, /hls/{video}/{rendition}/{file}. */
export function renditionIn(url: string): string {
  return new URL(url, "http://box.invalid").pathname.split("/")[3] ?? "";
}
