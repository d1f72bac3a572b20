package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Where servers listen: on the loopback, or at the address that enterLAN made.
const (
	loopback   = "127.0.0.1"
	lanAddress = "10.77.0.1"
)

// lab is where experiments run: programs, films, and a folder that is removed in the end.
type lab struct {
	ctx     context.Context
	rounds  int
	seconds int
	shoal   string
	films   string
	work    string
	swarm   swarmChoice
	table   table
}

func openLab(ctx context.Context, shoal, films, work string) (*lab, error) {
	shoal, err := filepath.Abs(shoal)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(shoal); err != nil {
		return nil, fmt.Errorf("%s is not there: run 'make build' in the repository's folder first", shoal)
	}
	if films, err = filepath.Abs(films); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(films, 0o755); err != nil {
		return nil, err
	}
	if work, err = os.MkdirTemp(work, "shoal-bench-"); err != nil {
		return nil, err
	}
	return &lab{ctx: ctx, shoal: shoal, films: films, work: work}, nil
}

func (l *lab) close() {
	if err := os.RemoveAll(l.work); err != nil {
		l.say("%s could not be removed: %v", l.work, err)
	}
}

// say tells what goes on, beside the table.
func (l *lab) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// skip adds a row that says why there is none.
func (l *lab) skip(what, why string) {
	why = strings.Join(strings.Fields(why), " ") // one line of the table
	l.say("not measured: %s", why)
	l.table.told(what, "not measured", why)
}

// folder makes a new folder for data.
func (l *lab) folder(name string) (string, error) { return os.MkdirTemp(l.work, name+"-") }

// missing returns the programs that are not there.
func (l *lab) missing(programs []string) (names []string) {
	for _, name := range programs {
		if _, err := program(name); err != nil {
			names = append(names, name)
		}
	}
	return names
}

// program returns the path of a program.
func program(name string) (string, error) {
	candidates := []string{name, filepath.Join("/usr/sbin", name)}
	if name == "chromium" {
		candidates = []string{os.Getenv("SHOAL_CHROMIUM"), name, "chromium-browser", "google-chrome",
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"}
	}
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// process is a program that runs until it is stopped.
type process struct {
	cmd   *exec.Cmd
	said  *tail
	ended chan struct{}
}

func startProcess(path string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), said: &tail{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// stop asks the program to end, and ends it if it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// command runs a program to its end and returns what it wrote.
func (l *lab) command(name string, args ...string) (string, error) {
	out, _, err := l.measured(name, args...)
	return out, err
}

// measured is command, and how the program ended.
func (l *lab) measured(name string, args ...string) (string, *os.ProcessState, error) {
	path, err := program(name)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(l.ctx, path, args...)
	said := &tail{}
	cmd.Stderr, cmd.WaitDelay = said, time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w: %s", name, err, said)
	}
	return string(out), cmd.ProcessState, nil
}

// settle writes to the disk what waits for it, so that nobody pays for what was done before.
func (l *lab) settle() error {
	args := []string{}
	if runtime.GOOS == "linux" {
		args = []string{"-f", l.work}
	}
	_, err := l.command("sync", args...)
	return err
}

// tail keeps the end of what a program says. One goroutine writes; it is read when the program has ended.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	if over := len(t.text) - 2000; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.text)) }

// freeAddress returns an address of a host where nobody listens.
func freeAddress(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until a server answers with 200.
func (l *lab) answers(url string, p *process) error {
	ctx, cancel := context.WithTimeout(l.ctx, 30*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended by itself: %s", filepath.Base(p.cmd.Path), p.said)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s does not answer", url), ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}
