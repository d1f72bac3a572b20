//go:build unix

package watch_test

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestPipesArePassedOver(t *testing.T) {
	b := newBench(t)
	if err := syscall.Mkfifo(filepath.Join(b.dir, "pipe.mp4"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.twice()
	b.wantFilms()
	if len(b.codes()) > 0 {
		t.Errorf("%+v", b.watcher.Status())
	}
}
