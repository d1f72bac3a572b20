package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed plain.html
var plainPage []byte

const (
	networkRate = 20e6 // bits a second, in each direction
	networkTrip = 20 * time.Millisecond
)

// measureBrowser opens the watch page, and a plain page with hls.js that plays the same files from nginx, in a
// browser behind the same network.
func measureBrowser(l *lab) error {
	modules, err := filepath.Abs("web/node_modules")
	if err != nil {
		return err
	}
	player, err := os.ReadFile(filepath.Join(modules, "hls.js", "dist", "hls.min.js"))
	if err != nil {
		return fmt.Errorf("hls.js is missing: run 'make build' in the repository's folder: %w", err)
	}
	source, err := l.film(hd())
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
	other, err := l.repeated(hd(), 2) // another video, which begins alike
	if err != nil {
		return err
	}
	videos, err := b.addAll(source, other)
	if err != nil {
		return err
	}
	for i, id := range videos {
		if err := n.plain(b, id, fmt.Sprintf("/plain-%d.html", i), player); err != nil {
			return err
		}
	}
	return l.compareInBrowser(b, n, videos, modules)
}

// addAll adds films and returns the ids of the videos.
func (b *box) addAll(paths ...string) (ids []string, err error) {
	for _, path := range paths {
		id, err := b.addReady(path)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// plain puts a plain page, hls.js and the files of a video on nginx.
func (n *nginx) plain(b *box, id, page string, player []byte) error {
	paths, err := b.files(id)
	if err != nil {
		return err
	}
	if _, err := n.copyFrom(b, paths); err != nil {
		return err
	}
	if err := n.keepPacked("/hls.min.js", player); err != nil {
		return err
	}
	return n.keepPage(page, plainPage, paths[0], "{}")
}

// keepPage puts a page that plays a playlist, with settings for hls.js, on nginx.
func (n *nginx) keepPage(path string, page []byte, master, settings string) error {
	filled := strings.NewReplacer("MASTER", master, "SETTINGS", settings).Replace(string(page))
	return n.keep(path, []byte(filled))
}

// visit is what the browser's script opens: a video, another one, and if there is one the library with the first.
type visit struct {
	Video   string `json:"video"`
	Other   string `json:"other"`
	Library string `json:"library,omitempty"`
}

func (l *lab) compareInBrowser(b *box, n *nginx, videos []string, modules string) error {
	ours, err := startNetwork(strings.TrimPrefix(b.base, "http://"), networkRate, networkTrip)
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := startNetwork(strings.TrimPrefix(n.base, "http://"), networkRate, networkTrip)
	if err != nil {
		return err
	}
	defer theirs.stop()
	times, err := l.browse(modules, map[string]visit{
		"ours":   {nameOf(ours.Addr()) + "/watch/" + videos[0], nameOf(ours.Addr()) + "/watch/" + videos[1], nameOf(ours.Addr()) + "/"},
		"theirs": {nameOf(theirs.Addr()) + "/plain-0.html", nameOf(theirs.Addr()) + "/plain-1.html", ""},
	})
	if err != nil {
		return err
	}
	for _, row := range []struct{ what, ours, theirs string }{
		{"first frame in Chromium, 20 Mbit/s + 20 ms", "ours first", "theirs first"},
		{"… of another video, with the page's files cached", "ours again", "theirs again"},
		{"… of a video clicked in the library; theirs as above", "ours click", "theirs again"},
		{"… seek to 80 %", "ours seek", "theirs seek"},
	} {
		a, t := median(times[row.ours]), median(times[row.theirs])
		l.table.compared(row.what, inMillis(a), inMillis(t), ratioOf(a, t), atMost(ratioOf(a, t), 1, ""))
	}
	return nil
}

// nameOf is an address by a name that is not the browser's own machine; its flags say what the name stands for.
func nameOf(address net.Addr) string {
	return fmt.Sprintf("http://box.lan:%d", address.(*net.TCPAddr).Port)
}

// browse makes the visits in every round and returns how long everything took, by the visit's name and what was done.
func (l *lab) browse(modules string, visits map[string]visit) (map[string][]time.Duration, error) {
	chromium, err := program("chromium")
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs("bench/browser.mjs")
	if err != nil {
		return nil, err
	}
	job, err := json.Marshal(map[string]any{"modules": modules, "chromium": chromium, "rounds": l.rounds, "pages": visits})
	if err != nil {
		return nil, err
	}
	out, err := l.command("node", script, string(job))
	if err != nil {
		return nil, err
	}
	times := make(map[string][]time.Duration)
	for line := range strings.Lines(out) {
		var name, what string
		var took float64
		if _, err := fmt.Sscan(line, &name, &what, &took); err != nil {
			return nil, fmt.Errorf("the browser's script said %q: %w", line, err)
		}
		l.say("  %s: %s after %.0f ms", name, what, took)
		times[name+" "+what] = append(times[name+" "+what], time.Duration(took*1e6))
	}
	return times, nil
}
