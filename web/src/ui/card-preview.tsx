import { useEffect, useRef } from "preact/hooks";
import { parseStoryboard, someOf, type Tile } from "../player/storyboard.ts";

const patienceMs = 300;
const shownMs = 700;
const maxPictures = 12;
/** Pixels of the canvas; its picture is scaled to the card. */
const size = { width: 480, height: 270 };

/** Shows a video's pictures one after another while it is mounted; nothing as long as they are not there. */
export function CardPreview(props: { storyboard: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const stopped = new AbortController();
    const timer = setTimeout(() => {
      if (canvas.current !== null) void play(props.storyboard, canvas.current, stopped.signal);
    }, patienceMs);
    return () => {
      clearTimeout(timer);
      stopped.abort();
    };
  }, [props.storyboard]);
  return <canvas ref={canvas} class="card-preview" width={size.width} height={size.height} hidden />;
}

async function play(storyboard: string, canvas: HTMLCanvasElement, signal: AbortSignal): Promise<void> {
  try {
    const tiles = someOf(await load(storyboard, signal), maxPictures);
    const images = new Map<string, HTMLImageElement>();
    for (let index = 0; tiles.length > 0 && !signal.aborted; index++) {
      const tile = tiles[index % tiles.length];
      if (tile === undefined) return;
      const image = images.get(tile.url) ?? (await loadImage(tile.url));
      images.set(tile.url, image);
      if (signal.aborted) return;
      draw(canvas, image, tile);
      await new Promise((resolve) => setTimeout(resolve, shownMs));
    }
  } catch {
    // A preview is no more than a nicety: the poster stays.
  }
}

async function load(storyboard: string, signal: AbortSignal): Promise<Tile[]> {
  const response = await fetch(storyboard, { signal });
  if (!response.ok) return [];
  return parseStoryboard(await response.text(), new URL(storyboard, location.origin).href);
}

async function loadImage(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** Fills the canvas as a poster fills its card: the whole of it, cut at the longer sides. */
function draw(canvas: HTMLCanvasElement, image: HTMLImageElement, tile: Tile): void {
  const scale = Math.max(size.width / tile.width, size.height / tile.height);
  const [width, height] = [size.width / scale, size.height / scale];
  const [x, y] = [tile.x + (tile.width - width) / 2, tile.y + (tile.height - height) / 2];
  canvas.getContext("2d")?.drawImage(image, x, y, width, height, 0, 0, size.width, size.height);
  canvas.hidden = false;
}
