package disk_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// mountsEnv tells the test binary that it has mounts of its own.
const mountsEnv = "SHOAL_TEST_OWN_MOUNTS"

// withOwnMounts runs the calling test once more, in a process whose mounts nobody else sees and which
// end with it. It returns true in that process; in the other, where it returns false, the test is over.
func withOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountsEnv) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountsEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if os.IsPermission(err) {
		t.Skipf("this system lets nobody mount: %v", err)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("in a process of its own:\n%s", out)
	}
	t.Logf("in a process of its own:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// mountSmall mounts an empty file system in memory.
func mountSmall(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// openFiles returns what this process has open below dir.
func openFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no list of open files: %v", err)
	}
	var paths []string
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil && len(target) >= len(dir) && target[:len(dir)] == dir {
			paths = append(paths, target)
		}
	}
	return paths
}
