//go:build !linux

package main

import (
	"errors"
	"time"
)

// received is not told by this system.
func (p *process) received() (int64, error) {
	return 0, errors.New("this system does not tell what a process reads")
}

// processor is not told by this system.
func (p *process) processor() (time.Duration, error) {
	return 0, errors.New("this system does not tell what a process computes")
}
