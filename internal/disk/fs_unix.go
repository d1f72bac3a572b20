//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noWait opens pipes and devices at once.
const noWait = unix.O_NONBLOCK

// syncDir makes the names in a folder durable. A file system that has no such thing, as some network
// ones, says EINVAL or ENOTSUP, and there is no more to be had from it.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// isFull tells whether err is the system's way to say that there is no room.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// unlockFile releases bbolt's lock, which would outlast closing the file as long as it is mapped.
func unlockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
