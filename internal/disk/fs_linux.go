package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetCached drops what memory holds of a file, so that the next read comes from the disk itself and
// leaves the room to what people watch. Where that cannot be had, reads are as good as any.
func forgetCached(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
