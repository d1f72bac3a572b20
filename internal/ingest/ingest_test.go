package ingest_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/test/film"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// catalog is a fake that checks the order of a video's life and lets a test wait for its end.
type catalog struct {
	t  testing.TB
	mu sync.Mutex

	ids    int
	videos map[manifest.VideoID]*video // guarded by mu
	change chan struct{}               // closed and replaced at each change; guarded by mu
	// between is what somebody else does once, after Stored.
	between func(v *video) // guarded by mu
}

type video struct {
	state    string
	code     string
	message  string
	sum      chunk.Ref
	progress float64
	drafts   []*manifest.Manifest
	final    *manifest.Manifest
	at       []chunk.Info
	// published are the chunks of all manifests, those before the last one too: the collector takes them.
	published []chunk.Info
}

func newCatalog(t testing.TB) *catalog {
	return &catalog{t: t, videos: make(map[manifest.VideoID]*video), change: make(chan struct{})}
}

func (c *catalog) with(id manifest.VideoID, fn func(v *video)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.videos[id]; v != nil {
		fn(v)
	}
	close(c.change)
	c.change = make(chan struct{})
}

func (c *catalog) Receive(string, string) (manifest.VideoID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	id := manifest.VideoID(strings.Repeat("a", 24) + string(rune('a'+c.ids)) + "a")
	c.videos[id] = &video{state: "receiving"}
	return id, nil
}

func (c *catalog) Resume(id manifest.VideoID, _, _ string, _ time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.videos[id]; v != nil && v.state != "receiving" {
		return errors.New("the id is taken")
	}
	c.videos[id] = &video{state: "receiving"}
	return nil
}

func (c *catalog) Forget(id manifest.VideoID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.videos, id)
}

func (c *catalog) Accept(_ context.Context, id manifest.VideoID, size int64, sum chunk.Ref) (manifest.VideoID, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, v := range c.videos {
		if v.sum == sum && v.state != "failed" {
			return other, true, nil
		}
	}
	c.videos[id].state, c.videos[id].sum = "processing", sum
	return "", false, nil
}

func (c *catalog) Unfinished() (ids []manifest.VideoID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, v := range c.videos {
		if v.state == "processing" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *catalog) Progress(id manifest.VideoID, stage string, fraction float64) {
	c.with(id, func(v *video) {
		if fraction < v.progress || fraction > 1 {
			c.t.Errorf("progress of %s went from %f to %f", stage, v.progress, fraction)
		}
		v.progress = fraction
	})
}

func (c *catalog) Describe(manifest.VideoID, time.Duration) {}

func (c *catalog) Draft(id manifest.VideoID, m *manifest.Manifest) {
	c.with(id, func(v *video) { v.drafts = append(v.drafts, m) })
}

func (c *catalog) Publish(_ context.Context, id manifest.VideoID, m *manifest.Manifest, at []chunk.Info) error {
	c.with(id, func(v *video) { v.state, v.final, v.at, v.published = "ready", m, at, append(v.published, at...) })
	return nil
}

func (c *catalog) Manifest(_ context.Context, id manifest.VideoID) (*manifest.Manifest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.videos[id]; v != nil && v.state == "ready" {
		return v.final, nil
	}
	return nil, errors.New("not ready")
}

func (c *catalog) Stored(_ context.Context, id manifest.VideoID) (*manifest.Manifest, []chunk.Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.videos[id]
	if v == nil || v.state != "ready" {
		return nil, nil, errors.New("not ready")
	}
	if between := c.between; between != nil {
		c.between = nil
		defer between(v)
	}
	return v.final, v.at, nil
}

func (c *catalog) Replace(ctx context.Context, id manifest.VideoID, was []chunk.Info, m *manifest.Manifest, at []chunk.Info) (bool, error) {
	_, now, err := c.Stored(ctx, id)
	if err != nil || !slices.Equal(now, was) {
		return false, err
	}
	return true, c.Publish(ctx, id, m, at)
}

var errElsewhere = errors.New("another node prepares it")

func (c *catalog) Here(id manifest.VideoID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.videos[id]; v != nil && v.state == "elsewhere" {
		return errElsewhere
	}
	return nil
}

func (c *catalog) Retry(_ context.Context, id manifest.VideoID) error {
	c.with(id, func(v *video) { v.state, v.code, v.progress = "processing", "", 0 })
	return nil
}

func (c *catalog) Fail(_ context.Context, id manifest.VideoID, code, message string) error {
	c.with(id, func(v *video) { v.state, v.code, v.message = "failed", code, message })
	return nil
}

// await returns a copy of the video when ok says so of it.
func (c *catalog) await(id manifest.VideoID, ok func(v *video) bool) video {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for {
		c.mu.Lock()
		v, change := c.videos[id], c.change
		if v != nil && ok(v) {
			defer c.mu.Unlock()
			return *v
		}
		c.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			c.t.Fatalf("video %s: still %+v", id, v)
		}
	}
}

func (c *catalog) ended(id manifest.VideoID) video {
	c.t.Helper()
	return c.await(id, func(v *video) bool { return v.state == "ready" || v.state == "failed" })
}

// bench is a running importer over a store in memory.
type bench struct {
	*ingest.Importer
	t       testing.TB
	catalog *catalog
	store   *chunktest.Memory
	dir     string
	stop    func()
}

func start(t testing.TB, change ...func(*ingest.Config)) *bench {
	t.Helper()
	b := &bench{t: t, catalog: newCatalog(t), store: chunktest.NewMemory(t), dir: filepath.Join(t.TempDir(), "jobs")}
	b.run(change...)
	t.Cleanup(func() { b.stop() })
	return b
}

// run starts an importer over what is there, as after a restart.
func (b *bench) run(change ...func(*ingest.Config)) {
	b.t.Helper()
	cfg := ingest.Config{Store: b.store, Catalog: b.catalog, Dir: b.dir, Room: func() int64 { return 1 << 40 }, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	b.Importer = ingest.New(cfg)
	if err := b.Recover(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.runAgain()
}

// runAgain lets the importer go on without a restart.
func (b *bench) runAgain() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("run: %v", err)
		}
	})
}

func (b *bench) add(path string) manifest.VideoID {
	b.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := b.Accept(b.t.Context(), ingest.Upload{Name: filepath.Base(path), Size: info.Size(), Body: f})
	if err != nil {
		b.t.Fatal(err)
	}
	return got.ID
}

// settle waits until the ready videos have all that they should have.
func (b *bench) settle() {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := filepath.Glob(filepath.Join(b.dir, "*.later"))
		if err != nil {
			b.t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-b.t.Context().Done():
			b.t.Fatalf("still to follow: %v", left)
		}
	}
}

// clean stops the importer and fails the test if a job folder is left.
func (b *bench) clean() {
	b.t.Helper()
	b.settle()
	b.stop()
	entries, err := os.ReadDir(b.dir)
	if err != nil || len(entries) > 0 {
		b.t.Errorf("left in the job folder: %v (%v)", entries, err)
	}
}

func TestFilmOfKeptCodecsIsCutWithoutEncoding(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "kept.mp4", film.Source(640, 360, 12), film.H264()))
	v := b.catalog.ended(id)
	if v.state != "ready" {
		t.Fatalf("state %s: %s %s", v.state, v.code, v.message)
	}
	b.clean()
	m := v.final
	if len(m.Renditions) != 2 || m.Renditions[0].ID != "source" || m.Renditions[1].Kind != manifest.Audio {
		t.Fatalf("renditions: %+v", m.Renditions)
	}
	picture := m.Renditions[0]
	if picture.Codec[:5] != "avc1." || picture.Width != 640 || picture.Height != 360 || picture.FrameRate != 25 || m.Renditions[1].Codec != "mp4a.40.2" {
		t.Errorf("described as %s %dx%d at %f and %s", picture.Codec, picture.Width, picture.Height, picture.FrameRate, m.Renditions[1].Codec)
	}
	if d := m.Duration - 12*time.Second; d.Abs() > 100*time.Millisecond {
		t.Errorf("%v long, want 12 s", m.Duration)
	}
	if m.Poster == nil || m.Poster.Size == 0 {
		t.Error("no poster")
	}
	text := b.read(v.at)
	if decoded, err := manifest.Decode(text); err != nil || decoded.Duration != m.Duration {
		t.Errorf("stored manifest: %v", err)
	}
}

func (b *bench) read(chunks []chunk.Info) (all []byte) {
	b.t.Helper()
	for _, info := range chunks {
		r, err := b.store.Open(b.t.Context(), info.Ref)
		if err != nil {
			b.t.Fatal(err)
		}
		part, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, part...)
	}
	return all
}

func TestEachDraftIsASupersetOfTheLast(t *testing.T) {
	b := start(t)
	v := b.catalog.ended(b.add(film.Make(t, "grows.mp4", film.Source(320, 180, 20), film.H264())))
	all := append(slices.Clone(v.drafts), v.final)
	for i := 1; i < len(all); i++ {
		for n, r := range all[i-1].Renditions {
			next := all[i].Renditions[n]
			if r.ID != next.ID || len(next.Segments) < len(r.Segments) {
				t.Fatalf("draft %d: rendition %s shrank or moved", i, r.ID)
			}
			for s := range r.Segments {
				if r.Segments[s].Hash != next.Segments[s].Hash {
					t.Fatalf("draft %d: segment %d of %s changed", i, s, r.ID)
				}
			}
		}
	}
	lengths := make([]float64, 0, 5)
	for _, s := range v.final.Renditions[0].Segments {
		lengths = append(lengths, float64(s.Duration)/float64(v.final.Renditions[0].Timescale))
	}
	if want := []float64{2, 2, 2, 4, 4, 4, 2}; !slices.Equal(lengths, want) {
		t.Errorf("segments of %v seconds, want %v from key frames every 2 s", lengths, want)
	}
}

func TestOtherCodecsAreMadeAnewLowRungFirst(t *testing.T) {
	b := start(t)
	path := film.Make(t, "old.avi", film.Source(960, 540, 6), []string{"-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame"})
	v := b.catalog.ended(b.add(path))
	if v.state != "ready" {
		t.Fatalf("state %s: %s %s", v.state, v.code, v.message)
	}
	b.clean()
	var ids []string
	for _, r := range v.final.Renditions {
		ids = append(ids, r.ID)
	}
	if want := []string{"low", "audio0", "source"}; !slices.Equal(ids, want) {
		t.Fatalf("renditions %v, want %v", ids, want)
	}
	low, source := v.final.Renditions[0], v.final.Renditions[2]
	if low.Height != 480 || source.Height != 540 || low.TrackID == source.TrackID {
		t.Errorf("low %d high, source %d, tracks %d and %d", low.Height, source.Height, low.TrackID, source.TrackID)
	}
	if len(low.Segments) != len(source.Segments) {
		t.Fatalf("%d segments in the low rung, %d in the source's", len(low.Segments), len(source.Segments))
	}
	for i := range low.Segments {
		if low.Segments[i].Start*uint64(source.Timescale) != source.Segments[i].Start*uint64(low.Timescale) {
			t.Errorf("segment %d starts at other times in the two rungs", i)
		}
	}
}
