package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"shoal/internal/filesystem"
)

// diskSpace returns the size of the disk that dir lies on, or will lie on, and what a user may still fill, in bytes.
func diskSpace(dir string) (total, free int64, err error) {
	dir, err = existing(dir)
	if err != nil {
		return 0, 0, err
	}
	free, total, err = filesystem.Space(dir)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return total, free, nil
}

// existing is dir, or its nearest parent that is there.
func existing(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return dir, nil
		}
		dir = parent
	}
}
