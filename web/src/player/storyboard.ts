/** A small picture of a video at a time: a rectangle, in pixels, of the image at url. Start in seconds. */
export interface Tile {
  readonly start: number;
  readonly url: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const timing = /^(?:(\d+):)?(\d\d):(\d\d\.\d{3})[ \t]+-->/;

/**
 * Reads a storyboard: WebVTT whose cues name rectangles of images, as image.jpg#xywh=0,0,160,90. Base is the
 * address it came from. Cues that are not such, or name an image of another origin, are left out.
 */
export function parseStoryboard(text: string, base: string): Tile[] {
  const blocks = text.replace(/\r\n?/g, "\n").split(/\n{2,}/);
  return blocks.flatMap((block) => {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => timing.test(line));
    const start = timeIn(lines[at] ?? "");
    return at < 0 ? [] : tileIn(lines[at + 1] ?? "", start, base);
  });
}

function timeIn(line: string): number {
  const [, hours = "0", minutes = "0", seconds = "0"] = timing.exec(line) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function tileIn(line: string, start: number, base: string): Tile[] {
  const match = /^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(line.trim());
  if (match === null) return [];
  const [x = 0, y = 0, width = 0, height = 0] = match.slice(2).map(Number);
  const url = addressOf(match[1] ?? "", base);
  if (url === null || url.origin !== new URL(base).origin || width === 0 || height === 0) return [];
  return [{ start, url: url.href, x, y, width, height }];
}

/** At most count tiles, evenly over the whole video. */
export function someOf(tiles: readonly Tile[], count: number): Tile[] {
  if (tiles.length <= count) return [...tiles];
  return Array.from({ length: count }, (_, index) => {
    return tiles[Math.floor(((index + 0.5) * tiles.length) / count)];
  }).flatMap((tile) => tile ?? []);
}

function addressOf(name: string, base: string): URL | null {
  try {
    return new URL(name, base);
  } catch {
    return null;
  }
}
