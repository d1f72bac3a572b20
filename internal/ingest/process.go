package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// limits bound one run of a program; zero means none.
type limits struct {
	wall time.Duration
	// silence is how long nothing may come out of it.
	silence time.Duration
	cpu     time.Duration
	memory  uint64 // bytes of address space
	file    uint64 // largest file it may write, in bytes
	nice    int
}

// errTooLong says that a program was stopped because it ran longer than its limits allow.
var errTooLong = errors.New("stopped after its time limit")

// errStuck says that a program was stopped because nothing came out of it any more.
var errStuck = errors.New("stopped after it stood still")

// processError is a program's own failure, with the end of what it said.
type processError struct {
	program string
	state   string
	said    string
	// killed is true when the system ended the program, such as for want of memory.
	killed bool
}

func (e *processError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.program, e.state, e.said)
}

// process is one run of a program in its own folder and process group. Every argument is a constant or
// made by this package: no word of an uploader reaches a command line.
type process struct {
	path   string
	args   []string
	dir    string
	limits limits
	// stdin is what the program reads, nil for nothing; it is closed when it can be.
	stdin io.Reader
}

// run starts the process, hands its output to read, and returns when the process has ended and read has
// returned. If either fails, or ctx ends, the whole process group is killed: ffmpeg may ignore SIGTERM.
func (p process) run(ctx context.Context, read func(io.Reader) error) error {
	wall := p.limits.wall
	if wall == 0 {
		wall = 24 * time.Hour
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wall, errTooLong)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if p.limits.silence > 0 {
		watch := time.AfterFunc(p.limits.silence, func() { stop(errStuck) })
		defer watch.Stop()
		all := read
		read = func(r io.Reader) error { return all(heartbeat{r, watch, p.limits.silence}) }
	}
	err := p.runLocked(ctx, read)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return fmt.Errorf("%s: %w", p.name(), cause)
	}
	return err
}

// runLocked keeps to one thread: Linux kills the child of a thread that ends (PR_SET_PDEATHSIG, prctl(2)),
// which is meant for the end of the whole program only.
func (p process) runLocked(ctx context.Context, read func(io.Reader) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, p.path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/nonexistent", "AV_LOG_FORCE_NOCOLOR=1"}
	cmd.SysProcAttr = ownGroup()
	if p.stdin != nil {
		cmd.Stdin = p.stdin
		if c, ok := p.stdin.(io.Closer); ok {
			defer c.Close()
		}
	}
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	said := &tail{limit: 4 << 10}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("%s: %w", p.name(), err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name(), err)
	}
	restrict(cmd.Process.Pid, p.limits)
	readErr := read(out)
	if readErr != nil {
		_ = killGroup(cmd.Process)
	}
	waitErr := cmd.Wait()
	_ = killGroup(cmd.Process)
	return p.verdict(ctx, readErr, waitErr, said.String())
}

// verdict chooses the error that explains the others: the reader's own, else the program's.
func (p process) verdict(ctx context.Context, readErr, waitErr error, said string) error {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF):
		return readErr
	case errors.As(waitErr, &exit):
		used := exit.UserTime() + exit.SystemTime()
		killed := exit.ExitCode() < 0
		if killed && p.limits.cpu > 0 && used >= p.limits.cpu-time.Second {
			return fmt.Errorf("%s: %w", p.name(), errTooLong)
		}
		return &processError{program: p.name(), state: exit.String(), said: said, killed: killed}
	case waitErr != nil:
		return fmt.Errorf("%s: %w", p.name(), waitErr)
	case readErr != nil:
		return fmt.Errorf("read %s: %w", p.name(), readErr)
	}
	return nil
}

func (p process) name() string {
	return p.path[strings.LastIndexAny(p.path, `/\`)+1:]
}

// heartbeat puts off a timer with every byte that is read.
type heartbeat struct {
	io.Reader
	timer *time.Timer
	every time.Duration
}

func (h heartbeat) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	if n > 0 {
		h.timer.Reset(h.every)
	}
	return n, err
}

// tail keeps the last bytes written to it.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if len(t.kept) > 2*t.limit {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.limit:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	kept := t.kept
	if len(kept) > t.limit {
		kept = kept[len(kept)-t.limit:]
	}
	return string(bytes.ToValidUTF8(bytes.TrimSpace(kept), []byte("?")))
}

// output runs the process and returns what it wrote, refusing more than limit bytes.
func (p process) output(ctx context.Context, limit int64) ([]byte, error) {
	var out []byte
	err := p.run(ctx, func(r io.Reader) error {
		var err error
		out, err = io.ReadAll(io.LimitReader(r, limit+1))
		if err == nil && int64(len(out)) > limit {
			err = fmt.Errorf("more than %d bytes of output", limit)
		}
		return err
	})
	return out, err
}
