package stream_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
)

func TestContentKeepsThePromisesOfAReader(t *testing.T) {
	h := newHouse(t)
	for i, size := range []int{1, 99, 100, 101, 1000} {
		data := chunktest.Data(uint64(i), size)
		c, _ := h.open(t.Context(), data, 100)
		if err := iotest.TestReader(c, data); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestContentReadsAsOnePiece walks at random, and bytes.Reader is the truth.
func TestContentReadsAsOnePiece(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		h := newHouse(outer)
		data := chunktest.Data(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 700).Draw(t, "size"))
		c, _ := h.open(outer.Context(), data, rapid.IntRange(1, 200).Draw(t, "chunk size"))
		want := bytes.NewReader(data)
		t.Repeat(map[string]func(*rapid.T){
			"read":  func(t *rapid.T) { sameRead(t, c, want) },
			"seek":  func(t *rapid.T) { sameSeek(t, c, want, len(data)) },
			"copy":  func(t *rapid.T) { sameCopy(t, c, want) },
			"write": func(t *rapid.T) { sameWrite(t, c, want) },
		})
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

type content interface {
	io.ReadSeekCloser
	io.WriterTo
	CopyN(w io.Writer, n int64) (int64, error)
}

func sameRead(t *rapid.T, c content, want io.ReadSeeker) {
	p := make([]byte, rapid.IntRange(0, 300).Draw(t, "length"))
	n, err := c.Read(p)
	if err == nil {
		q := make([]byte, n)
		if _, err := io.ReadFull(want, q); err != nil || !bytes.Equal(p[:n], q) || n == 0 && len(p) > 0 {
			t.Fatalf("read %x, want %x, %v", p[:n], q, err)
		}
	} else if m, wantErr := want.Read(p); n != 0 || m != 0 || err != wantErr {
		t.Fatalf("read %d, %v, want %d, %v", n, err, m, wantErr)
	}
}

func sameSeek(t *rapid.T, c content, want io.Seeker, size int) {
	whence := rapid.IntRange(0, 3).Draw(t, "whence")
	offset := rapid.Int64Range(int64(-size-5), int64(size+5)).Draw(t, "offset")
	got, err := c.Seek(offset, whence)
	place, wantErr := want.Seek(offset, whence)
	if got != place || (err == nil) != (wantErr == nil) {
		t.Fatalf("seek: %d, %v, want %d, %v", got, err, place, wantErr)
	}
}

func sameCopy(t *rapid.T, c content, want io.Reader) {
	n := rapid.Int64Range(-5, 500).Draw(t, "bytes")
	var a, b bytes.Buffer
	got, err := c.CopyN(&a, n)
	expected, wantErr := io.CopyN(&b, want, n)
	if got != expected || err != wantErr || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Fatalf("copied %d, %v, want %d, %v", got, err, expected, wantErr)
	}
}

func sameWrite(t *rapid.T, c content, want io.WriterTo) {
	var a, b bytes.Buffer
	got, err := c.WriteTo(&a)
	expected, wantErr := want.WriteTo(&b)
	if got != expected || err != wantErr || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Fatalf("wrote %d, %v, want %d, %v", got, err, expected, wantErr)
	}
}

func TestBrokenChunkEndsTheContentWhereItBegins(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(h *house, ref chunk.Ref)
		want error
	}{
		"corrupt": {func(h *house, ref chunk.Ref) { h.store.Corrupt(ref) }, chunk.ErrCorrupt},
		"missing": {func(h *house, ref chunk.Ref) {
			if err := h.store.Delete(h.t.Context(), ref); err != nil {
				h.t.Error(err)
			}
		}, chunk.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			data := chunktest.Data(1, 500)
			content, blob := h.open(t.Context(), data, 100)
			c.harm(h, blob.Chunks[2].Ref)
			var out bytes.Buffer
			n, err := content.WriteTo(&out)
			if !errors.Is(err, c.want) || n != 200 || !bytes.Equal(out.Bytes(), data[:200]) {
				t.Errorf("wrote %d (%d), %v", n, out.Len(), err)
			}
			if _, err := content.Seek(100, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(content)
			// The store gives a corrupt chunk up, so the second time it is not there.
			if !errors.Is(err, c.want) && !errors.Is(err, chunk.ErrNotFound) || !bytes.Equal(got, data[100:200]) {
				t.Errorf("read %d, %v", len(got), err)
			}
			if _, err := content.Seek(300, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, data[300:]) {
				t.Errorf("behind the broken chunk: %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestChunkOfAnotherSizeThanListedIsCorrupt(t *testing.T) {
	h := newHouse(t)
	for _, listed := range []int64{50, 150} {
		blob := h.keep(chunktest.Data(1, 300), 100)
		blob.Chunks[1].Size = listed
		blob.Size += listed - 100
		h.film(blob)
		c, err := h.Blob(t.Context(), filmID, "v0", blob.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.WriteTo(io.Discard); !errors.Is(err, chunk.ErrCorrupt) || n != 100 {
			t.Errorf("listed as %d: wrote %d, %v", listed, n, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestErrorOfAWriterIsReturned(t *testing.T) {
	h := newHouse(t)
	c, _ := h.open(t.Context(), chunktest.Data(1, 500), 100)
	broken := errors.New("connection reset")
	out := &failingWriter{room: 250, err: broken}
	n, err := c.WriteTo(out)
	if !errors.Is(err, broken) || n != 250 {
		t.Errorf("wrote %d, %v", n, err)
	}
}

// failingWriter takes room bytes and then fails.
type failingWriter struct {
	room int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	n := min(w.room, len(p))
	w.room -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestClosedContentIsNotRead(t *testing.T) {
	h := newHouse(t)
	c, _ := h.open(t.Context(), chunktest.Data(1, 500), 100)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
	_, read := c.Read(make([]byte, 1))
	_, seek := c.Seek(0, io.SeekStart)
	_, write := c.WriteTo(io.Discard)
	_, copied := c.CopyN(io.Discard, 1)
	for i, err := range []error{read, seek, write, copied} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestNothingIsOpenedBeforeReading(t *testing.T) {
	h := newHouse(t)
	opened := h.watch()
	c, _ := h.open(t.Context(), chunktest.Data(1, 500), 100)
	if _, err := c.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if got := opened(); len(got) != 0 {
		t.Errorf("opened %v", got)
	}
}

func TestNothingIsWrittenWhenTheFirstChunkIsBroken(t *testing.T) {
	h := newHouse(t)
	c, blob := h.open(t.Context(), chunktest.Data(1, 500), 100)
	h.store.Corrupt(blob.Chunks[0].Ref)
	written := false
	n, err := c.WriteTo(writerFunc(func(p []byte) (int, error) {
		written = true
		return len(p), nil
	}))
	if n != 0 || written || !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("wrote %d, %v", n, err)
	}
}
