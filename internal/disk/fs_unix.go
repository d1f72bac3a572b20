//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noWait opens pipes and devices at once.
const noWait = unix.O_NONBLOCK

// isFull tells whether err is the system's way to say that there is no room.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// unlockFile releases bbolt's lock, which would outlast closing the file as long as it is mapped.
func unlockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
