package filesystem

import "golang.org/x/sys/unix"

// Space returns the free bytes for this user and the size of the file system that holds path. Some network
// file systems do not say, and their size is 0.
func Space(path string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	// Blocks are counted in Frsize; Bsize is the size of a good read (statvfs(3)).
	return int64(st.Bavail) * int64(st.Frsize), int64(st.Blocks) * int64(st.Frsize), nil
}
