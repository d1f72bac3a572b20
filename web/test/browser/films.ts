import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** Films that ffmpeg makes for one test file, in a folder that goes with it. */
export interface Films {
  /** H.264 and AAC, which a box keeps as they are. */
  readonly kept: string;
  /** MPEG-4 part 2 and MP3 in AVI, which a box must re-encode. */
  readonly reencoded: string;
  /** H.264 with an English and a German sound track. */
  readonly bilingual: string;
  /** AAC alone. */
  readonly sound: string;
  remove(): Promise<void>;
}

export const keptSeconds = 24;

/** Test pictures that move all the time, with a tone. */
function source(seconds: number, size: string): string[] {
  const picture = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=25:duration=${seconds}`];
  return [...picture, "-f", "lavfi", "-i", `sine=frequency=440:duration=${seconds}`];
}

const h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac"];
const mpeg4 = ["-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame"];

export async function makeFilms(): Promise<Films> {
  const { make, remove } = await startStudio();
  return {
    kept: make("Summer on the lake.mp4", ...source(keptSeconds, "640x360"), ...h264),
    reencoded: make("Old tape.avi", ...source(20, "480x360"), ...mpeg4),
    bilingual: make(
      "Two voices.mp4",
      ...source(12, "320x180"),
      ...["-f", "lavfi", "-i", "sine=frequency=880:duration=12", "-map", "0:v", "-map", "1:a", "-map", "2:a"],
      ...["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"],
      ...h264,
    ),
    sound: make("Morning talk.m4a", "-f", "lavfi", "-i", "sine=frequency=330:duration=15", "-c:a", "aac"),
    remove,
  };
}

/** One film that a box keeps as it is, longer than a player asks for at once. */
export async function makeLongFilm(seconds: number): Promise<{ file: string; remove(): Promise<void> }> {
  const { make, remove } = await startStudio();
  return { file: make("Long walk.mp4", ...source(seconds, "320x180"), ...h264), remove };
}

/** A film that a box must re-encode, large enough that it takes a while. */
export async function makeSlowFilm(seconds: number): Promise<{ file: string; remove(): Promise<void> }> {
  const { make, remove } = await startStudio();
  return { file: make("Old reel.avi", ...source(seconds, "1280x720"), ...mpeg4), remove };
}

/** A folder of its own, and ffmpeg that makes files in it. */
async function startStudio() {
  const folder = await mkdtemp(path.join(tmpdir(), "shoal-films-"));
  return {
    make: (name: string, ...args: string[]): string => {
      const file = path.join(folder, name);
      const run = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args, file], { encoding: "utf8" });
      if (run.status !== 0) throw new Error(`ffmpeg could not make ${name}: ${run.stderr}`);
      return file;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
