package main

import (
	"context"
	"strings"
	"testing"
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
		{"invite", "invite", "not available yet", nil},
		{"drain", "drain", "not available yet", nil},
		{"repair", "repair --dry-run", "not available yet", nil},
		{"backup to nowhere", "backup", "accepts 1 arg", nil},
		{"restore from nowhere", "restore", "accepts 1 arg", nil},
		{"join", "serve --join shoal://x", "--join is not available yet", nil},
		{"p2p, though it is the default", "serve --p2p :9004", "--p2p is not available yet", nil},
		{"p2p in the environment", "serve", "--p2p is not available yet", map[string]string{"SHOAL_P2P": ":9004"}},
		{"zone", "serve --zone attic", "--zone is not available yet", nil},
		{"repair-after", "serve --repair-after 10m", "--repair-after is not available yet", nil},
		{"private", "serve --access private", "--access private is not available yet", nil},
		{"access", "serve --access sometimes", "open or private", nil},
		{"watch", "serve --watch nowhere", "cannot watch nowhere", nil},
		{"max-upload", "serve --max-upload 50%", "--max-upload 50GB", nil},
		{"port", "serve --http :99999", "99999", nil},
		{"port by name", "serve --http :films", "films", nil},
		{"advertise", "serve --advertise x", "--advertise is not available yet", nil},
		{"cache", "serve --cache-mb 5", "--cache-mb is not available yet", nil},
		{"copies", "serve --copies 3", "--copies 3 is not available yet", nil},
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

func TestFlagsThatAskForWhatHappensAnywayAreWelcome(t *testing.T) {
	a, _, _ := testApp(t, nil)
	cmd, err := settings(t, a, "--copies", "2", "--access", "open", "--no-mdns")
	if err != nil {
		t.Fatal(err)
	}
	if err := refuseUnavailable(cmd.Flags()); err != nil {
		t.Error(err)
	}
}

func TestHelpNamesWhatIsNotAvailable(t *testing.T) {
	a, stdout, _ := testApp(t, nil)
	if code := run(context.Background(), []string{"repair", "--help"}, a); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stdout.String(), "--dry-run") {
		t.Errorf("help of repair is:\n%s", stdout)
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
	if cfg.Capacity != 5e9 || cfg.PublicURL != "https://films.example.org" || cfg.Name != "attic" || cfg.Copies != 2 {
		t.Errorf("config is %+v", cfg)
	}
	if len(cfg.TrustedProxies) != 2 || cfg.TrustedProxies[1].String() != "192.168.1.1/32" || len(cfg.AllowHosts) != 1 {
		t.Errorf("proxies %v, hosts %v", cfg.TrustedProxies, cfg.AllowHosts)
	}
}
