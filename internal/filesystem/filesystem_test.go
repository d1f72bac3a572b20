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
