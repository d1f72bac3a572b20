// Command bench measures a built node from outside, side by side with programs that do the same work: ffmpeg,
// nginx, plain hls.js and p2p-media-loader. It prints one table. Ratios taken within one run say something on any
// machine, times only on one. It runs in the repository's folder, where bin/shoal and web/node_modules are.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// experiment measures some rows of the table with a node of its own.
type experiment struct {
	name  string
	about string
	needs []string
	run   func(*lab) error
}

func experiments() []experiment {
	return []experiment{
		{"import", "adding an H.264/AAC film, its first playable second, memory", []string{"ffmpeg"}, measureImport},
		{"hevc", "first playable second of a film that is encoded anew", []string{"ffmpeg"}, measureHEVC},
		{"segments", "all segments of a film, and ranges of it as one MP4 file", []string{"ffmpeg", "nginx", "wrk"}, measureServing},
		{"browser", "first frame and a seek in Chromium behind a slow network", []string{"ffmpeg", "nginx", "node", "chromium"}, measureBrowser},
		{"swarm", "many viewers in Chromium who share, beside plain hls.js and p2p-media-loader", []string{"ffmpeg", "nginx", "node", "chromium"}, measureSwarm},
		{"start", "starting with 10,000 videos, and idling", []string{"ffmpeg"}, measureStart},
		{"rooms", "10,000 viewers in one room", []string{"ffmpeg"}, measureRooms},
		{"cluster", "several nodes: chunks between them, uploads, a death, catching up", []string{"ffmpeg"}, measureCluster},
		{"crowd", "slow readers and half-sent requests beside normal ones", []string{"ffmpeg"}, measureCrowd},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	is, err := runBare(ctx)
	if !is {
		err = run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var names []string
	usage := "experiments to run, separated by commas:"
	for _, e := range experiments() {
		names = append(names, e.name)
		usage += fmt.Sprintf("\n%-9s %s", e.name, e.about)
	}
	rows := flag.String("rows", strings.Join(names, ","), usage)
	rounds := flag.Int("rounds", 5, "how often each side is measured; the table shows medians")
	seconds := flag.Int("seconds", 2, "how long wrk asks in each round")
	binary := flag.String("shoal", "bin/shoal", "the node's program")
	films := flag.String("films", ".build/bench", "where the films are kept between runs")
	work := flag.String("work", os.TempDir(), "where data goes while it runs; on the disk that is to be measured")
	swarm := swarmFlags()
	flag.Parse()
	chosen := strings.Split(*rows, ",")
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no experiment %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if *rounds < 1 || *seconds < 1 || flag.NArg() > 0 {
		return fmt.Errorf("-rounds and -seconds are at least 1, and there are no other arguments")
	}
	group, err := swarm()
	if err != nil {
		return err
	}
	if slices.Contains(chosen, "swarm") {
		if err := enterLAN(); err != nil {
			fmt.Fprintf(os.Stderr, "viewers connect over the loopback, since there can be no network of their own: %v\n", err)
		}
	}
	l, err := openLab(ctx, *binary, *films, *work)
	if err != nil {
		return err
	}
	defer l.close()
	l.rounds, l.seconds, l.swarm = *rounds, *seconds, group
	return l.runAll(chosen)
}

// runAll runs the chosen experiments and prints the table. One that fails does not keep the others from running.
func (l *lab) runAll(chosen []string) error {
	failed := 0
	for _, e := range experiments() {
		if !slices.Contains(chosen, e.name) || l.ctx.Err() != nil {
			continue
		}
		missing := l.missing(e.needs)
		if len(missing) > 0 {
			packages := strings.ReplaceAll(strings.Join(missing, " "), "node", "nodejs")
			l.skip(e.about, "needs "+strings.Join(missing, " and ")+": sudo apt install "+packages)
			continue
		}
		l.say("%s: %s", e.name, e.about)
		if err := e.run(l); err != nil {
			failed++
			l.skip(e.about, err.Error())
		}
	}
	l.table.print(os.Stdout)
	if l.ctx.Err() != nil {
		return fmt.Errorf("interrupted")
	}
	if failed > 0 {
		return fmt.Errorf("%d of the experiments could not be carried out", failed)
	}
	return nil
}
