//go:build unix && !linux

package ingest

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

// restrict can only lower the priority here: these systems cannot set another process's limits.
func restrict(pid int, l limits) { _ = syscall.Setpriority(syscall.PRIO_PGRP, pid, l.nice) }
