//go:build unix

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// noWait opens pipes and devices at once.
const noWait = unix.O_NONBLOCK

// unlockFile releases bbolt's lock, which would outlast closing the file as long as it is mapped.
func unlockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
