package ingest

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownGroup gives the child a process group, and the kernel's word that it dies with us.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

// restrict sets limits on a running child. Soft and hard limits are the same, so that the kernel kills
// with SIGKILL at the CPU limit: ffmpeg catches SIGXCPU.
func restrict(pid int, l limits) {
	set := func(resource int, n uint64) {
		if n > 0 {
			_ = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: n, Max: n}, nil)
		}
	}
	set(unix.RLIMIT_CPU, uint64(l.cpu/time.Second))
	set(unix.RLIMIT_AS, l.memory)
	set(unix.RLIMIT_FSIZE, l.file)
	set(unix.RLIMIT_NOFILE, 64)
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	_ = unix.Setpriority(unix.PRIO_PGRP, pid, l.nice)
}
