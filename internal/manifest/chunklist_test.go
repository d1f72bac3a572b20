package manifest_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// goldenList is an entry of testdata/protocol/chunk-lists.json; List is missing where the bytes are bad.
type goldenList struct {
	Name, Hex string
	List      *struct {
		First, Ordinal uint32
		Final          bool
		Segments       [][]struct {
			Size   int64
			SHA256 chunk.Ref
		}
	}
}

func TestListsOfChunksAreAsTheProtocolSays(t *testing.T) {
	text, err := os.ReadFile("../../testdata/protocol/chunk-lists.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []goldenList
	if err := json.Unmarshal(text, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d lists, %v", len(all), err)
	}
	for _, g := range all {
		if g.List == nil {
			continue
		}
		// What goes before the window is one chunk a segment, and one segment with the rest.
		r := manifest.Rendition{Segments: make([]manifest.Segment, g.List.First)}
		for i := range r.Segments {
			r.Segments[i].Chunks = make([]chunk.Info, 1)
		}
		if g.List.First > 0 {
			r.Segments[0].Chunks = make([]chunk.Info, g.List.Ordinal-g.List.First+1)
		}
		for _, s := range g.List.Segments {
			var blob manifest.Blob
			for _, c := range s {
				blob.Chunks = append(blob.Chunks, chunk.Info{Ref: c.SHA256, Size: c.Size})
			}
			r.Segments = append(r.Segments, manifest.Segment{Blob: blob})
		}
		r.Complete = g.List.Final && len(g.List.Segments) < manifest.ListWindow
		list, known, final, err := manifest.ChunkList(&r, int(g.List.First)/manifest.ListWindow)
		if err != nil || hex.EncodeToString(list) != g.Hex || final != g.List.Final {
			t.Errorf("%s: %x, final %v, %v; want %s", g.Name, list, final, err, g.Hex)
		}
		want := g.List.Ordinal
		for _, s := range g.List.Segments {
			want += uint32(len(s))
		}
		if known != want {
			t.Errorf("%s: known up to %d, want %d", g.Name, known, want)
		}
	}
}

func TestThereIsAWindowUntilTheEndOfTheRendition(t *testing.T) {
	for _, c := range []struct {
		segments, window int
		complete, there  bool
	}{
		{0, 0, false, true}, {0, 0, true, false}, {1, 0, true, true}, {1, 1, false, false}, {64, 0, false, true},
		{64, 1, false, true}, {64, 1, true, false}, {65, 1, true, true}, {65, 2, false, false}, {65, -1, false, false},
		{65, 1 << 60, false, false},
	} {
		r := manifest.Rendition{Segments: segments("x", c.segments, 1000, 10), Complete: c.complete}
		_, _, _, err := manifest.ChunkList(&r, c.window)
		if there := err == nil; there != c.there || err != nil && !errors.Is(err, manifest.ErrNoWindow) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
