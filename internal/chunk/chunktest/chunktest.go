// Package chunktest checks what package chunk promises: Run is the conformance suite that every
// chunk.Store passes, and Memory is a store for the tests of those who use one.
package chunktest

import (
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"shoal/internal/chunk"
)

// Run checks every promise of chunk.Store. Open returns an empty store with room for 64 MiB; it is
// called once for each subtest and cleans up with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) chunk.Store) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T, s chunk.Store)
	}{
		{"a chunk that was put can be read at every size", everySize},
		{"empty and oversized chunks are refused", wrongSizes},
		{"put tells whether the chunk is new", duplicates},
		{"put keeps no reference to data", noReference},
		{"the same chunk may be put by many at once", sameAtOnce},
		{"different chunks may be put by many at once", differentAtOnce},
		{"what is not there is not found", missing},
		{"a deleted chunk is gone and can be put again", deletion},
		{"a chunk may be put, read and deleted by many at once", turmoil},
		{"a reader reads, seeks and reads at offsets", readerMoves},
		{"a reader refuses what makes no sense", readerRefuses},
		{"a closed reader reads nothing", readerCloses},
		{"readers of one chunk have positions of their own", readersApart},
		{"list yields every chunk once", listAll},
		{"list may be stopped and used again", listStops},
		{"chunks may be put and deleted while they are listed", listWhileChanging},
		{"a context that has ended stops every method", endedContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, open(t)) })
	}
}

// Data returns size bytes that differ by seed: the same ones each time.
func Data(seed uint64, size int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	data := make([]byte, size)
	rand.NewChaCha8(key).Read(data)
	return data
}

// Put puts data and returns its name and size; it fails the test when the store does not do the same.
func Put(t testing.TB, s chunk.Store, data []byte) chunk.Info {
	t.Helper()
	want := chunk.Info{Ref: chunk.Sum(data), Size: int64(len(data))}
	if stored, err := s.Put(t.Context(), data); err != nil {
		t.Errorf("put %d bytes: %v", len(data), err)
	} else if stored.Info != want {
		t.Errorf("put answers %v, want %v", stored.Info, want)
	}
	return want
}

// Read returns the bytes of a chunk, or the error of opening or reading it.
func Read(t testing.TB, s chunk.Store, ref chunk.Ref) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, r.Size())
	if _, err := r.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

// Holds fails the test unless the store answers data for its ref in every way.
func Holds(t testing.TB, s chunk.Store, data []byte) {
	t.Helper()
	want := chunk.Info{Ref: chunk.Sum(data), Size: int64(len(data))}
	if got, err := s.Stat(t.Context(), want.Ref); err != nil || got != want {
		t.Errorf("stat answers %v, %v; want %v", got, err, want)
	}
	got, err := Read(t, s, want.Ref)
	if err != nil {
		t.Errorf("read %d bytes: %v", len(data), err)
	} else if err := chunk.Verify(want.Ref, got); err != nil {
		t.Error(err)
	}
}

// Lacks fails the test unless the store says in every way that it holds no such chunk.
func Lacks(t testing.TB, s chunk.Store, ref chunk.Ref) {
	t.Helper()
	if _, err := s.Stat(t.Context(), ref); !errors.Is(err, chunk.ErrNotFound) {
		t.Errorf("stat of a missing chunk: %v, want ErrNotFound", err)
	}
	r, err := s.Open(t.Context(), ref)
	if !errors.Is(err, chunk.ErrNotFound) {
		t.Errorf("open of a missing chunk: %v, want ErrNotFound", err)
	}
	if err == nil {
		r.Close()
	}
	if _, listed := List(t, s)[ref]; listed {
		t.Error("a missing chunk is listed")
	}
}

// List returns the sizes of all chunks and fails the test when one is listed twice.
func List(t testing.TB, s chunk.Store) map[chunk.Ref]int64 {
	t.Helper()
	all := make(map[chunk.Ref]int64)
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if _, twice := all[info.Ref]; twice {
			t.Errorf("chunk %s is listed twice", info.Ref)
		}
		all[info.Ref] = info.Size
	}
	return all
}
