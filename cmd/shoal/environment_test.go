package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// testApp runs commands in an empty directory with exactly the given environment.
func testApp(t *testing.T, env map[string]string) (a *app, stdout, stderr *bytes.Buffer) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("HOME", t.TempDir())
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &app{stdout: stdout, stderr: stderr, lookupEnv: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}}, stdout, stderr
}

// settings applies flags, environment and .env to serve's command, and returns it.
func settings(t *testing.T, a *app, args ...string) (*cobra.Command, error) {
	t.Helper()
	cmd := serveCommand(a)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return cmd, a.applyEnvironment(cmd)
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFlagsWinOverEnvironmentOverDotenvOverDefault(t *testing.T) {
	env := map[string]string{"SHOAL_HTTP": ":2", "SHOAL_NAME": "env", "SHOAL_LOG_LEVEL": ""}
	a, _, _ := testApp(t, env)
	writeFile(t, ".env", "SHOAL_HTTP=:3\nSHOAL_NAME=file\nSHOAL_CAPACITY=3GB\nSHOAL_ALLOW_HOST=a.example,b.example\n")
	cmd, err := settings(t, a, "--http", ":1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"http": ":1", "name": "env", "capacity": "3GB", "log-level": "info", "log-format": "text", "allow-host": "[a.example,b.example]",
	}
	for name, value := range want {
		if got := text(cmd.Flags(), name); got != value {
			t.Errorf("--%s is %q, want %q", name, got, value)
		}
	}
}

func TestABadVariableIsMisuseThatNamesIt(t *testing.T) {
	a, _, stderr := testApp(t, map[string]string{"SHOAL_COPIES": "many"})
	if code := run(context.Background(), []string{"serve"}, a); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	if !strings.Contains(stderr.String(), "SHOAL_COPIES") {
		t.Errorf("the message does not name the variable:\n%s", stderr)
	}
}

func TestABadDotenvIsMisuse(t *testing.T) {
	a, _, stderr := testApp(t, nil)
	writeFile(t, ".env", "this is = not ' a setting\n\"")
	if code := run(context.Background(), []string{"ls"}, a); code != exitUsage {
		t.Errorf("exit code %d, want %d:\n%s", code, exitUsage, stderr)
	}
}

func TestOldVariablesAreUnderstoodWhereTheNewOnesAreSilent(t *testing.T) {
	type places struct{ HTTP, P2P, Advertise string }
	cases := []struct {
		name string
		env  map[string]string
		args []string
		want places
		log  string
	}{
		{"API_PORT is the HTTP port", map[string]string{"API_PORT": "5000"}, nil, places{":5000", ":9004", ""}, "API_PORT is understood; its name is SHOAL_HTTP"},
		{"SHOAL_HTTP wins", map[string]string{"API_PORT": "5000", "SHOAL_HTTP": ":6000"}, nil, places{":6000", ":9004", ""}, ""},
		{"a flag wins", map[string]string{"API_PORT": "5000"}, []string{"--http", ":7000"}, places{":7000", ":9004", ""}, ""},
		{"HOST_PORT is the port for nodes", map[string]string{"HOST_PORT": "9001"}, nil, places{":3003", ":9001", ""}, "HOST_PORT is understood; its name is SHOAL_P2P"},
		{"--p2p wins", map[string]string{"HOST_PORT": "9001"}, []string{"--p2p", ":9002"}, places{":3003", ":9002", ""}, ""},
		{"HOST_IP is advertised with that port", map[string]string{"HOST_IP": "192.168.1.2", "HOST_PORT": "9001"}, nil,
			places{":3003", ":9001", "192.168.1.2:9001"}, "HOST_IP is understood; its name is SHOAL_ADVERTISE"},
		{"IPv6 too", map[string]string{"HOST_IP": "fd00::7"}, nil, places{":3003", ":9004", "[fd00::7]:9004"}, "HOST_IP is understood"},
		{"--advertise wins", map[string]string{"HOST_IP": "192.168.1.2"}, []string{"--advertise", "a:1"}, places{":3003", ":9004", "a:1"}, ""},
		{"an address that is everyone's is not", map[string]string{"HOST_IP": "0.0.0.0"}, nil, places{":3003", ":9004", ""}, "HOST_IP has no effect"},
		{"DHT_PORT is not needed", map[string]string{"DHT_PORT": "9000"}, nil, places{":3003", ":9004", ""}, "DHT_PORT has no effect"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, _, stderr := testApp(t, c.env)
			cmd, err := settings(t, a, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := a.nodeConfig(cmd)
			if err != nil {
				t.Fatal(err)
			}
			if got := (places{cfg.HTTP, cfg.P2P, strings.Join(cfg.Advertise, " ")}); got != c.want {
				t.Errorf("the node is at %+v, want %+v", got, c.want)
			}
			if !strings.Contains(stderr.String(), c.log) || c.log == "" && stderr.Len() > 0 {
				t.Errorf("log is %q, want %q in it", stderr, c.log)
			}
		})
	}
}

func TestEveryServeFlagOfTheContractIsThere(t *testing.T) {
	a, _, _ := testApp(t, nil)
	flags := serveCommand(a).Flags()
	for _, name := range strings.Fields("data http p2p name join copies capacity zone repair-after access watch max-upload advertise " +
		"no-mdns demo allow-host public-url trusted-proxy cache-mb tls-cert tls-key log-format log-level") {
		if flags.Lookup(name) == nil {
			t.Errorf("serve has no --%s", name)
		}
	}
}
