import { expect, test } from "vitest";
import { isSubtitles, ownerOf, pairFiles } from "../../src/ui/subtitle-files.ts";

const named = (...names: string[]) => names.map((name) => new File(["x"], name));

test("subtitles go with the film whose name they begin with, the longest first", () => {
  const { films, left } = pairFiles(
    named("film.2.en.srt", "film.mkv", "Film.SRT", "film.2.mkv", "film [sdh].ass", "films.srt", ".srt"),
  );
  expect(films.map(({ film, subtitles }) => [film.name, ...subtitles.map(({ name }) => name)])).toEqual([
    ["film.mkv", "Film.SRT", "film [sdh].ass"],
    ["film.2.mkv", "film.2.en.srt"],
  ]);
  expect(left.map(({ name }) => name)).toEqual(["films.srt", ".srt"]);
});

test("files are known as subtitles by their extension alone", () => {
  expect(["a.srt", "a.VTT", "a.ass", "a.ssa"].every(isSubtitles)).toBe(true);
  expect(["srt", "a.srt.mp4", "a.sub", ""].some(isSubtitles)).toBe(false);
  expect(ownerOf("b.srt", named("a.mp4"))).toBeUndefined();
});
