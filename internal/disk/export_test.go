package disk

import (
	"io"
	"time"
)

// Steps are the points of a durable write, in their order.
var Steps = []string{string(stepCreate), string(stepWrite), string(stepSync), string(stepRename), string(stepSyncDir)}

// StepRemove is the step that follows a failed one.
const StepRemove = string(stepRemove)

// SaveEvery is how often Run looks after the totals.
const SaveEvery = saveEvery

// SetFault asks fault before each step of a write whether it is done and what error it returns.
func (d *Disk) SetFault(fault func(step string) (apply bool, err error)) {
	d.chunks.fault = func(s step) (bool, error) { return fault(string(s)) }
}

// SetSpace replaces the file system's answer, and the clock by which that answer ages.
func (d *Disk) SetSpace(ask func(string) (free, size int64, err error), now func() time.Time) {
	d.room.ask, d.room.now = ask, now
}

// SetWriters replaces the number of chunks written at once.
func (d *Disk) SetWriters(n int) { d.chunks.writers = make(chan struct{}, n) }

// SetVerified replaces how many verified chunks are remembered.
func (d *Disk) SetVerified(n int) { d.chunks.verified = newRefSet(n) }

// Verified returns how many verified chunks are remembered.
func (d *Disk) Verified() int { return len(d.chunks.verified.refs) }

// Crash lets go of the directory as the end of a killed process does: nothing is saved.
func (d *Disk) Crash() {
	d.gate.shut()
	d.release()
}

// Doubt makes Run count again.
func (d *Disk) Doubt() { d.usage.doubt() }

// RestoreSteps are the points of a restore, in their order.
var RestoreSteps = []string{string(stepUnpack), string(stepInspect), string(stepAside), string(stepReplace)}

// RestoreUntil is Restore by a process that is killed at one of its steps, before or after that is done.
func RestoreUntil(dir string, backup io.Reader, killed string, done bool) {
	defer func() { _ = recover() }()
	_, _ = restore(dir, backup, func(s step, apply func() error) error {
		if string(s) != killed {
			return apply()
		}
		if done {
			_ = apply()
		}
		panic("killed")
	})
}
