package main

import "golang.org/x/sys/windows"

// statDisk returns the size of the disk that dir lies on and what a user may still fill, in bytes.
func statDisk(dir string) (total, free int64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var available, size, unused uint64
	if err := windows.GetDiskFreeSpaceEx(path, &available, &size, &unused); err != nil {
		return 0, 0, err
	}
	return int64(size), int64(available), nil
}
