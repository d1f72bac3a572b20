package stream_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/manifest"
	"shoal/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errNoVideo = errors.New("no such video")

// catalog is a library of manifests.
type catalog struct {
	mu     sync.Mutex
	videos map[manifest.VideoID]*manifest.Manifest // guarded by mu
}

func (c *catalog) Manifest(_ context.Context, id manifest.VideoID) (*manifest.Manifest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.videos[id]; m != nil {
		return m, nil
	}
	return nil, errNoVideo
}

func (c *catalog) set(id manifest.VideoID, m *manifest.Manifest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.videos[id] = m
}

// house is a store with a catalogue and streams over both.
type house struct {
	t       testing.TB
	store   *chunktest.Memory
	catalog *catalog
	*stream.Streams
}

const filmID manifest.VideoID = "aaaaaaaaaaaaaaaaaaaaaaaaaa"

func newHouse(t testing.TB) *house {
	h := &house{t: t, store: chunktest.NewMemory(t), catalog: &catalog{videos: make(map[manifest.VideoID]*manifest.Manifest)}}
	h.Streams = stream.New(h.store, h.catalog)
	return h
}

// keep stores data in chunks of at most size bytes.
func (h *house) keep(data []byte, size int) manifest.Blob {
	h.t.Helper()
	b := manifest.Blob{Hash: chunk.Sum(data), Size: int64(len(data))}
	for len(data) > 0 {
		n := min(size, len(data))
		b.Chunks = append(b.Chunks, chunktest.Put(h.t, h.store, data[:n]))
		data = data[n:]
	}
	return b
}

// film adds a video of one rendition with these segments, and returns its manifest.
func (h *house) film(segments ...manifest.Blob) *manifest.Manifest {
	h.t.Helper()
	r := manifest.Rendition{
		ID: "v0", Kind: manifest.Video, Codec: "avc1.64001f", TrackID: 1, Timescale: 1000,
		Init: h.keep([]byte("init"), chunk.MaxSize),
	}
	for i, b := range segments {
		r.Segments = append(r.Segments, manifest.Segment{Blob: b, Start: uint64(4000 * i), Duration: 4000})
	}
	poster := h.keep([]byte("poster"), chunk.MaxSize)
	m := &manifest.Manifest{Version: manifest.Version, Poster: &poster, Renditions: []manifest.Rendition{r}}
	h.catalog.set(filmID, m)
	return m
}

// open opens content of data, cut into chunks of at most size bytes; it is closed at the end of the test.
func (h *house) open(ctx context.Context, data []byte, size int) (*stream.Content, manifest.Blob) {
	h.t.Helper()
	b := h.keep(data, size)
	h.film(b)
	c, err := h.Blob(ctx, filmID, "v0", b.Hash)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			h.t.Error(err)
		}
	})
	return c, b
}
