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
	return int64(st.Bavail) * int64(st.Frsize), int64(st.Blocks) * int64(st.Frsize), nil
}

// forgetCached drops what memory holds of a file, so that the next read comes from the disk itself and
// leaves the room to what people watch. Where that cannot be had, reads are as good as any.
func forgetCached(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
