//go:build unix

package main

import "golang.org/x/sys/unix"

// statDisk returns the size of the disk that dir lies on and what a user may still fill, in bytes.
func statDisk(dir string) (total, free int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	block := int64(st.Bsize)
	return int64(st.Blocks) * block, int64(st.Bavail) * block, nil
}
