//go:build darwin || freebsd

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace returns the free bytes for this user and the size of the file system that holds path.
func freeSpace(path string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

// forgetCached does nothing: these systems have no portable way to read past the cache of a file.
func forgetCached(*os.File) {}
