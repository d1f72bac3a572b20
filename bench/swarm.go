package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "embed"
)

//go:embed p2pml.html
var p2pmlPage []byte

// p2pPackages is where make puts the packages that only the benchmark uses.
const p2pPackages = ".build/bench/node_modules"

// shortBuffer makes hls.js buffer 30 s, its setting for when it does not know the bitrate, instead of 60 MB, which is
// this whole film: a harder rival.
const shortBuffer = "{ maxBufferSize: 0 }"

// swarmChoice is what of the swarm experiment was asked for.
type swarmChoice struct {
	scenarios []scenario
	rounds    int
	sides     []string
	seed      int
}

// theatre is where viewers watch: the film on a node, and the same bytes on nginx with other players.
type theatre struct {
	*lab
	box      *box
	nginx    *nginx
	film     *original
	host     string
	modules  string
	packages string
	pages    map[string]string // what is watched, by side
}

// measureSwarm lets groups of viewers watch the same film in turn with each player.
func measureSwarm(l *lab) error {
	t := &theatre{lab: l, host: loopback}
	if inLAN() {
		t.host = lanAddress
	}
	defer t.close()
	if err := t.open(); err != nil {
		return err
	}
	l.say("  the film has %.2f Mbit/s; the seed is %d", t.film.bytesPerSecond*8/1e6, l.swarm.seed)
	for _, s := range l.swarm.scenarios {
		if err := t.compare(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (t *theatre) open() (err error) {
	if t.modules, err = filepath.Abs("web/node_modules"); err != nil {
		return err
	}
	if t.packages, err = filepath.Abs(p2pPackages); err != nil {
		return err
	}
	source, err := t.lab.film(thin())
	if err != nil {
		return err
	}
	address, err := freeAddress(t.host)
	if err != nil {
		return err
	}
	if t.box, err = t.startBoxAt("", address, alone...); err != nil {
		return err
	}
	id, err := t.box.addReady(source)
	if err != nil {
		return err
	}
	if t.film, err = t.box.original(t.ctx, id); err != nil {
		return err
	}
	if t.nginx, err = t.startNginx(); err != nil {
		return err
	}
	t.pages = map[string]string{ours: "/watch/" + id, plain: "/plain.html", p2pml: "/p2pml.html"}
	return t.fill()
}

// fill gives nginx the film and both pages.
func (t *theatre) fill() error {
	if _, err := t.nginx.copyFrom(t.box, t.film.paths); err != nil {
		return err
	}
	files := map[string]string{
		"/hls.min.js":                filepath.Join(t.modules, "hls.js/dist/hls.min.js"),
		"/hls-module.js":             filepath.Join(t.modules, "hls.js/dist/hls.min.mjs"),
		"/p2p-media-loader-core.js":  filepath.Join(t.packages, "p2p-media-loader-core/dist/p2p-media-loader-core.es.min.js"),
		"/p2p-media-loader-hlsjs.js": filepath.Join(t.packages, "p2p-media-loader-hlsjs/dist/p2p-media-loader-hlsjs.es.min.js"),
	}
	for path, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = t.nginx.keep(path, content)
		}
		if err != nil {
			return fmt.Errorf("a player to compare with is missing, run 'make bench' in the repository's folder: %w", err)
		}
	}
	for path, page := range map[string][]byte{t.pages[plain]: plainPage, t.pages[p2pml]: p2pmlPage} {
		if err := t.nginx.keepPage(path, page, t.film.paths[0], shortBuffer); err != nil {
			return err
		}
	}
	return nil
}

func (t *theatre) close() {
	if t.nginx != nil {
		t.nginx.stop()
	}
	if t.box != nil {
		t.box.stop()
	}
}

// restart ends the node and starts it again over the same data, at the same address.
func (t *theatre) restart() error {
	address, dir := strings.TrimPrefix(t.box.base, "http://"), t.box.dir
	t.box.stop()
	box, err := t.startBoxAt(dir, address, alone...)
	if err != nil {
		return err
	}
	t.box = box
	return nil
}

// compare runs one scenario with each side in turn, several times over, and adds its rows.
func (t *theatre) compare(s scenario) error {
	t.say("  %s: %s, about %s", s.name, s.title(), (s.lasts() * time.Duration(len(t.sidesOf(s))*t.swarm.rounds)).Round(time.Second))
	results := make(map[string][]figures)
	for round := range t.swarm.rounds {
		for _, side := range t.sidesOf(s) {
			got, err := t.show(s, side, t.swarm.seed+round)
			if err != nil {
				return errors.Join(fmt.Errorf("%s, round %d: %w", side, round+1, err), context.Cause(t.ctx))
			}
			f := t.judge(got)
			t.say("  %s, round %d, %s: %s", s.name, round+1, side, f)
			results[side] = append(results[side], f)
		}
	}
	t.report(s, results)
	return nil
}
