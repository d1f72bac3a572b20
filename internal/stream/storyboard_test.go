package stream_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"shoal/internal/manifest"
	"shoal/internal/stream"
)

func TestStoryboardIsAListAndAPicture(t *testing.T) {
	h := newHouse(t)
	m := h.film(h.keep([]byte("one"), 10))
	if _, err := h.Storyboard(t.Context(), filmID); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("before there is one: %v", err)
	}
	with := m.Snapshot()
	with.Storyboard = &manifest.Storyboard{Image: h.keep([]byte("tiles"), 10), Width: 160, Height: 90, Columns: 1, Count: 1, Interval: time.Second}
	h.catalog.set(filmID, with)
	list, err := h.Storyboard(t.Context(), filmID)
	name, _, _ := strings.Cut(string(list[strings.Index(string(list), "storyboard-"):]), "#")
	if err != nil || name != manifest.StoryboardName(with.Storyboard.Image.Hash) {
		t.Fatalf("%s names %q, %v", list, name, err)
	}
	c, err := h.Picture(t.Context(), filmID, with.Storyboard.Image.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := io.ReadAll(c); string(text) != "tiles" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
