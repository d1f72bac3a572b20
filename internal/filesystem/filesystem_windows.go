package filesystem

import (
	"errors"

	"golang.org/x/sys/windows"
)

// SyncDir does nothing: Windows has no fsync of a folder, so a name may be lost in a power cut there.
func SyncDir(string) error { return nil }

// IsFull tells whether err is the system's way to say that there is no room.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// Space returns the free bytes for this user and the size of the file system that holds path. Some network
// file systems do not say, and their size is 0.
func Space(path string) (free, size int64, err error) {
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
