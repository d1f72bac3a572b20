package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestADirectoryStandsForItsFilmsInOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"films/b.MKV", "films/a.mp4", "films/notes.txt", "films/mp4", "films/._a.mp4", "films/.trash/x.mp4", "films/series/1.webm", "odd",
		"films/a.srt", "films/a.de.srt", "films/.a.srt", "films/c.srt",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, "x")
	}
	got, err := filesToAdd([]string{"odd", "films"})
	if err != nil {
		t.Fatal(err)
	}
	want := []filmFile{
		{path: "odd"}, {path: filepath.Join("films", "a.mp4"), subtitles: []string{filepath.Join("films", "a.de.srt"), filepath.Join("films", "a.srt")}},
		{path: filepath.Join("films", "b.MKV")}, {path: filepath.Join("films", "series", "1.webm")},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(filmFile{})); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestADirectoryWithoutFilmsAndAMissingFileAreTrouble(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "gone.mp4")} {
		if got, err := filesToAdd([]string{path}); err == nil {
			t.Errorf("%s gave %v", path, got)
		}
	}
}

func TestSubtitlesAreAddedWithTheirFilmAndNotAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"film.mp4", "film.en.srt", "other.srt"} {
		writeFile(t, name, "x")
	}
	got, err := filesToAdd([]string{"film.en.srt", "./film.mp4"})
	if err != nil || len(got) != 1 || len(got[0].subtitles) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for _, args := range [][]string{{"other.srt"}, {"film.mp4", "other.srt"}} {
		if got, err := filesToAdd(args); err == nil {
			t.Errorf("%v gave %v", args, got)
		}
	}
}
