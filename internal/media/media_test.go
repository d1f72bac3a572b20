package media_test

import (
	"slices"
	"testing"

	"shoal/internal/media"
)

func TestSubtitlesGoWithTheFilmTheyAreNamedAfter(t *testing.T) {
	names := []string{
		"film.mkv", "film.2.mkv", "film.srt", "Film.EN.SRT", "film.de.forced.vtt", "film.2.en.srt", "film.txt", "films.srt",
		"other.srt", "film [sdh].ass", ".srt", "film.2.ssa", "film.idx",
	}
	for film, want := range map[string][]string{
		"film.mkv":   {"Film.EN.SRT", "film [sdh].ass", "film.de.forced.vtt", "film.srt"},
		"film.2.mkv": {"film.2.en.srt", "film.2.ssa"},
		"none.mkv":   nil,
		".mkv":       nil,
	} {
		if got := media.Subtitles(film, names); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", film, got, want)
		}
	}
}

func TestFilmsAndSubtitlesAreKnownByTheirExtensions(t *testing.T) {
	for name, want := range map[string][2]bool{
		"a.mp4": {true, false}, "A.MKV": {true, false}, "a.SRT": {false, true}, "a": {}, "mp4": {}, "a.mp4 .mkv.txt": {}, "a. ": {}, "": {}, "a.": {},
	} {
		if got := [2]bool{media.IsFilm(name), media.IsSubtitles(name)}; got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
