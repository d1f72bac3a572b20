package filesystem_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"testing"

	"shoal/internal/filesystem"
)

func TestAFolderCanBeSynced(t *testing.T) {
	if err := filesystem.SyncDir(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestSyncingAFolderThatIsNotThereFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is nothing to sync")
	}
	if err := filesystem.SyncDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is not there", err)
	}
}

func TestAFileSystemTellsItsSize(t *testing.T) {
	free, size, err := filesystem.Space(t.TempDir())
	if err != nil || free < 0 || size < free {
		t.Errorf("%d of %d bytes are free, %v", free, size, err)
	}
}

func TestSpaceOfNowhereIsAnError(t *testing.T) {
	if _, _, err := filesystem.Space(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error")
	}
}

func TestAnErrorOfAnotherKindIsNoFullDisk(t *testing.T) {
	if filesystem.IsFull(fs.ErrNotExist) || filesystem.IsFull(nil) {
		t.Error("taken for a full disk")
	}
}
