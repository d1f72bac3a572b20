package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed wrk.lua
var wrkScript []byte

// rangeSize is what a player of one MP4 file asks for at a time.
const rangeSize = 8 << 20

// measureServing lets wrk ask the node and nginx, in turn, for the same bytes.
func measureServing(l *lab) error {
	source, err := l.film(fullHD())
	if err != nil {
		return err
	}
	b, err := l.startBox("")
	if err != nil {
		return err
	}
	defer b.stop()
	n, err := l.startNginx()
	if err != nil {
		return err
	}
	defer n.stop()
	id, err := b.addReady(source)
	if err != nil {
		return err
	}
	segments, ranges, err := l.workload(b, n, id)
	if err != nil {
		return err
	}
	if err := l.race("segments, 64 connections", segments, 64, b, n); err != nil {
		return err
	}
	return l.race("8 MiB ranges of the MP4 file, 16 connections", ranges, 16, b, n)
}

// workload copies a video to nginx and returns two lists of what to ask for: its segments, and ranges of it as
// one file.
func (l *lab) workload(b *box, n *nginx, id string) (segments, ranges []string, err error) {
	paths, err := b.files(id)
	if err != nil {
		return nil, nil, err
	}
	movie := "/stream/" + id + ".mp4"
	sizes, err := n.copyFrom(b, append(paths, movie))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, ".m4s") {
			segments = append(segments, path)
		}
	}
	for at := 0; at+rangeSize <= sizes[movie]; at += rangeSize {
		ranges = append(ranges, fmt.Sprintf("%s\t%d-%d", movie, at, at+rangeSize-1))
	}
	return segments, ranges, nil
}

// speed is what wrk measured.
type speed struct{ requests, bytes float64 }

// race measures both, each for some seconds and in turn, and adds rows for requests and bytes a second. The ratio is
// the median of those of the rounds, since a busy machine is not as busy in each.
func (l *lab) race(what string, list []string, connections int, b *box, n *nginx) error {
	var ours, theirs speeds
	// The first round only warms up: the node verifies a chunk when it is first asked for.
	for round := range l.rounds + 1 {
		a, err := l.wrk(b.base, list, connections)
		if err != nil {
			return err
		}
		t, err := l.wrk(n.base, list, connections)
		if err != nil {
			return err
		}
		l.say("  %s, round %d: %.0f and %.0f requests/s, %s/s and %s/s", what, round, a.requests, t.requests, inMB(a.bytes), inMB(t.bytes))
		if round > 0 {
			ours.add(a)
			theirs.add(t)
		}
	}
	inRequests := func(v float64) string { return fmt.Sprintf("%.0f/s", v) }
	l.raced(what, ours.requests, theirs.requests, inRequests)
	l.raced("… in bytes", ours.bytes, theirs.bytes, func(v float64) string { return inMB(v) + "/s" })
	return nil
}

// raced adds a row for what was measured of both in the same rounds.
func (l *lab) raced(what string, ours, theirs []float64, show func(float64) string) {
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, ours[i]/theirs[i])
	}
	ratio := median(ratios)
	l.table.compared(what, show(median(ours)), show(median(theirs)), ratio, atLeast(ratio, 0.9, ""))
}

// speeds are those of several rounds.
type speeds struct{ requests, bytes []float64 }

func (s *speeds) add(v speed) {
	s.requests, s.bytes = append(s.requests, v.requests), append(s.bytes, v.bytes)
}

func (l *lab) wrk(base string, list []string, connections int) (speed, error) {
	script, paths := filepath.Join(l.work, "wrk.lua"), filepath.Join(l.work, "list")
	if err := os.WriteFile(script, wrkScript, 0o600); err != nil {
		return speed{}, err
	}
	if err := os.WriteFile(paths, []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
		return speed{}, err
	}
	out, err := l.command("env", "BENCH_LIST="+paths, "wrk", "-t2", fmt.Sprint("-c", connections),
		fmt.Sprintf("-d%ds", l.seconds), "--timeout", "20s", "-s", script, base)
	if err != nil {
		return speed{}, err
	}
	var requests, bytes, micros, errors float64
	_, result, _ := strings.Cut(out, "RESULT ")
	if _, err := fmt.Sscan(result, &requests, &bytes, &micros, &errors); err != nil {
		return speed{}, fmt.Errorf("wrk said %q: %w", out, err)
	}
	if errors > 0 {
		return speed{}, fmt.Errorf("%.0f of %.0f requests to %s failed", errors, requests, base)
	}
	return speed{requests / micros * 1e6, bytes / micros * 1e6}, nil
}
