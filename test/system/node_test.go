// Package system_test runs whole nodes over HTTP with the real ffmpeg.
package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/node"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// machine is a running node and a client with its admin token.
type machine struct {
	t     testing.TB
	dir   string
	base  string
	token string
	stop  func()
}

// boot starts a node over dir, which may hold an earlier node's data.
func boot(t testing.TB, dir string) *machine {
	t.Helper()
	return bootWith(t, node.Config{Data: dir})
}

// bootWith starts a node with settings of its own.
func bootWith(t testing.TB, cfg node.Config) *machine {
	t.Helper()
	cfg.HTTP = "127.0.0.1:0"
	if cfg.Name == "" {
		cfg.Name = "test"
	}
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	m := &machine{t: t, dir: cfg.Data, base: "http://" + n.Addr().String(), token: tokenOf(t, cfg.Data)}
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(m.stop)
	return m
}

func tokenOf(t testing.TB, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (m *machine) do(method, path string, body io.Reader, header ...string) answer {
	m.t.Helper()
	a, err := m.try(method, path, body, header...)
	if err != nil {
		m.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (m *machine) try(method, path string, body io.Reader, header ...string) (answer, error) {
	m.t.Helper()
	ctx := context.WithoutCancel(m.t.Context())
	r, err := http.NewRequestWithContext(ctx, method, m.base+path, body)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+m.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text}, err
}

func (m *machine) get(path string) answer {
	m.t.Helper()
	a := m.do("GET", path, nil)
	if a.status != http.StatusOK {
		m.t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	return a
}

// video is what the tests read of the API's Video.
type video struct {
	ID, Title, State, Stage string
	Progress, Duration      float64
	Playable, Duplicate     bool
	Poster                  *string
	Error                   *struct{ Code, Message string }
	Copies                  struct{ Want, Have int }
	Node                    *struct{ Name string }
	Renditions              []struct {
		ID, Kind, Codec string
		Width, Height   int
	}
}

func decode[T any](t testing.TB, text []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func (m *machine) add(path string) video {
	m.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	a := m.do("POST", "/api/v1/videos?name="+url.QueryEscape(filepath.Base(path)), f)
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		m.t.Fatalf("add %s: %d %s", path, a.status, a.body)
	}
	return decode[video](m.t, a.body)
}

// await polls the video until ok says so of it.
func (m *machine) await(id string, ok func(video) bool) video {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		v := decode[video](m.t, m.get("/api/v1/videos/"+id).body)
		if ok(v) {
			return v
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			m.t.Fatalf("still %+v", v)
		}
	}
}

func (m *machine) ended(id string) video {
	m.t.Helper()
	return m.await(id, func(v video) bool { return v.State == "ready" || v.State == "failed" })
}

// ffprobe returns one value that ffprobe reads from an address or file.
func ffprobe(t testing.TB, source, entries string, more ...string) string {
	t.Helper()
	args := append([]string{"-v", "error", "-of", "csv=p=0", "-show_entries", entries}, more...)
	var said bytes.Buffer
	cmd := exec.Command("ffprobe", append(args, source)...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("ffprobe %s: %v %s", source, err, said.String())
	}
	return strings.TrimSpace(string(out))
}

// files lists what lies under dir, without chunks and records.
func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	for _, sub := range []string{"jobs", "chunks/tmp", "quarantine"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".later") { // a ready video's storyboard is still to come
				continue
			}
			all = append(all, fmt.Sprintf("%s/%s", sub, e.Name()))
		}
	}
	return all
}

func TestNodeWithoutRoomForItsAnnouncementPlaysOn(t *testing.T) {
	dir := t.TempDir()
	// A folder in the file's place cannot be written over, even by root.
	if err := os.MkdirAll(filepath.Join(dir, "node.json", "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	bootWith(t, node.Config{Data: dir}).get("/healthz")
}
