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
	id, err := b.addReady(source)
	if err != nil {
		return err
	}
	if err := n.plain(b, id, player); err != nil {
		return err
	}
	return l.compareInBrowser(b, n, id, modules)
}

// plain puts a plain page, hls.js and the files of a video on nginx.
func (n *nginx) plain(b *box, id string, player []byte) error {
	paths, err := b.files(id)
	if err != nil {
		return err
	}
	if _, err := n.copyFrom(b, paths); err != nil {
		return err
	}
	if err := n.keep("/hls.min.js", player); err != nil {
		return err
	}
	return n.keepPage("/plain.html", plainPage, paths[0], "{}")
}

// keepPage puts a page that plays a playlist, with settings for hls.js, on nginx.
func (n *nginx) keepPage(path string, page []byte, master, settings string) error {
	filled := strings.NewReplacer("MASTER", master, "SETTINGS", settings).Replace(string(page))
	return n.keep(path, []byte(filled))
}

func (l *lab) compareInBrowser(b *box, n *nginx, id, modules string) error {
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
	first, seek, err := l.browse(modules, map[string]string{
		"ours":   nameOf(ours.Addr()) + "/watch/" + id,
		"theirs": nameOf(theirs.Addr()) + "/plain.html",
	})
	if err != nil {
		return err
	}
	for _, row := range []struct {
		what  string
		times map[string][]time.Duration
	}{{"first frame in Chromium, 20 Mbit/s + 20 ms", first}, {"… seek to 80 %", seek}} {
		a, t := median(row.times["ours"]), median(row.times["theirs"])
		l.table.compared(row.what, inMillis(a), inMillis(t), ratioOf(a, t), atMost(ratioOf(a, t), 1, ""))
	}
	return nil
}

// nameOf is an address by a name that is not the browser's own machine; its flags say what the name stands for.
func nameOf(address net.Addr) string {
	return fmt.Sprintf("http://box.lan:%d", address.(*net.TCPAddr).Port)
}

// browse opens each page in every round and returns how long the first frame and a seek took, by page.
func (l *lab) browse(modules string, pages map[string]string) (first, seek map[string][]time.Duration, err error) {
	chromium, err := program("chromium")
	if err != nil {
		return nil, nil, err
	}
	script, err := filepath.Abs("bench/browser.mjs")
	if err != nil {
		return nil, nil, err
	}
	job, err := json.Marshal(map[string]any{"modules": modules, "chromium": chromium, "rounds": l.rounds, "pages": pages})
	if err != nil {
		return nil, nil, err
	}
	out, err := l.command("node", script, string(job))
	if err != nil {
		return nil, nil, err
	}
	first, seek = make(map[string][]time.Duration), make(map[string][]time.Duration)
	for line := range strings.Lines(out) {
		var name string
		var shown, sought float64
		if _, err := fmt.Sscan(line, &name, &shown, &sought); err != nil {
			return nil, nil, fmt.Errorf("the browser's script said %q: %w", line, err)
		}
		l.say("  %s: first frame after %.0f ms, seek %.0f ms", name, shown, sought)
		first[name] = append(first[name], time.Duration(shown*1e6))
		seek[name] = append(seek[name], time.Duration(sought*1e6))
	}
	return first, seek, nil
}
