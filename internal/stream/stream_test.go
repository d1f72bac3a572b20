package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/manifest"
	"shoal/internal/manifest/hlscheck"
	"shoal/internal/stream"
)

func TestPlaylistsAreThoseOfTheManifest(t *testing.T) {
	h := newHouse(t)
	m := h.film(h.keep([]byte("one"), 10))
	master, err := h.Master(t.Context(), filmID)
	if err != nil || !bytes.Equal(master, manifest.Master(m)) {
		t.Errorf("master: %v\n%s", err, master)
	}
	media, err := h.Media(t.Context(), filmID, "v0")
	if err != nil {
		t.Fatal(err)
	}
	list, err := hlscheck.ReadMedia(media)
	if err != nil || len(list.Segments) != 1 || list.Segments[0].URI != manifest.SegmentName(m.Renditions[0].Segments[0].Hash) {
		t.Errorf("media: %v\n%s", err, media)
	}
}

func TestFirstIsToldOnceThereIsSomethingToPlay(t *testing.T) {
	h := newHouse(t)
	m := h.film(h.keep([]byte("one"), 10))
	first, err := h.First(t.Context(), filmID)
	if err != nil || len(first) != 1 || first[0].ID != m.Renditions[0].ID {
		t.Errorf("%v, %v", first, err)
	}
	h.film()
	if _, err := h.First(t.Context(), filmID); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("nothing to play: %v", err)
	}
}

func TestEveryPartIsFoundByItsHash(t *testing.T) {
	h := newHouse(t)
	var segments []manifest.Blob
	for i := range 20 {
		segments = append(segments, h.keep(fmt.Appendf(nil, "segment %d", i), 4))
	}
	m := h.film(segments...)
	r := &m.Renditions[0]
	check := func(c *stream.Content, err error, kind stream.Kind, want manifest.Blob, text string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got, err := io.ReadAll(c)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
		if c.Kind() != kind || c.Hash() != want.Hash || c.Size() != want.Size {
			t.Errorf("%s %s of %d bytes, want %s of %+v", c.Kind(), c.Hash(), c.Size(), kind, want)
		}
	}
	for i := range r.Segments {
		c, err := h.Blob(t.Context(), filmID, "v0", r.Segments[i].Hash)
		check(c, err, stream.Segment, r.Segments[i].Blob, fmt.Sprintf("segment %d", i))
	}
	for _, blob := range []manifest.Blob{r.Segments[7].Blob, r.Init, *m.Poster} {
		at := 0
		for _, info := range blob.Chunks {
			c, err := h.Chunk(t.Context(), filmID, info.Ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(c)
			if err != nil || chunk.Sum(got) != info.Ref || c.Kind() != stream.Chunk {
				t.Errorf("chunk %s: %q, %v", info.Ref, got, err)
			}
			at += len(got)
			c.Close()
		}
		if int64(at) != blob.Size {
			t.Errorf("%d bytes in chunks, want %d", at, blob.Size)
		}
	}
	c, err := h.Blob(t.Context(), filmID, "v0", r.Init.Hash)
	check(c, err, stream.Init, r.Init, "init")
	c, err = h.Picture(t.Context(), filmID, m.Poster.Hash)
	check(c, err, stream.Picture, *m.Poster, "poster")
}

func TestWhatAVideoDoesNotHaveIsNotFound(t *testing.T) {
	h := newHouse(t)
	m := h.film(h.keep([]byte("one"), 10))
	other := h.keep([]byte("in the store, not in the video"), chunk.MaxSize)
	bare := &manifest.Manifest{Renditions: []manifest.Rendition{{ID: "v0", Kind: manifest.Video}}}
	h.catalog.set("bare", bare)
	for name, ask := range map[string]func() error{
		"another segment":     func() error { _, err := h.Blob(t.Context(), filmID, "v0", other.Hash); return err },
		"zero hash":           func() error { _, err := h.Blob(t.Context(), "bare", "v0", chunk.Ref{}); return err },
		"a chunk of no part":  func() error { _, err := h.Chunk(t.Context(), filmID, other.Chunks[0].Ref); return err },
		"poster as a segment": func() error { _, err := h.Blob(t.Context(), filmID, "v0", m.Poster.Hash); return err },
		"another rendition": func() error {
			_, err := h.Blob(t.Context(), filmID, "v1", m.Renditions[0].Segments[0].Hash)
			return err
		},
		"its playlist":    func() error { _, err := h.Media(t.Context(), filmID, "v1"); return err },
		"another poster":  func() error { _, err := h.Picture(t.Context(), filmID, other.Hash); return err },
		"no poster":       func() error { _, err := h.Picture(t.Context(), "bare", chunk.Ref{}); return err },
		"nothing to play": func() error { _, err := h.Master(t.Context(), "bare"); return err },
		"no segment":      func() error { _, err := h.Media(t.Context(), "bare", "v0"); return err },
	} {
		if err := ask(); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsOfTheCatalogArePassedOn(t *testing.T) {
	h := newHouse(t)
	_, master := h.Master(t.Context(), "x")
	_, media := h.Media(t.Context(), "x", "v0")
	_, blob := h.Blob(t.Context(), "x", "v0", chunk.Ref{})
	_, poster := h.Picture(t.Context(), "x", chunk.Ref{})
	for i, err := range []error{master, media, blob, poster} {
		if !errors.Is(err, errNoVideo) || errors.Is(err, stream.ErrNotFound) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestSegmentsOfAGrowingDraftAreFound(t *testing.T) {
	h := newHouse(t)
	var all []manifest.Blob
	for i := range 30 {
		all = append(all, h.keep(fmt.Appendf(nil, "segment %d", i), 100))
	}
	full := h.film(all...)
	has := func(i int) bool {
		c, err := h.Blob(t.Context(), filmID, "v0", all[i].Hash)
		if err != nil && !errors.Is(err, stream.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && c.Close() == nil
	}
	// A draft may be older than the one before, when two requests overtake each other.
	for _, n := range []int{0, 1, 2, 7, 3, 29, 0, 30, 15, 30} {
		draft := full.Snapshot()
		draft.Renditions[0].Segments = draft.Renditions[0].Segments[:n]
		h.catalog.set(filmID, draft)
		for i := range all {
			if has(i) != (i < n) {
				t.Errorf("draft of %d segments: segment %d found is %v", n, i, has(i))
			}
		}
	}
}

func TestAnotherFilmUnderTheSameIDIsSeen(t *testing.T) {
	h := newHouse(t)
	a, b, c := h.keep([]byte("a"), 9), h.keep([]byte("b"), 9), h.keep([]byte("c"), 9)
	for _, list := range [][]manifest.Blob{{a, b, c}, {c, b, a}, {b}, {a, c}, {c}} {
		h.film(list...)
		for _, want := range list {
			content, err := h.Blob(t.Context(), filmID, "v0", want.Hash)
			if err != nil || content.Hash() != want.Hash {
				t.Fatalf("in a film of %d: %v", len(list), err)
			}
			if err := content.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestIndexStaysBounded(t *testing.T) {
	h := newHouse(t)
	stream.LimitIndex(h.Streams, 100)
	ids := make([]manifest.VideoID, 20)
	for i := range ids {
		ids[i] = manifest.VideoID(fmt.Sprint("video", i))
		var list []manifest.Blob
		for j := range 30 {
			list = append(list, manifest.Blob{Hash: chunk.Sum(fmt.Appendf(nil, "%d %d", i, j)), Size: 1})
		}
		h.catalog.set(ids[i], h.film(list...))
	}
	for range 3 {
		for i, id := range ids {
			c, err := h.Blob(t.Context(), id, "v0", chunk.Sum(fmt.Appendf(nil, "%d %d", i, 29)))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if got := stream.Indexed(h.Streams); got < 30 || got > 100 {
				t.Fatalf("%d segments indexed", got)
			}
		}
	}
}

func TestManyReadersOfAGrowingDraft(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 5000)
	b := h.keep(data, 1000)
	draft := h.film(b)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 20 {
				c, err := h.Blob(context.Background(), filmID, "v0", b.Hash)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 100 {
		r := &draft.Renditions[0]
		next := manifest.Blob{Hash: chunk.Sum(fmt.Append(nil, i)), Size: 1}
		r.Segments = append(r.Segments, manifest.Segment{Blob: next, Start: uint64(4000 * (i + 1)), Duration: 4000})
		h.catalog.set(filmID, draft.Snapshot())
	}
	readers.Wait()
}

func BenchmarkFindSegment(b *testing.B) {
	h := newHouse(b)
	list := make([]manifest.Blob, 10_800)
	for i := range list {
		list[i] = manifest.Blob{Hash: chunk.Sum(fmt.Append(nil, i)), Size: 1}
	}
	h.film(list...)
	for i := 0; b.Loop(); i++ {
		c, err := h.Blob(b.Context(), filmID, "v0", list[i%len(list)].Hash)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
