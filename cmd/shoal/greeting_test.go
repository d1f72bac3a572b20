package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func someGreeting() greeting {
	return greeting{
		version: "1.2.3", took: 400 * time.Millisecond, watch: "http://localhost:3003", scheme: "http", addr: netip.MustParseAddrPort("[::]:3003"),
		adminLink: "http://localhost:3003/#key=once", data: "/srv/films", library: "3 videos, 12 MB", free: 61e9, ffmpeg: "5.1.9",
		lan: []lanAddress{
			{Addr: netip.MustParseAddr("192.168.1.23"), device: "wlan0"},
			{Addr: netip.MustParseAddr("fd00::7"), device: "eth1"},
		},
	}
}

func TestTheGreetingSaysHowToWatch(t *testing.T) {
	g := someGreeting()
	g.firewall = "sudo ufw allow 3003/tcp"
	got := g.text()
	for _, want := range []string{
		"ready in 0.4 s", "http://localhost:3003\n", "http://192.168.1.23:3003   (also fd00::7 on eth1)", "http://localhost:3003/#key=once",
		"3 videos, 12 MB", "/srv/films (61 GB free)", "5.1.9", "sudo ufw allow 3003/tcp", "Ctrl-C stops", "▀",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the greeting lacks %q:\n%s", want, got)
		}
	}
	if lines := strings.Count(got, "\n"); lines > 30 {
		t.Errorf("the greeting has %d lines", lines)
	}
}

func TestTheGreetingFitsWhereTheNodeListens(t *testing.T) {
	cases := []struct {
		name   string
		change func(*greeting)
		want   string
	}{
		{"this machine only", func(g *greeting) { g.addr, g.lan = netip.MustParseAddrPort("127.0.0.1:3003"), nil }, "this machine only"},
		{"no network", func(g *greeting) { g.lan = nil }, "no network found"},
		{"IPv6", func(g *greeting) { g.lan = g.lan[1:] }, "http://[fd00::7]:3003\n"},
		{"TLS", func(g *greeting) { g.scheme = "https" }, "https://192.168.1.23:3003"},
		{"alone", func(g *greeting) { g.alone = true }, "Add a machine     shoal invite"},
		{"no ffmpeg", func(g *greeting) { g.ffmpegErr = errNoFFmpeg }, "new ones cannot be added. Try: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := someGreeting()
			c.change(&g)
			got := g.text()
			if !strings.Contains(got, c.want) {
				t.Errorf("the greeting lacks %q:\n%s", c.want, got)
			}
			if len(g.lan) == 0 && strings.Contains(got, "█") {
				t.Error("there is a code to scan though nobody can reach this node")
			}
		})
	}
}

func TestTheInstallCommandFitsTheSystem(t *testing.T) {
	cases := []struct{ goos, tool, want string }{
		{"linux", "apt-get", "sudo apt install ffmpeg"}, {"linux", "dnf", "sudo dnf install ffmpeg"},
		{"linux", "pacman", "sudo pacman -S ffmpeg"}, {"linux", "apk", "sudo apk add ffmpeg"},
		{"darwin", "brew", "brew install ffmpeg"}, {"windows", "", "winget install ffmpeg"},
		{"linux", "", "install ffmpeg from https://ffmpeg.org/download.html"},
	}
	for _, c := range cases {
		if got := installCommand(c.goos, func(tool string) bool { return tool == c.tool }); got != c.want {
			t.Errorf("on %s with %s: %q, want %q", c.goos, c.tool, got, c.want)
		}
	}
}

func TestAFirewallIsSeenWhereItIsSwitchedOn(t *testing.T) {
	for conf, want := range map[string]bool{"ENABLED=yes\n": true, "# ENABLED=yes\nENABLED=no\n": false, "LOGLEVEL=low\nenabled=YES": true, "": false} {
		if got := ufwEnabled(strings.NewReader(conf)); got != want {
			t.Errorf("ufwEnabled(%q) is %v", conf, got)
		}
	}
}

func TestAFirewallIsOpenedForEachPort(t *testing.T) {
	ports := []int{3003, 9004}
	if got := ufwCommand(ports); got != "sudo ufw allow 3003,9004/tcp" {
		t.Errorf("with ufw: %s", got)
	}
	if got := firewalldCommand(ports); got != "sudo firewall-cmd --add-port=3003/tcp --add-port=9004/tcp" {
		t.Errorf("with firewalld: %s", got)
	}
}

func TestListedNamesReadsTheTablesOfFFmpeg(t *testing.T) {
	names := listedNames("Encoders:\n V..... = Video\n ------\n V....D libx264              H.264\n  D  mov,mp4,m4a,3gp,3g2,mj2 QuickTime / MOV\n")
	for _, name := range []string{"libx264", "mov", "mj2"} {
		if !names[name] {
			t.Errorf("%s was not found", name)
		}
	}
	if names["H.264"] {
		t.Error("a description was taken for a name")
	}
}
