/** A film to add, and the files of subtitles that come with it. */
export interface FilmFiles {
  readonly film: File;
  readonly subtitles: readonly File[];
}

const extension = /\.(srt|vtt|ass|ssa)$/i;

/** Whether a file of this name is subtitles. */
export function isSubtitles(name: string): boolean {
  return extension.test(name);
}

/**
 * Gives each film the subtitles that are named as it is, as in film.en.srt; where two names fit, the longer one has
 * them. Those that no film has are left over.
 */
export function pairFiles(files: readonly File[]): { films: FilmFiles[]; left: File[] } {
  const films = files.filter(({ name }) => !isSubtitles(name));
  const owners = new Map(
    files.filter(({ name }) => isSubtitles(name)).map((file) => [file, ownerOf(file.name, films)]),
  );
  return {
    films: films.map((film) => ({
      film,
      subtitles: [...owners].filter(([, owner]) => owner === film).map(([file]) => file),
    })),
    left: [...owners].filter(([, owner]) => owner === undefined).map(([file]) => file),
  };
}

/** The film, or whatever has a film's name, to which a file of subtitles belongs. */
export function ownerOf<Named extends { readonly name: string }>(
  subtitles: string,
  films: readonly Named[],
): Named | undefined {
  return films
    .filter((film) => fits(film.name, subtitles))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
}

function fits(film: string, subtitles: string): boolean {
  const stem = stemOf(film).toLowerCase();
  const rest = stemOf(subtitles).toLowerCase();
  if (stem === "" || !rest.startsWith(stem)) return false;
  return rest.length === stem.length || " .[(_-".includes(rest.charAt(stem.length));
}

function stemOf(name: string): string {
  return name.replace(/\.[^.]*$/, "");
}
