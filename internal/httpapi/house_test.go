package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/httpapi"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/stream"
)

const (
	token  = "admin-token-of-43-characters-aaaaaaaaaaaaaa"
	nodeID = "node-one"
	// local is the Host of requests that name none.
	local = "127.0.0.1:3003"
)

// house is a Handler with a real library and real streams behind it, and fakes for the rest.
type house struct {
	*httpapi.Handler
	t        testing.TB
	library  *library.Library
	chunks   *chunktest.Memory
	importer *importer
	disk     *disk
	upkeep   *keeper
	log      *logBuffer
	clock    *clock
	film     film
}

// film is the video that every house has, ready to play.
type film struct {
	id       manifest.VideoID
	segment  []byte
	hash     chunk.Ref
	poster   chunk.Ref
	init     chunk.Ref
	manifest *manifest.Manifest
}

func newHouse(t testing.TB, adjust ...func(*httpapi.Config)) *house {
	t.Helper()
	return newHouseOver(t, t.TempDir(), ingest.Config{}, adjust...)
}

// newHouseOver is newHouse with the files in dir, as after a restart.
func newHouseOver(t testing.TB, dir string, limits ingest.Config, adjust ...func(*httpapi.Config)) *house {
	t.Helper()
	h := &house{t: t, chunks: chunktest.NewMemory(t), disk: newDisk(), log: &logBuffer{}, clock: newClock()}
	var err error
	h.library, err = library.Open(t.Context(), &records{rows: make(map[string][]byte)}, h.chunks, library.Options{Now: h.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	h.importer = newImporter(h, dir, limits)
	h.upkeep = &keeper{library: h.library}
	cfg := httpapi.Config{
		Library: h.library, Importer: h.importer, Disk: h.disk, Upkeep: h.upkeep,
		Streams: stream.New(h.chunks, h.library),
		Pages: fstest.MapFS{
			"index.html":            {Data: []byte("<!doctype html><title>Shoal</title>" + strings.Repeat(" ", 2000))},
			"favicon.svg":           {Data: []byte("<svg/>")},
			"assets/main-12345.js":  {Data: bytes.Repeat([]byte("let x = 1;\n"), 1000)},
			"assets/font-12345.bin": {Data: []byte{0, 1, 2}},

			"assets/hash-worker-12345.js": {Data: []byte("let y = 2;\n")},
		},
		Node:       httpapi.Node{ID: nodeID, Name: "Attic", Version: "1.2.3"},
		AdminToken: token, Registry: prometheus.NewRegistry(),
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: h.clock.now,
	}
	for _, f := range adjust {
		f(&cfg)
	}
	if h.Handler, err = httpapi.New(cfg); err != nil {
		t.Fatal(err)
	}
	h.film = h.addFilm("The.Last.Wave.mkv")
	return h
}

// addFilm puts a ready video of one picture and one sound rendition into the library.
func (h *house) addFilm(name string) film {
	h.t.Helper()
	f := film{segment: chunktest.Data(7, chunk.MaxSize+3000)}
	f.hash = chunk.Sum(f.segment)
	picture := manifest.Rendition{
		ID: "v0", Kind: manifest.Video, Codec: "avc1.64001f", Width: 1280, Height: 720, FrameRate: 25,
		Source: true, TrackID: 1, Timescale: 1000, Complete: true, Init: h.blob([]byte("picture's head")),
		Segments: []manifest.Segment{{Blob: h.blob(f.segment), Duration: 4000}},
	}
	sound := manifest.Rendition{
		ID: "a0", Kind: manifest.Audio, Codec: "mp4a.40.2", Channels: 2, Language: "en", Default: true,
		Source: true, TrackID: 2, Timescale: 48000, Complete: true, Init: h.blob([]byte("sound's head")),
		Segments: []manifest.Segment{{Blob: h.blob([]byte("sound")), Duration: 4 * 48000}},
	}
	poster := h.blob([]byte("a picture"))
	f.poster, f.init = poster.Hash, picture.Init.Hash
	f.manifest = &manifest.Manifest{
		Version: manifest.Version, Duration: 4 * time.Second, Complete: true, Poster: &poster,
		Renditions: []manifest.Rendition{picture, sound},
	}
	f.id = h.accepted(name)
	data, err := f.manifest.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.library.Publish(h.t.Context(), f.id, f.manifest, h.blob(data).Chunks); err != nil {
		h.t.Fatal(err)
	}
	return f
}

// accepted adds a video in state processing.
func (h *house) accepted(name string) manifest.VideoID {
	h.t.Helper()
	id, err := h.library.Receive(name, "")
	if err == nil {
		_, _, err = h.library.Accept(h.t.Context(), id, 5000, chunk.Sum([]byte(name)))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) blob(data []byte) manifest.Blob {
	b := manifest.Blob{Hash: chunk.Sum(data), Size: int64(len(data))}
	for len(data) > 0 {
		n := min(len(data), chunk.MaxSize)
		b.Chunks = append(b.Chunks, chunktest.Put(h.t, h.chunks, data[:n]))
		data = data[n:]
	}
	return b
}

func (h *house) segmentPath() string {
	return "/hls/" + string(h.film.id) + "/v0/" + manifest.SegmentName(h.film.hash)
}

// asks sends a request straight to the handler. Headers come in pairs; "Host" and "RemoteAddr" are taken as such.
func (h *house) asks(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Host, r.RemoteAddr = local, "192.0.2.7:1234"
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "RemoteAddr":
			r.RemoteAddr = headers[i+1]
		default:
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// adminAsks is asks with the admin token.
func (h *house) adminAsks(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.asks(method, path, body, append(headers, "Authorization", "Bearer "+token)...)
}

// serve answers on a TCP port of the loopback until the test ends, and returns the URL.
func (h *house) serve() string {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.serveOn(l)
	return "http://" + l.Addr().String()
}

// serveOn answers on l until the test ends or stop is called, which returns what Serve did.
func (h *house) serveOn(l net.Listener) (stop func() error) {
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ctx, l) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	h.t.Cleanup(func() {
		if err := stop(); err != nil {
			h.t.Errorf("Serve: %v", err)
		}
	})
	return stop
}

// code returns the error code in an answer, "" when there is none.
func code(w *httptest.ResponseRecorder) string {
	var body struct {
		Error library.Problem `json:"error"`
	}
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	return body.Error.Code
}

// decode reads an answer's JSON.
func decode[T any](t testing.TB, body io.Reader) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		t.Fatalf("decode answer: %v", err)
	}
	return v
}

// want fails the test unless the answer has this status, and this error code if one is given.
func want(t testing.TB, w *httptest.ResponseRecorder, status int, codes ...string) {
	t.Helper()
	if w.Code != status || len(codes) > 0 && code(w) != codes[0] {
		t.Errorf("answer %d %s, want %d %v\n%s", w.Code, code(w), status, codes, w.Body)
	}
}

// records keeps rows in memory.
type records struct {
	mu   sync.Mutex
	rows map[string][]byte
}

func (m *records) Save(_ context.Context, bucket, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[bucket+"/"+key] = bytes.Clone(value)
	return nil
}

func (m *records) Load(_ context.Context, bucket, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, found := m.rows[bucket+"/"+key]; found {
		return bytes.Clone(value), nil
	}
	return nil, fs.ErrNotExist
}

func (m *records) Delete(_ context.Context, bucket, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, bucket+"/"+key)
	return nil
}

func (m *records) Each(_ context.Context, bucket string, f func(string, []byte) error) error {
	m.mu.Lock()
	rows := maps.Clone(m.rows)
	m.mu.Unlock()
	for name, value := range rows {
		key, found := strings.CutPrefix(name, bucket+"/")
		if !found {
			continue
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

// cookieOf signs in with the admin token and returns the cookie as a browser sends it back.
func (h *house) cookieOf() string {
	h.t.Helper()
	w := h.asks("POST", "/api/v1/session", `{"token":"`+token+`"}`, "RemoteAddr", "192.0.2.99:1")
	want(h.t, w, http.StatusOK)
	cookie := w.Result().Cookies()[0]
	return cookie.Name + "=" + cookie.Value
}

// around is a testing.F for a house that serves all runs of a fuzz target; inside one, most methods of F panic.
type around struct{ *testing.F }

func (around) Context() context.Context { return context.Background() }
func (around) Helper()                  {}
