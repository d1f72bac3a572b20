package library_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

func TestAManifestIsReadOnceForManyViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		id := h.ready("a")
		h.restart()
		open := make(chan struct{})
		opened := h.openings(func(context.Context) error { <-open; return nil })
		results := make([]*manifest.Manifest, 20)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				m, err := h.Manifest(t.Context(), id)
				if err != nil {
					t.Error(err)
				}
				results[i] = m
			})
		}
		synctest.Wait()
		close(open)
		wg.Wait()
		for _, m := range results {
			if m == nil || m != results[0] {
				t.Errorf("viewers got different manifests: %p, %p", m, results[0])
			}
		}
		if n := opened.Load(); n != 1 {
			t.Errorf("the chunk was read %d times", n)
		}
	})
}

func TestAFreshManifestIsNotReadAgain(t *testing.T) {
	h := newHouse(t)
	opened := h.openings(func(context.Context) error { return nil })
	if _, err := h.Manifest(t.Context(), h.ready("a")); err != nil {
		t.Fatal(err)
	}
	if n := opened.Load(); n != 0 {
		t.Errorf("the chunk was read %d times", n)
	}
}

func TestAViewerWhoGivesUpTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		id := h.ready("a")
		h.restart()
		open := make(chan struct{})
		h.openings(func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-open:
				return nil
			}
		})
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := h.Manifest(first, id); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := h.Manifest(t.Context(), id); err != nil {
				t.Errorf("who waited got %v", err)
			}
		})
		impatient, stop := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := h.Manifest(impatient, id); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up waiting got %v", err)
			}
		})
		synctest.Wait()
		stop()
		cancel()
		synctest.Wait()
		close(open)
		wg.Wait()
	})
}

func TestTheManifestCacheIsBounded(t *testing.T) {
	h := newHouse(t)
	a, b := h.ready("a"), h.ready("b")
	h.opts.CacheBytes = h.video(a).Manifest[0].Size * 3 / 2
	h.restart()
	opened := h.openings(func(context.Context) error { return nil })
	for _, step := range []struct {
		id   manifest.VideoID
		want int64
	}{{a, 1}, {a, 1}, {b, 2}, {b, 2}, {a, 3}} {
		if _, err := h.Manifest(t.Context(), step.id); err != nil {
			t.Fatal(err)
		}
		if got := opened.Load(); got != step.want {
			t.Errorf("%d chunks read, want %d", got, step.want)
		}
	}
}

func TestADamagedManifestIsNeverHandedOut(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	at := h.video(id).Manifest[0]
	good, err := chunktest.Read(t, h.chunks, at.Ref)
	h.must(err)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		store chunk.Store
		want  error
	}{
		"flipped":  {liar{h.chunks, flipped}, chunk.ErrCorrupt},
		"cut":      {liar{h.chunks, good[:len(good)-1]}, chunk.ErrCorrupt},
		"too long": {liar{h.chunks, append(bytes.Clone(good), 0)}, chunk.ErrCorrupt},
		"lost":     {chunktest.NewMemory(t), chunk.ErrNotFound},
	} {
		h.store = c.store
		h.restart()
		if m, err := h.Manifest(t.Context(), id); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, m, err, c.want)
		}
	}
}

func TestADamagedManifestPlaysAgainOnceItIsMended(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	at := h.video(id).Manifest[0]
	good, err := chunktest.Read(t, h.chunks, at.Ref)
	h.must(err)
	h.restart()
	h.chunks.Corrupt(at.Ref)
	if _, err := h.Manifest(t.Context(), id); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("damaged: %v, want ErrCorrupt", err)
	}
	chunktest.Put(t, h.chunks, good)
	if _, err := h.Manifest(t.Context(), id); err != nil {
		t.Errorf("mended: %v", err)
	}
}

func TestAReadyVideoMayGetMoreRenditions(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	if _, err := h.Manifest(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	more := film("a", 3, true)
	low := more.Renditions[0]
	low.ID, low.Source, low.TrackID = "v1", false, 2
	more.Renditions = append(more.Renditions, low)
	h.publish(id, more)
	got, err := h.Manifest(t.Context(), id)
	if err != nil || len(got.Renditions) != 2 || len(h.video(id).Renditions) != 2 {
		t.Errorf("Manifest = %+v, %v", got, err)
	}
}

func TestManyHandsAtOnce(t *testing.T) {
	h := newHouse(t)
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			id := h.accepted(name)
			for i := range 20 {
				h.Draft(id, film(name, i, false))
				h.Progress(id, "prepare", float64(i)/20)
				if _, err := h.Rename(t.Context(), id, name); err != nil {
					t.Error(err)
				}
			}
			h.publish(id, film(name, 20, true))
		})
		wg.Go(func() {
			for range 50 {
				page, err := h.List(library.Query{Sort: "title"})
				if err != nil {
					t.Error(err)
				}
				for _, v := range page.Videos {
					_, _ = h.Manifest(t.Context(), v.ID)
				}
				h.Totals()
			}
		})
	}
	wg.Wait()
	if got := h.Totals().States[library.Ready]; got != 4 {
		t.Errorf("%d videos are ready", got)
	}
}
