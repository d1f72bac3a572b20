package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/node"
)

func TestMisuseExitsTwoAndSaysWhatToDo(t *testing.T) {
	cases := []struct {
		name, line, says string
		env              map[string]string
	}{
		{"unknown command", "frob", "unknown command", nil},
		{"unknown flag", "ls --frob", "unknown flag", nil},
		{"no file", "add", "at least 1 arg", nil},
		{"too many ids", "rm a b", "accepts 1 arg", nil},
		{"get of nothing", "get", "accepts 1 arg", nil},
		{"invite for a moment", "invite --expires 5s", "a minute to 30 days", nil},
		{"invite for ever", "invite --expires 1000h", "a minute to 30 days", nil},
		{"drain of two", "drain a b", "at most 1 arg", nil},
		{"remove of nothing", "remove", "accepts 1 arg", nil},
		{"approve of two", "approve a b", "at most 1 arg", nil},
		{"repair in JSON", "repair --json", "--dry-run --json", nil},
		{"backup to nowhere", "backup", "accepts 1 arg", nil},
		{"restore from nowhere", "restore", "accepts 1 arg", nil},
		{"join of a page", "serve --join http://192.168.1.2:3003", "shoal://join/", nil},
		{"p2p without a colon", "serve --p2p 9004", "--p2p :9004", nil},
		{"p2p in the environment", "serve", "\"gossip\" is no port", map[string]string{"SHOAL_P2P": ":gossip"}},
		{"a long zone", "serve --zone " + strings.Repeat("x", 65), "at most 64 bytes", nil},
		{"no patience", "serve --repair-after 0", "--repair-after 10m", nil},
		{"repair-after without a unit", "serve --repair-after 10", "--repair-after", nil},
		{"private", "serve --access private", "--access private is not available yet", nil},
		{"access", "serve --access sometimes", "open or private", nil},
		{"watch", "serve --watch nowhere", "cannot watch nowhere", nil},
		{"max-upload", "serve --max-upload 50%", "--max-upload 50GB", nil},
		{"port", "serve --http :99999", "99999", nil},
		{"port by name", "serve --http :films", "films", nil},
		{"advertise without a port", "serve --advertise films.example.org", "a host, a colon and a port", nil},
		{"advertise of port 0", "serve --advertise films.example.org:0", "from 1 to 65535", nil},
		{"advertise of no host", "serve --advertise :9004", "a host, a colon and a port", nil},
		{"advertise of all addresses", "serve --advertise 0.0.0.0:9004", "Nobody can connect", nil},
		{"too many addresses", "serve --advertise " + strings.Repeat("h:1,", 16) + "h:1", "room for 16", nil},
		{"cache", "serve --cache-mb -5", "0 for no cache", nil},
		{"too many copies", "serve --copies 17", "1 to 16 nodes", nil},
		{"less than no copies", "serve --copies -1", "1 to 16 nodes", nil},
		{"old port", "serve", "not a port number", map[string]string{"HOST_PORT": "p2p"}},
		{"old address", "serve", "not an IP address", map[string]string{"HOST_IP": "attic"}},
		{"capacity", "serve --capacity plenty", "--capacity 80% or --capacity 200GB", nil},
		{"address without a colon", "serve --http 3003", "--http :3003", nil},
		{"certificate without key", "serve --tls-cert x.pem", "go together", nil},
		{"proxy", "serve --trusted-proxy router", "--trusted-proxy", nil},
		{"public URL", "serve --public-url films.example.org", "--public-url", nil},
		{"log level", "serve --log-level loud", "--log-level", nil},
		{"log format", "serve --log-format xml", "text or json", nil},
		{"node", "ls --node localhost:3003", "It is a URL", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, stdout, stderr := testApp(t, c.env)
			if code := run(context.Background(), strings.Fields(c.line), a); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			if !strings.Contains(stderr.String(), c.says) || !strings.Contains(stderr.String(), "Try: ") {
				t.Errorf("says:\n%swant %q and a remedy", stderr, c.says)
			}
			if stdout.Len() > 0 {
				t.Errorf("standard output has %q", stdout)
			}
		})
	}
}

func TestServeReadsItsFlags(t *testing.T) {
	a, _, _ := testApp(t, nil)
	cmd, err := settings(t, a, "--data", "here", "--capacity", "5GB", "--trusted-proxy", "10.0.0.0/8,192.168.1.1",
		"--public-url", "https://films.example.org/", "--allow-host", "films", "--name", "attic")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := a.nodeConfig(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Capacity != 5e9 || cfg.PublicURL != "https://films.example.org" || cfg.Name != "attic" {
		t.Errorf("config is %+v", cfg)
	}
	if len(cfg.TrustedProxies) != 2 || cfg.TrustedProxies[1].String() != "192.168.1.1/32" || len(cfg.AllowHosts) != 1 {
		t.Errorf("proxies %v, hosts %v", cfg.TrustedProxies, cfg.AllowHosts)
	}
}

func TestServeReadsWhatItIsToldOfOtherNodes(t *testing.T) {
	const link = linkStart + "1/AAAA"
	cases := []struct {
		name, line string
		want       func(*node.Config)
	}{
		{"nothing", "", func(*node.Config) {}},
		{"everything", "--p2p 127.0.0.1:9 --join " + link + " --zone attic --repair-after 1h --advertise a.example:1 --advertise [fd00::7]:2 --no-mdns --copies 3 --cache-mb 5",
			func(cfg *node.Config) {
				*cfg = node.Config{
					P2P: "127.0.0.1:9", Join: link, Zone: "attic", RepairAfter: time.Hour, Advertise: []string{"a.example:1", "[fd00::7]:2"},
					NoMDNS: true, Copies: 3, CacheBytes: 5e6,
				}
			}},
		{"no cache", "--cache-mb 0", func(cfg *node.Config) { cfg.CacheBytes = -1 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, _, _ := testApp(t, nil)
			cmd, err := settings(t, a, strings.Fields(c.line)...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.nodeConfig(cmd)
			if err != nil {
				t.Fatal(err)
			}
			want := node.Config{P2P: ":9004", RepairAfter: 10 * time.Minute, Advertise: []string{}, CacheBytes: 100e6}
			c.want(&want)
			if diff := cmp.Diff(want, clusterPart(got)); diff != "" {
				t.Errorf("config differs (-want +got):\n%s", diff)
			}
		})
	}
}

// clusterPart is a config with nothing in it but what it says of other nodes.
func clusterPart(cfg node.Config) node.Config {
	return node.Config{
		P2P: cfg.P2P, Join: cfg.Join, Zone: cfg.Zone, RepairAfter: cfg.RepairAfter, Advertise: cfg.Advertise, NoMDNS: cfg.NoMDNS,
		Copies: cfg.Copies, CacheBytes: cfg.CacheBytes,
	}
}

func TestALinkIsTakenAsItIsPasted(t *testing.T) {
	if got, err := joinLink(" " + linkStart + "1/AAAA\n"); got != linkStart+"1/AAAA" || err != nil {
		t.Errorf("link is %q, %v", got, err)
	}
}

func TestWhyANodeDidNotStartNamesTheFlag(t *testing.T) {
	cfg := node.Config{HTTP: "127.0.0.1:3003", P2P: "127.0.0.1:9004"}
	cases := []struct {
		name string
		err  error
		want trouble
	}{
		{"a busy port for browsers", fmt.Errorf("listen: %w", syscall.EADDRINUSE),
			trouble{what: "cannot listen on 127.0.0.1:3003", do: "shoal serve --http 127.0.0.1:3004"}},
		{"a busy port for nodes", fmt.Errorf("%w: %w", node.ErrP2P, syscall.EADDRINUSE),
			trouble{what: "cannot listen on 127.0.0.1:9004 for other nodes", do: "shoal serve --p2p 127.0.0.1:9005"}},
		{"a reason with its remedy", &node.JoinError{Err: errors.New("the invite has expired; make a new one")},
			trouble{what: "cannot join: the invite has expired", do: "make a new one"}},
		{"a reason without one", &node.JoinError{Err: errors.New("nobody answers")},
			trouble{what: "cannot join: nobody answers", do: "9004 (TCP)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got *trouble
			if !errors.As(explainOpen(c.err, cfg), &got) || got.what != c.want.what || !strings.Contains(got.do, c.want.do) {
				t.Errorf("says %+v, want %+v", got, c.want)
			}
		})
	}
}
