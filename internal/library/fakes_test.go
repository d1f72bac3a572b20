package library_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// memory is Records in memory. Its fault is asked before each write and says what happens to it.
type memory struct {
	mu   sync.Mutex
	rows map[string][]byte // those of the bucket "videos"
	// edits, purged and cleared are the other buckets.
	edits, purged, cleared map[string][]byte
	fault                  func(op, key string) fault
	// full refuses what is saved.
	full bool
}

type fault int

const (
	none fault = iota
	notStored
	storedYetError
)

var errDisk = errors.New("disk trouble")

func newMemory() *memory {
	return &memory{rows: make(map[string][]byte), edits: make(map[string][]byte), purged: make(map[string][]byte), cleared: make(map[string][]byte)}
}

// bucket returns the rows of one of the library's buckets.
func (m *memory) bucket(name string) map[string][]byte {
	switch name {
	case "videos":
		return m.rows
	case "edits":
		return m.edits
	case "purged":
		return m.purged
	case "cleared":
		return m.cleared
	}
	return nil
}

func (m *memory) write(ctx context.Context, op, bucket, key string, do func()) error {
	if m.bucket(bucket) == nil {
		return fmt.Errorf("no bucket %q", bucket)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full && op == "save" {
		return chunk.ErrFull
	}
	f := none
	if m.fault != nil {
		f = m.fault(op, bucket+"/"+key)
	}
	if f != notStored {
		do()
	}
	if f != none {
		return errDisk
	}
	return nil
}

func (m *memory) Save(ctx context.Context, bucket, key string, value []byte) error {
	return m.write(ctx, "save", bucket, key, func() { m.bucket(bucket)[key] = bytes.Clone(value) })
}

func (m *memory) Delete(ctx context.Context, bucket, key string) error {
	return m.write(ctx, "delete", bucket, key, func() { delete(m.bucket(bucket), key) })
}

func (m *memory) Load(ctx context.Context, bucket, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	value, found := m.bucket(bucket)[key]
	if !found {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(value), nil
}

func (m *memory) Each(_ context.Context, bucket string, f func(string, []byte) error) error {
	m.mu.Lock()
	rows := maps.Clone(m.bucket(bucket))
	m.mu.Unlock()
	for key, value := range rows {
		lent := bytes.Clone(value)
		if err := f(key, lent); err != nil {
			return err
		}
		clear(lent) // the value is valid during the call only
	}
	return nil
}

// liar is a chunk store that hands out other bytes than it was asked for.
type liar struct {
	chunk.Store
	data []byte
}

func (l liar) Open(context.Context, chunk.Ref) (chunk.Reader, error) {
	return open{bytes.NewReader(l.data)}, nil
}

type open struct{ *bytes.Reader }

func (open) Close() error { return nil }

// house is a library with everything around it, and the means to start again.
type house struct {
	*library.Library
	t       *testing.T
	records *memory
	chunks  *chunktest.Memory
	store   chunk.Store
	clock   time.Time
	opts    library.Options
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, records: newMemory(), chunks: chunktest.NewMemory(t)}
	h.store = h.chunks
	h.clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	h.opts.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		h.clock = h.clock.Add(time.Second)
		return h.clock
	}
	h.restart()
	return h
}

// restart opens the library anew from its records, as after a crash.
func (h *house) restart() {
	h.t.Helper()
	l, err := library.Open(h.t.Context(), h.records, h.store, h.opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Library = l
}

// accepted adds a video in state processing; its bytes are told apart by name.
func (h *house) accepted(name string) manifest.VideoID {
	h.t.Helper()
	id := h.received(name)
	if _, duplicate, err := h.Accept(h.t.Context(), id, 1000, chunk.Sum([]byte(name))); err != nil || duplicate {
		h.t.Fatalf("Accept(%s): duplicate %v, %v", name, duplicate, err)
	}
	return id
}

func (h *house) received(name string) manifest.VideoID {
	h.t.Helper()
	id, err := h.Receive(name, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// ready adds a video in state ready.
func (h *house) ready(name string) manifest.VideoID {
	h.t.Helper()
	id := h.accepted(name)
	h.publish(id, film(name, 3, true))
	return id
}

func (h *house) publish(id manifest.VideoID, m *manifest.Manifest) {
	h.t.Helper()
	if err := h.Publish(h.t.Context(), id, m, h.keep(m)); err != nil {
		h.t.Fatal(err)
	}
}

// keep puts the bytes of m into the chunks.
func (h *house) keep(m *manifest.Manifest) []chunk.Info {
	h.t.Helper()
	data, err := m.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	return []chunk.Info{chunktest.Put(h.t, h.chunks, data)}
}

// openings counts what is opened from now on, and lets gate hold it up or fail it.
func (h *house) openings(gate func(ctx context.Context) error) *atomic.Int64 {
	var count atomic.Int64
	h.chunks.SetFault(func(ctx context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
		if op != chunktest.OpOpen {
			return true, nil
		}
		count.Add(1)
		err := gate(ctx)
		return err == nil, err
	})
	return &count
}

func (h *house) video(id manifest.VideoID) library.Video {
	h.t.Helper()
	v, err := h.Get(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// film makes a manifest with one picture rendition of so many segments of one second and 1000 bytes each.
func film(seed string, segments int, complete bool) *manifest.Manifest {
	m := &manifest.Manifest{
		Version: manifest.Version, Duration: time.Minute, Complete: complete, Poster: blob(seed + " poster"),
		Renditions: []manifest.Rendition{{
			ID: "v0", Kind: manifest.Video, Codec: "avc1.64001f", Width: 1280, Height: 720, FrameRate: 25,
			Source: true, TrackID: 1, Timescale: 1000, Complete: complete, Init: *blob(seed + " init"),
		}},
	}
	for i := range segments {
		s := manifest.Segment{Blob: *blob(fmt.Sprint(seed, i)), Start: uint64(i) * 1000, Duration: 1000}
		m.Renditions[0].Segments = append(m.Renditions[0].Segments, s)
	}
	return m
}

// content is what film says a video is made of, for the same seed and number of segments.
func content(seed string, segments int) (all [][]byte) {
	all = [][]byte{blobData(seed + " poster"), blobData(seed + " init")}
	for i := range segments {
		all = append(all, blobData(fmt.Sprint(seed, i)))
	}
	return all
}

func blobData(text string) []byte {
	data := bytes.Repeat([]byte{' '}, 1000)
	copy(data, text)
	return data
}

func blob(text string) *manifest.Blob {
	data := blobData(text)
	info := chunk.Info{Ref: chunk.Sum(data), Size: 1000}
	return &manifest.Blob{Hash: info.Ref, Size: 1000, Chunks: []chunk.Info{info}}
}
