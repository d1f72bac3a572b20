package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
)

// received returns how many bytes the process has read, from connections and files. A node that holds nothing reads little
// but what comes from other nodes.
func (p *process) received() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var count int64
	_, err = fmt.Fscanf(bytes.NewReader(text), "rchar: %d", &count)
	return count, err
}

// processorTicks is how many of the kernel's ticks a second has, on every Linux that Go runs on.
const processorTicks = 100

// processor returns the processor time that the process has used.
func (p *process) processor() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may have spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("the system tells of a process %q", text)
	}
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * time.Second / processorTicks, nil
}
