package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
)

// watch makes the store note which chunks are opened.
func (h *house) watch() (opened func() []chunk.Ref) {
	var mu sync.Mutex
	var refs []chunk.Ref
	h.store.SetFault(func(_ context.Context, op chunktest.Op, ref chunk.Ref) (bool, error) {
		if op == chunktest.OpOpen {
			mu.Lock()
			defer mu.Unlock()
			refs = append(refs, ref)
		}
		return true, nil
	})
	return func() []chunk.Ref {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(refs)
	}
}

// gate makes the store hold up the opening of one chunk until release, or until the opening is given up.
// Begun is closed when that chunk is asked for, ended when the store has answered.
func (h *house) gate(held chunk.Ref) (begun, ended chan struct{}, release func()) {
	begun, ended, open := make(chan struct{}), make(chan struct{}), make(chan struct{})
	h.store.SetFault(func(ctx context.Context, op chunktest.Op, ref chunk.Ref) (bool, error) {
		if op != chunktest.OpOpen || ref != held {
			return true, nil
		}
		close(begun)
		defer close(ended)
		select {
		case <-open:
			return true, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	})
	return begun, ended, func() { close(open) }
}

// writerFunc is an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestNextChunkIsOpenedWhileOneIsSent(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 300)
	c, blob := h.open(t.Context(), data, 100)
	begun, _, release := h.gate(blob.Chunks[1].Ref)
	var got []byte
	n, err := c.WriteTo(writerFunc(func(p []byte) (int, error) {
		if len(got) == 0 {
			<-begun // hangs unless the second chunk is asked for before the first is through
			release()
		}
		got = append(got, p...)
		return len(p), nil
	}))
	if err != nil || n != 300 || !bytes.Equal(got, data) {
		t.Errorf("wrote %d, %v", n, err)
	}
}

func TestOnlyOneChunkIsOpenedAhead(t *testing.T) {
	h := newHouse(t)
	opened := h.watch()
	c, blob := h.open(t.Context(), chunktest.Data(1, 1000), 100)
	written := 0
	_, err := c.WriteTo(writerFunc(func(p []byte) (int, error) {
		written += len(p)
		if now := len(opened()); now > written/100+1 {
			t.Errorf("%d chunks opened while sending up to byte %d", now, written)
		}
		return len(p), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := opened(); len(got) != len(blob.Chunks) {
		t.Errorf("%d chunks opened, want each of %d once", len(got), len(blob.Chunks))
	}
}

func TestNothingBehindTheAskedBytesIsOpened(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 500)
	c, blob := h.open(t.Context(), data, 100)
	opened := h.watch()
	if _, err := c.Seek(150, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, err := c.CopyN(&out, 150); err != nil || n != 150 || !bytes.Equal(out.Bytes(), data[150:300]) {
		t.Fatalf("copied %d, %v", n, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := opened(); !slices.Equal(got, []chunk.Ref{blob.Chunks[1].Ref, blob.Chunks[2].Ref}) {
		t.Errorf("opened %v", got)
	}
}

func TestCloseEndsReadingAheadAndWaits(t *testing.T) {
	h := newHouse(t)
	c, blob := h.open(t.Context(), chunktest.Data(1, 300), 100)
	begun, ended, _ := h.gate(blob.Chunks[1].Ref)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	<-begun
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("a chunk is still being opened after Close")
	}
}

func TestSeekAwayEndsReadingAheadAndWaits(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 500)
	c, blob := h.open(t.Context(), data, 100)
	begun, ended, _ := h.gate(blob.Chunks[1].Ref)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	<-begun
	if _, err := c.Seek(300, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	default:
		t.Error("a chunk is still being opened after Seek")
	}
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data[300:]) {
		t.Errorf("read %d, %v", len(got), err)
	}
}

func TestSeekNearByKeepsWhatWasOpened(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 300)
	c, _ := h.open(t.Context(), data, 100)
	opened := h.watch()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{50, 0, 120, 199} {
		if _, err := c.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if p := make([]byte, 1); offset > 0 {
			if _, err := c.Read(p); err != nil || p[0] != data[offset] {
				t.Errorf("at %d: %x, %v", offset, p, err)
			}
		}
	}
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data[200:]) {
		t.Errorf("read %d, %v", len(got), err)
	}
	if got := opened(); len(got) != 3 {
		t.Errorf("%d chunks opened, want each of 3 once", len(got))
	}
}

func TestFailureAheadIsToldWhenItIsReached(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 300)
	c, blob := h.open(t.Context(), data, 100)
	h.store.Corrupt(blob.Chunks[1].Ref)
	if got, err := io.ReadAll(io.LimitReader(c, 100)); err != nil || !bytes.Equal(got, data[:100]) {
		t.Fatalf("the good chunk: %d, %v", len(got), err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("the bad chunk: %v", err)
	}
}

func TestEndOfTheContextEndsReading(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	c, blob := h.open(ctx, chunktest.Data(1, 300), 100)
	begun, _, _ := h.gate(blob.Chunks[1].Ref)
	n, err := c.WriteTo(writerFunc(func(p []byte) (int, error) {
		<-begun
		cancel()
		return len(p), nil
	}))
	if n != 100 || !errors.Is(err, context.Canceled) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
}
