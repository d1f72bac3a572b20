package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// box is a running node with a client.
type box struct {
	*process
	lab   *lab
	dir   string
	base  string
	token string
	// flags are those it was started with, beside where its data and its browsers are.
	flags []string
	// took is the time from the start of the program to its first answer.
	took time.Duration
}

// alone are the flags of a node that others cannot know of; the usual port may be another one's.
var alone = []string{"--p2p", loopback + ":0", "--no-mdns"}

// startBox runs a node over dir, or over a new folder for "", at a free address.
func (l *lab) startBox(dir string) (*box, error) {
	address, err := freeAddress(loopback)
	if err != nil {
		return nil, err
	}
	return l.startBoxAt(dir, address, alone...)
}

// startBoxAt is startBox with an address and more flags of serve.
func (l *lab) startBoxAt(dir, address string, flags ...string) (*box, error) {
	if dir == "" {
		var err error
		if dir, err = l.folder("node"); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	p, err := startProcess(l.shoal, append([]string{"serve", "--data", dir, "--http", address}, flags...)...)
	if err != nil {
		return nil, err
	}
	b := &box{process: p, lab: l, dir: dir, base: "http://" + address, flags: flags}
	if err = l.answers(b.base+"/healthz", p); err == nil {
		b.took = time.Since(began)
		var token []byte
		token, err = os.ReadFile(filepath.Join(dir, "admin.token"))
		b.token = strings.TrimSpace(string(token))
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	return b, nil
}

// video is what is read of the API's Video.
type video struct {
	ID       string
	State    string
	Playable bool
	Duration float64
	Error    *struct{ Message string }
}

// do asks the node and reads the answer into out, unless that is nil.
func (b *box) do(ctx context.Context, method, path string, body io.Reader, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, b.base+path, body)
	if err != nil {
		return err
	}
	if f, ok := body.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			r.ContentLength = info.Size()
		}
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, res.Status, text)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return err
}

// added is when what happened to a film that was added.
type added struct {
	id string
	// began is before the first byte, sent after the last one, accepted when the node had answered.
	began, sent, accepted time.Time
}

// add sends a file as a script would.
func (b *box) add(path string) (added, error) {
	f, err := os.Open(path)
	if err != nil {
		return added{}, err
	}
	defer f.Close()
	a := added{began: time.Now()}
	ctx := httptrace.WithClientTrace(b.lab.ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { a.sent = time.Now() },
	})
	var v video
	err = b.do(ctx, http.MethodPost, "/api/v1/videos?name="+url.QueryEscape(filepath.Base(path)), f, &v)
	a.id, a.accepted = v.ID, time.Now()
	return a, err
}

// until asks for a video every few milliseconds until it is as wanted.
func (b *box) until(id string, wanted func(video) bool) (time.Time, error) {
	for {
		var v video
		err := b.do(b.lab.ctx, http.MethodGet, "/api/v1/videos/"+id, nil, &v)
		switch {
		case err != nil:
			return time.Time{}, err
		case wanted(v):
			return time.Now(), nil
		case v.State == "failed":
			return time.Time{}, errors.New(v.Error.Message)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func ready(v video) bool { return v.State == "ready" }

func playable(v video) bool { return v.Playable }

// addReady adds a film and waits until nothing is left to be done for it.
func (b *box) addReady(path string) (string, error) {
	a, err := b.add(path)
	if err == nil {
		_, err = b.until(a.id, ready)
	}
	for err == nil {
		var status struct {
			Ingest []json.RawMessage
		}
		if err = b.do(b.lab.ctx, http.MethodGet, "/api/v1/status", nil, &status); err != nil || len(status.Ingest) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return a.id, err
}

func (b *box) purge(id string) error {
	return b.do(b.lab.ctx, http.MethodDelete, "/api/v1/videos/"+id+"?purge=true", nil, nil)
}

// get returns the content of a path.
func (b *box) get(path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(b.lab.ctx, http.MethodGet, b.base+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return io.ReadAll(res.Body)
}

// memory returns a line of what the system says of the node's memory, such as VmHWM, in bytes.
func (b *box) memory(line string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory of the node: %w", err)
	}
	for l := range bytes.Lines(text) {
		name, value, _ := strings.Cut(string(l), ":")
		if name == line {
			kilobytes, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kilobytes * 1024, err
		}
	}
	return 0, fmt.Errorf("the system does not tell %s", line)
}

// files returns the paths of all that a video's playlists name, playlists first.
func (b *box) files(id string) (paths []string, err error) {
	folder := "/hls/" + id + "/"
	todo := []string{folder + "master.m3u8"}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		paths = append(paths, at)
		text, err := b.get(at)
		if err != nil {
			return nil, err
		}
		for _, name := range named(string(text)) {
			path := at[:strings.LastIndexByte(at, '/')+1] + name
			if strings.HasPrefix(name, "/") {
				path = name
			}
			if strings.HasSuffix(name, ".m3u8") {
				todo = append(todo, path)
			} else {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

// named returns what a playlist names: its lines that are no tags, and the URIs within tags.
func named(playlist string) (names []string) {
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		if _, rest, found := strings.Cut(line, `URI="`); found && strings.HasPrefix(line, "#") {
			line, _, _ = strings.Cut(rest, `"`)
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			names = append(names, line)
		}
	}
	return names
}
