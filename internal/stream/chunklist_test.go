package stream_test

import (
	"errors"
	"testing"

	"shoal/internal/chunk/chunktest"
	"shoal/internal/stream"
)

func TestChunksAreListedUntilTheEndOfTheDraft(t *testing.T) {
	h := newHouse(t)
	draft := h.film(h.keep(chunktest.Data(1, 2500), 1000), h.keep(chunktest.Data(2, 500), 1000))
	draft.Renditions[0].Complete = false
	list, err := h.Chunks(t.Context(), filmID, "v0", 0)
	if err != nil || list.Known != 4 || list.Final || len(list.Bytes) != 15+2+4*36 {
		t.Errorf("list of %d bytes, known %d, final %v, %v", len(list.Bytes), list.Known, list.Final, err)
	}
	for rendition, window := range map[string]int{"v0": 1, "none": 0} {
		if _, err := h.Chunks(t.Context(), filmID, rendition, window); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("rendition %s, window %d: %v", rendition, window, err)
		}
	}
	if _, err := h.Chunks(t.Context(), "other", "v0", 0); !errors.Is(err, errNoVideo) {
		t.Errorf("another video: %v", err)
	}
}
