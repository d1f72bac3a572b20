package chunktest

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"shoal/internal/chunk"
)

func openChunk(t *testing.T, s chunk.Store, ref chunk.Ref) chunk.Reader {
	t.Helper()
	r, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return r
}

func readerMoves(t *testing.T, s chunk.Store) {
	for _, size := range []int{1, 4096, 70_001} {
		data := Data(uint64(size), size)
		r := openChunk(t, s, Put(t, s, data).Ref)
		if r.Size() != int64(size) {
			t.Errorf("size %d, want %d", r.Size(), size)
		}
		if err := iotest.TestReader(r, data); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func readerRefuses(t *testing.T, s chunk.Store) {
	data := Data(1, 1000)
	r := openChunk(t, s, Put(t, s, data).Ref)
	defer r.Close()
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("seek before the start: no error")
	}
	if _, err := r.Seek(0, 9); err == nil {
		t.Error("seek from nowhere: no error")
	}
	if n, err := r.ReadAt(make([]byte, 10), -1); err == nil || n != 0 {
		t.Errorf("read at -1: %d bytes, %v", n, err)
	}
	if n, err := r.ReadAt(make([]byte, 10), 1000); err != io.EOF || n != 0 {
		t.Errorf("read at the end: %d bytes, %v; want io.EOF", n, err)
	}
	if n, err := r.ReadAt(make([]byte, 10), 995); err != io.EOF || n != 5 {
		t.Errorf("read at 995: %d bytes, %v; want 5 and io.EOF", n, err)
	}
	if pos, err := r.Seek(5000, io.SeekStart); err != nil || pos != 5000 {
		t.Errorf("seek past the end: %d, %v", pos, err)
	}
	if n, err := r.Read(make([]byte, 10)); err != io.EOF || n != 0 {
		t.Errorf("read past the end: %d bytes, %v; want io.EOF", n, err)
	}
	if pos, err := r.Seek(0, io.SeekStart); err != nil || pos != 0 {
		t.Errorf("seek back: %d, %v", pos, err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read after all that: %d bytes, %v", len(got), err)
	}
}

func readerCloses(t *testing.T, s chunk.Store) {
	r := openChunk(t, s, Put(t, s, Data(1, 1000)).Ref)
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read after close: %d bytes, %v", n, err)
	}
	if n, err := r.ReadAt(make([]byte, 10), 0); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read at after close: %d bytes, %v", n, err)
	}
	if _, err := r.Seek(0, io.SeekStart); err == nil {
		t.Error("seek after close: no error")
	}
}

func readersApart(t *testing.T, s chunk.Store) {
	data := Data(1, 100_000)
	ref := Put(t, s, data).Ref
	one, two := openChunk(t, s, ref), openChunk(t, s, ref)
	defer two.Close()
	head := make([]byte, 100)
	if _, err := io.ReadFull(one, head); err != nil || !bytes.Equal(head, data[:100]) {
		t.Errorf("first reader: %v", err)
	}
	if err := one.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if got, err := io.ReadAll(two); err != nil || !bytes.Equal(got, data) {
		t.Errorf("second reader: %d bytes, %v", len(got), err)
	}
	together(8, func(int) {
		if got, err := Read(t, s, ref); err != nil || !bytes.Equal(got, data) {
			t.Errorf("one of many readers: %v", err)
		}
	})
}

// fill puts n small chunks and returns their sizes by ref.
func fill(t *testing.T, s chunk.Store, n int) map[chunk.Ref]int64 {
	t.Helper()
	want := make(map[chunk.Ref]int64)
	for i := range n {
		info := Put(t, s, Data(uint64(i), 50+i))
		want[info.Ref] = info.Size
	}
	return want
}

func listAll(t *testing.T, s chunk.Store) {
	if all := List(t, s); len(all) != 0 {
		t.Fatalf("an empty store lists %d chunks", len(all))
	}
	want := fill(t, s, 60)
	all := List(t, s)
	for ref, size := range want {
		if got, ok := all[ref]; !ok || got != size {
			t.Errorf("chunk %s is listed %v with size %d, want %d", ref, ok, got, size)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d chunks listed, want %d", len(all), len(want))
	}
}

func listStops(t *testing.T, s chunk.Store) {
	fill(t, s, 20)
	list := s.List(t.Context())
	for _, stop := range []int{1, 7} {
		seen := 0
		for _, err := range list {
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			if seen++; seen == stop {
				break
			}
		}
	}
	if all := List(t, s); len(all) != 20 {
		t.Errorf("%d chunks listed, want 20", len(all))
	}
}

func listWhileChanging(t *testing.T, s chunk.Store) {
	kept := fill(t, s, 40)
	gone := make(map[chunk.Ref]bool)
	for ref := range kept {
		if len(gone) < 20 {
			gone[ref] = true
		}
	}
	for ref := range gone {
		delete(kept, ref)
	}
	seen := make(map[chunk.Ref]bool)
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if seen[info.Ref] {
			t.Errorf("chunk %s is listed twice", info.Ref)
		}
		seen[info.Ref] = true
		for ref := range gone {
			if err := s.Delete(t.Context(), ref); err != nil {
				t.Errorf("delete while listing: %v", err)
			}
			delete(gone, ref)
			break
		}
		if n := len(seen); n <= 20 {
			Put(t, s, Data(uint64(1000+n), 100))
		}
	}
	for ref := range kept {
		if !seen[ref] {
			t.Errorf("chunk %s was there all the time and is not listed", ref)
		}
	}
}
