/** The shortest time between two looks at a playlist that grows, in seconds. */
const shortest = 2;

/** A media playlist as it is, or when it still grows with a target duration that fits what is left. */
export function hurried(playlist: string, left: number): string {
  if (playlist.includes("#EXT-X-ENDLIST")) return playlist;
  return playlist.replace(/^#EXT-X-TARGETDURATION:(\d+)/m, (_, target: string) => {
    const wanted = Math.max(shortest, Math.round(left / 3));
    return `#EXT-X-TARGETDURATION:${Math.min(Number(target), wanted)}`;
  });
}
