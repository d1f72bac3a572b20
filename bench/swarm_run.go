package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// restartAfter is when the node restarts, counted from the first join.
	restartAfter = 20 * time.Second
	// grace is what starting and closing browsers may take beside a scenario.
	grace = 90 * time.Second
)

// watched is what became of one viewer. Times are in ms.
type watched struct {
	FirstFrame *float64
	Age        float64 // since the navigation
	Stalls     int
	StallMs    float64
	Played     float64 // seconds of the film
	Seeks      []float64
	Appended   []fingerprint
	PeerBytes  float64 // that came over data channels
	// Bytes is what the player itself says, if it says anything.
	Bytes    *struct{ Duplicate, Rejected float64 }
	Troubles []string
}

// showing is what one run of a scenario brought.
type showing struct {
	Viewers    []watched
	CPUSeconds *float64
	// film, first and all are bytes that the origin sent: of the film, of what each viewer needs first, and in all.
	film, first, all float64
	// lateBytes is what of film was sent after the late viewer had come, if there is one.
	lateBytes float64
}

func (t *theatre) sidesOf(s scenario) []string {
	return slices.DeleteFunc(slices.Clone(s.sides), func(side string) bool { return !slices.Contains(t.swarm.sides, side) })
}

// show runs a scenario once.
func (t *theatre) show(s scenario, side string, seed int) (*showing, error) {
	server := t.nginx.base
	if side == ours {
		server = t.box.base
	}
	u, err := startUplink(t.host, server, s.rate)
	if err != nil {
		return nil, err
	}
	defer u.stop()
	ctx, cancel := context.WithTimeoutCause(t.ctx, s.lasts()+grace, errors.New("the viewers did not come to an end"))
	defer cancel()
	cmd, err := t.viewers(ctx, s, side, seed, u)
	if err != nil {
		return nil, err
	}
	said := &tail{}
	cmd.Stderr = said
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	got, err := t.follow(s, u, bufio.NewReader(lines))
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return got, nil
}

// viewers is the program that opens the pages. It is asked to end with ctx, and takes its browser with it.
func (t *theatre) viewers(ctx context.Context, s scenario, side string, seed int, u *uplink) (*exec.Cmd, error) {
	node, err := program("node")
	if err != nil {
		return nil, err
	}
	chromium, err := program("chromium")
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs("bench/swarm.mjs")
	if err != nil {
		return nil, err
	}
	job, err := json.Marshal(map[string]any{
		"modules": t.modules, "packages": t.packages, "chromium": chromium, "args": t.chromiumArgs(), "loopback": t.host == loopback,
		"address": nameOf(u.Addr()) + t.pages[side], "host": t.host, "tracker": side == p2pml, "viewers": s.viewers,
		"apart": s.apart.Milliseconds(), "watch": s.watch.Milliseconds(), "late": s.late.Milliseconds(),
		"twist": s.twist, "seed": seed, "length": t.film.length,
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, node, script, string(job))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

func (t *theatre) chromiumArgs() []string {
	args := []string{"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--disable-background-timer-throttling",
		"--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows", "--host-resolver-rules=MAP box.lan " + t.host}
	if t.host == loopback {
		args = append(args, "--allow-loopback-in-peer-connection")
	}
	return args
}

// follow acts on what the viewers' program says, line by line, until it has said all.
func (t *theatre) follow(s scenario, u *uplink, lines *bufio.Reader) (*showing, error) {
	got := &showing{}
	var restart *time.Timer
	restarted := make(chan error, 1)
	var before float64
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		event := struct {
			Event string
			*showing
		}{showing: got}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return nil, fmt.Errorf("the viewers' script said %q: %w", strings.TrimSpace(line), err)
		}
		bodies, all := u.sent()
		film, first := t.film.weigh(bodies)
		switch event.Event {
		case "joined":
			if s.twist == "restart" {
				restart = time.AfterFunc(restartAfter, func() { restarted <- t.restart() })
			}
		case "late":
			before = film
		case "measured":
			got.film, got.first, got.all = film, first, float64(all)
			if s.late > 0 {
				got.lateBytes = film - before
			}
		}
	}
	if restart != nil && !restart.Stop() {
		if err := <-restarted; err != nil {
			return nil, err
		}
	}
	if got.Viewers == nil {
		return nil, errors.New("the viewers' script ended early")
	}
	return got, nil
}
