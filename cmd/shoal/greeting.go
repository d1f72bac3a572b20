package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	qrcode "github.com/skip2/go-qrcode"
)

// greeting is what serve tells the person who started it.
type greeting struct {
	version string
	took    time.Duration
	// watch is the node's address on this machine, or its public one.
	watch     string
	scheme    string
	addr      netip.AddrPort
	adminLink string
	data      string

	// The rest is what look found.
	lan       []lanAddress
	library   string
	free      int64
	ffmpeg    string
	ffmpegErr error
	firewall  string
	// alone is true of a node without others.
	alone bool
}

// look gathers what depends on this machine. What cannot be learnt stays out of the greeting.
func (g *greeting) look(ctx context.Context, c *client) {
	if interfaces, err := systemInterfaces(); err == nil {
		g.lan = lanAddresses(interfaces, g.addr.Addr())
	}
	_, g.free, _ = diskSpace(g.data)
	g.ffmpeg, g.ffmpegErr = ffmpegVersion(ctx, "ffmpeg")
	if len(g.lan) > 0 {
		g.firewall = firewallHint(ctx, int(g.addr.Port()))
	}
	if s, _, err := c.status(ctx); err == nil {
		g.library = count(s.Library.Videos, "video") + ", " + bytesText(s.Library.Bytes)
		g.alone = s.Cluster.Nodes == 1
	}
}

// lanURLs are the addresses for other devices, the likeliest first.
func (g *greeting) lanURLs() []string {
	var urls []string
	for _, a := range g.lan {
		urls = append(urls, g.scheme+"://"+netip.AddrPortFrom(a.Addr, g.addr.Port()).String())
	}
	return urls
}

func (g *greeting) ffmpegText() string {
	switch {
	case g.ffmpegErr == nil:
		return g.ffmpeg
	case errors.Is(g.ffmpegErr, errNoFFmpeg):
		return "not installed: films play, new ones cannot be added. Try: " + installFFmpeg()
	}
	return g.ffmpegErr.Error()
}

// text is the greeting for a terminal, short enough to stay on one screen with the code.
func (g *greeting) text() string {
	var b strings.Builder
	line := func(label, value string) { fmt.Fprintf(&b, "  %-17s %s\n", label, value) }
	fmt.Fprintf(&b, "Shoal %s   ready in %.1f s\n\n", g.version, g.took.Seconds())
	line("Watch here", g.watch)
	line("On this network", g.lanText())
	line("Admin, works once", g.adminLink)
	if urls := g.lanURLs(); len(urls) > 0 {
		b.WriteString(qr(urls[0]))
	}
	if g.library != "" {
		line("Library", g.library)
	}
	line("Data", fmt.Sprintf("%s (%s free)", homePath(g.data), bytesText(g.free)))
	line("ffmpeg", g.ffmpegText())
	if g.firewall != "" {
		line("Firewall", "it may keep other devices out. Try: "+g.firewall)
	}
	if g.alone {
		line("Add a machine", "shoal invite says what to type there")
	}
	b.WriteString("  Ctrl-C stops. How it is: shoal status. Another admin link: shoal link\n\n")
	return b.String()
}

func (g *greeting) lanText() string {
	urls := g.lanURLs()
	switch {
	case len(urls) > 0:
		return urls[0] + g.otherLAN()
	case g.addr.Addr().IsLoopback():
		return "no: this node listens on this machine only"
	}
	return "no network found: only this machine can watch"
}

func (g *greeting) otherLAN() string {
	if len(g.lan) < 2 {
		return ""
	}
	return fmt.Sprintf("   (also %s on %s)", g.lan[1].Addr, g.lan[1].device)
}

// qr draws url in half blocks; "" when it cannot be drawn.
func qr(url string) string {
	code, err := qrcode.New(url, qrcode.Low)
	if err != nil {
		return ""
	}
	return code.ToSmallString(false)
}

// homePath writes ~ for the home directory.
func homePath(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	if rest, err := filepath.Rel(home, path); err == nil && filepath.IsLocal(rest) {
		return filepath.Join("~", rest)
	}
	return path
}
