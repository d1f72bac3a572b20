/** Where something stands in the picture of peers, in pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** The most peers in the picture; the list has all. */
export const maxPeersShown = 10;

const rowHeight = 54;
const wide = 520;

/** The picture of peers: this viewer in the middle, the box above, peers on both sides. */
export interface PeerPlaces {
  readonly height: number;
  readonly self: Place;
  readonly box: Place;
  readonly peers: readonly Place[];
  /** On wide pictures names stand beside the peers, else below them. */
  readonly namesBeside: boolean;
  /** How many characters of a name there is room for. */
  readonly nameLength: number;
}

/** Places that many peers in a picture of that width: in turn to the right and to the left, each side from top to bottom. */
export function placePeers(count: number, width: number): PeerPlaces {
  const rows = Math.max(1, Math.ceil(count / 2));
  const height = Math.max(rows * rowHeight + 40, 190);
  const namesBeside = width >= wide;
  const self = { x: width / 2, y: height / 2 + 30 };
  const reach = Math.min(namesBeside ? width * 0.27 : width / 2 - 52, 260);
  const peers = Array.from({ length: count }, (_, i) => {
    const side = i % 2 === 0 ? 1 : -1;
    const onThisSide = side === 1 ? rows : Math.floor(count / 2);
    const row = Math.floor(i / 2) - (onThisSide - 1) / 2;
    // Those in the middle stand out a little further: an arc reads as "around".
    const bow = 1 - 0.22 * (rows > 1 ? ((2 * row) / (rows - 1)) ** 2 : 0);
    return { x: self.x + side * reach * (namesBeside ? bow : 1), y: height / 2 + row * rowHeight };
  });
  return {
    height,
    self,
    box: { x: width / 2, y: 34 },
    peers,
    namesBeside,
    nameLength: namesBeside ? 22 : 13,
  };
}

/** How thick the line of a rate is, in pixels; 0 for nothing. Rates in bytes a second. */
export function lineWidth(bytesPerSecond: number): number {
  if (bytesPerSecond < 1) return 0;
  // From 10 kB/s to 10 MB/s, each tenfold as much thicker.
  const step = Math.log10(bytesPerSecond / 1e4) / 3;
  return 1.5 + 6.5 * Math.min(1, Math.max(0, step));
}

/** The first characters of a name that is too long, with a sign that it goes on. */
export function shortName(name: string, length: number): string {
  const characters = [...name];
  return characters.length <= length
    ? name
    : `${characters
        .slice(0, length - 1)
        .join("")
        .trimEnd()}…`;
}
