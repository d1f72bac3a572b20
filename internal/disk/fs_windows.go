package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// noWait is not needed: no pipe has a name in a folder there.
const noWait = 0

// isFull tells whether err is the system's way to say that there is no room.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// freeSpace returns the free bytes for this user and the size of the file system that holds path.
func freeSpace(path string) (free, size int64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	var mine, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(name, &mine, &total, &all); err != nil {
		return 0, 0, err
	}
	return int64(mine), int64(total), nil
}

// unlockFile has nothing to do: closing the file releases bbolt's lock, mapped or not.
func unlockFile(*os.File) error { return nil }

// forgetCached does nothing: Windows has no way to drop what is cached of a file.
func forgetCached(*os.File) {}
