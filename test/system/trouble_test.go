package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shoal/test/film"
)

func TestNamesAreTextAndNeverPaths(t *testing.T) {
	dir := t.TempDir()
	m := boot(t, dir)
	content := []byte("no film")
	for i, name := range []string{"../../etc/passwd", `"quoted" <script>alert(1)</script>.mp4`, "two\nlines.mp4", strings.Repeat("long", 75) + ".mp4", "-version", "http:127.0.0.1:1", "\xff\xfe", "con%d.mp4"} {
		a := m.do("POST", "/api/v1/videos?name="+url.QueryEscape(name), bytes.NewReader(fmt.Append(content, i)))
		if a.status != http.StatusCreated {
			t.Errorf("%q: %d %s", name, a.status, a.body)
			continue
		}
		v := m.ended(decode[video](t, a.body).ID)
		if v.State != "failed" || v.Error == nil || v.Error.Code != "not_a_video" {
			t.Errorf("%q: %s %+v", name, v.State, v.Error)
		}
	}
	m.stop()
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestVanishedClientLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	m := boot(t, dir)
	address := strings.TrimPrefix(m.base, "http://")
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /api/v1/videos?name=x.mp4 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\nhalf a film", address, m.token)
	awaitList(t, m, 1)
	c.Close()
	awaitList(t, m, 0)
	m.stop()
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// awaitList polls until n videos are listed.
func awaitList(t *testing.T, m *machine, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		list := decode[struct{ Videos []video }](t, m.get("/api/v1/videos").body)
		if len(list.Videos) == n {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d videos listed, want %d", len(list.Videos), n)
		}
	}
}

func TestFullDiskRefusesAndPlaysOn(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("a small file system can only be mounted by root on Linux")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m", "shoal-test", dir).CombinedOutput(); err != nil {
		t.Skipf("mount: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	m := boot(t, dir)
	good := m.ended(m.add(film.Make(t, "good.mp4", film.Source(160, 90, 6), film.H264())).ID)
	large := bytes.Repeat([]byte{7}, 30<<20)
	if a := m.do("POST", "/api/v1/videos?name=large.mp4", bytes.NewReader(large)); a.status != http.StatusInsufficientStorage {
		t.Errorf("announced: %d %s", a.status, a.body)
	}
	if a, err := m.try("POST", "/api/v1/videos?name=large.mp4", io.MultiReader(bytes.NewReader(large))); err == nil && a.status != http.StatusInsufficientStorage {
		t.Errorf("unannounced: %d %s", a.status, a.body)
	}
	awaitList(t, m, 1)
	checkPlays(t, m, good, 6)
	m.stop()
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestKillLosesNothingThatWasAcknowledged kills a real node at random moments while films come in.
func TestKillLosesNothingThatWasAcknowledged(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "shoal")
	if out, err := exec.Command("go", "build", "-o", binary, "shoal/cmd/shoal").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	content, err := os.ReadFile(film.Make(t, "film.mp4", film.Source(320, 180, 8), film.H264()))
	if err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	for round := range 6 {
		m, kill := launch(t, binary, dir)
		deadline := time.AfterFunc(time.Duration(random.IntN(600))*time.Millisecond, kill)
		for i := range 20 {
			// A box that every reader skips makes each film another file.
			box := fmt.Appendf(nil, "\x00\x00\x00\x10free%04d%04d", round, i)
			a, err := m.try("POST", "/api/v1/videos?name=x.mp4", bytes.NewReader(append(bytes.Clone(content), box...)))
			if err != nil || a.status != http.StatusCreated {
				break
			}
			acknowledged = append(acknowledged, decode[video](t, a.body).ID)
		}
		deadline.Stop()
		kill()
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged in any round")
	}
	m := boot(t, dir)
	for _, id := range acknowledged {
		if v := m.ended(id); v.State != "ready" {
			t.Errorf("video %s: %s %+v", id, v.State, v.Error)
		}
	}
	checkPlays(t, m, m.ended(acknowledged[len(acknowledged)-1]), 8)
	// A film may have been taken in whose answer did not get out any more; it is prepared all the same.
	for _, v := range decode[struct{ Videos []video }](t, m.get("/api/v1/videos").body).Videos {
		if v := m.ended(v.ID); v.State != "ready" {
			t.Errorf("video %s: %s %+v", v.ID, v.State, v.Error)
		}
	}
	m.stop()
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// launch starts the binary and returns when it listens. Kill ends it with SIGKILL and waits.
func launch(t *testing.T, binary, dir string) (m *machine, kill func()) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--data", dir, "--http", "127.0.0.1:0", "--p2p", "127.0.0.1:0", "--no-mdns")
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	_ = os.Remove(filepath.Join(dir, "node.json"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	kill = func() { _ = cmd.Process.Kill(); <-ended }
	t.Cleanup(kill)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var at struct{ HTTP string }
		text, err := os.ReadFile(filepath.Join(dir, "node.json"))
		if err == nil && json.Unmarshal(text, &at) == nil && at.HTTP != "" {
			return &machine{t: t, dir: dir, base: "http://" + at.HTTP, token: tokenOf(t, dir)}, kill
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatal("the node ended by itself")
		case <-ctx.Done():
			t.Fatal("the node does not listen")
		}
	}
}
