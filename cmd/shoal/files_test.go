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
	want := []string{"odd", filepath.Join("films", "a.mp4"), filepath.Join("films", "b.MKV"), filepath.Join("films", "series", "1.webm")}
	if diff := cmp.Diff(want, got); diff != "" {
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
