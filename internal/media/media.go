// Package media tells by their names which files are films, and which subtitles lie beside which film. What is in
// a file it does not know.
package media

import (
	"path"
	"slices"
	"strings"
)

// films and subtitles are extensions; others are passed over where nobody named the file.
const (
	films = " .mp4 .m4v .mov .mkv .webm .avi .ts .m2ts .mts .mpg .mpeg .vob .wmv .asf .flv .f4v .ogv .3gp .3g2 .mxf .dv" +
		" .mp3 .m4a .m4b .aac .flac .ogg .oga .opus .wav .wma .aiff .aif .ac3 .mka "
	subtitles = " .srt .vtt .ass .ssa "
)

// IsFilm tells whether a file of that name is a video or sound file.
func IsFilm(name string) bool { return has(films, name) }

// IsSubtitles tells whether a file of that name is subtitles.
func IsSubtitles(name string) bool { return has(subtitles, name) }

func has(extensions, name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext != "" && !strings.Contains(ext, " ") && strings.Contains(extensions, " "+ext+" ")
}

// Subtitles returns those of names that belong to film, sorted: subtitles named as it is, whatever stands between that and
// their extension, as in film.srt and film.en.srt. Where another film's name fits longer they are that one's. All
// are names of files in one folder.
func Subtitles(film string, names []string) (found []string) {
	for _, name := range names {
		if IsSubtitles(name) && fits(film, name) > 0 && !slices.ContainsFunc(names, func(other string) bool {
			return IsFilm(other) && fits(other, name) > fits(film, name)
		}) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// fits returns the length of the film's stem when the subtitles' name begins with it, else 0.
func fits(film, subtitles string) int {
	stem, whole := Stem(film), Stem(subtitles)
	if stem == "" || len(whole) < len(stem) || !strings.EqualFold(whole[:len(stem)], stem) {
		return 0
	}
	if rest := whole[len(stem):]; rest != "" && !strings.ContainsAny(rest[:1], ". [(_-") {
		return 0
	}
	return len(stem)
}

// Stem is a file's name without its extension.
func Stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
