package ingest

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup ends the process itself: ffmpeg starts no children.
func killGroup(p *os.Process) error { return p.Kill() }

func restrict(int, limits) {}
