package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"shoal/test/film"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shoal": main})
}

// patience is how long a script waits for what is under way.
const patience = time.Minute

// TestScripts runs the commands as a user would, with a real node and the real ffmpeg.
func TestScripts(t *testing.T) {
	clip := film.Make(t, "clip.mp4", film.Source(320, 180, 2), film.H264())
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":      ready,
			"eventually": eventually,
			"occupy":     occupy,
			"terminate":  terminate,
			"pick":       pick,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("FILM", clip)
			env.Setenv("HOME", env.WorkDir)
			// Scripts run side by side, and no node of theirs is for others to find.
			env.Setenv("SHOAL_P2P", "127.0.0.1:0")
			env.Setenv("SHOAL_NO_MDNS", "true")
			shoal, err := exec.LookPath("shoal")
			env.Setenv("ONLY_SHOAL", filepath.Dir(shoal))
			return err
		},
	})
}

// ready DIR waits until the node with that data directory answers.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	dir := ts.MkAbs(args[0])
	until(ts, "a node in "+dir, func() bool {
		at, _, ok := runningNode(dir)
		if !ok {
			return false
		}
		c := newClient(at, "")
		defer c.close()
		return c.healthy(context.Background()) == nil
	})
	ts.Setenv("NODE", localNode(dir).base)
}

// eventually PATTERN COMMAND… repeats a command until its standard output matches.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN COMMAND…")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	until(ts, args[0], func() bool {
		var out strings.Builder
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir, cmd.Stdout = ts.MkAbs("."), &out
		cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"))
		return cmd.Run() == nil && pattern.MatchString(out.String())
	})
}

// occupy NAME takes a port of this machine until the script ends, and sets the variable NAME to it.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
}

// pick NAME stdout PATTERN sets the variable NAME to what matches first in what the last command wrote.
func pick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: pick NAME stdout PATTERN")
	}
	pattern, err := regexp.Compile(args[2])
	ts.Check(err)
	found := pattern.FindString(ts.ReadFile(args[1]))
	if found == "" {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	ts.Setenv(args[0], found)
}

// terminate DIR sends SIGTERM to the node with that data directory.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: terminate DIR")
	}
	_, pid, ok := runningNode(ts.MkAbs(args[0]))
	if !ok {
		ts.Fatalf("no node in %s", args[0])
	}
	process, err := os.FindProcess(pid)
	ts.Check(err)
	ts.Check(process.Signal(syscall.SIGTERM))
}

func until(ts *testscript.TestScript, what string, done func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !done() {
		select {
		case <-late:
			ts.Fatalf("waited %s for %s in vain", patience, what)
		case <-tick.C:
		}
	}
}
