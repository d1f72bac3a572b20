package manifest_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

func TestRenditionIsFoundByID(t *testing.T) {
	m := film()
	r, ok := m.Rendition("low")
	if !ok || r != &m.Renditions[1] {
		t.Errorf("got %v, %v", r, ok)
	}
	if r, ok := m.Rendition("lo"); ok || r != nil {
		t.Errorf("a rendition that is not there: %v, %v", r, ok)
	}
}

func TestPlayableNeedsPictureAndSound(t *testing.T) {
	const none, awaited, begun, ended = 0, 1, 2, 3
	add := func(m *manifest.Manifest, kind manifest.Kind, how int) {
		r := manifest.Rendition{Kind: kind, Complete: how == ended}
		if how == begun {
			r.Segments = segments("s", 1, 1, 1)
		}
		if how != none {
			m.Renditions = append(m.Renditions, r)
		}
	}
	for _, c := range []struct {
		name                      string
		source, low, sound, words int
		want                      bool
	}{
		{"nothing", none, none, none, none, false},
		{"picture and sound", begun, none, begun, none, true},
		{"picture that never has sound", begun, none, none, none, true},
		{"sound alone", none, none, begun, none, true},
		{"sound before its picture", awaited, none, begun, none, false},
		{"picture before its sound", begun, none, awaited, none, false},
		{"one of two rungs", awaited, begun, begun, none, true},
		{"a sound track without samples", begun, none, ended, none, true},
		{"tracks without samples only", ended, none, ended, none, false},
		{"subtitles are not waited for", begun, none, begun, awaited, true},
		{"subtitles alone", none, none, none, begun, false},
	} {
		var m manifest.Manifest
		add(&m, manifest.Video, c.source)
		add(&m, manifest.Video, c.low)
		add(&m, manifest.Audio, c.sound)
		add(&m, manifest.Text, c.words)
		if got := m.Playable(); got != c.want {
			t.Errorf("%s: playable is %v", c.name, got)
		}
	}
}

func TestChunksAndBytesCoverEveryBlob(t *testing.T) {
	m := film()
	seen := make(map[chunk.Ref]bool)
	var total int64
	for c := range m.Chunks() {
		seen[c.Ref] = true
		total += c.Size
	}
	const want = 40_000 + 2*800 + 2*700 + 3*(4_000_000+500_000+150_000+64_000)
	if total != want || m.Bytes() != want {
		t.Errorf("chunks of %d bytes, Bytes %d, want %d", total, m.Bytes(), want)
	}
	for _, ref := range []chunk.Ref{m.Poster.Hash, m.Renditions[0].Init.Hash, m.Renditions[0].Segments[2].Chunks[3].Ref} {
		if !seen[ref] {
			t.Errorf("chunk %s is missing", ref)
		}
	}
}

func TestChunksMayBeLeftEarly(t *testing.T) {
	for want := 1; want < 8; want++ {
		var got []chunk.Info
		for c := range film().Chunks() {
			if got = append(got, c); len(got) == want {
				break
			}
		}
		if len(got) != want {
			t.Errorf("got %d chunks, want %d", len(got), want)
		}
	}
}

func TestSnapshotStaysAsItWasWhileTheDraftGrows(t *testing.T) {
	all := segments("s", 50, 96096, 1000)
	draft := film()
	draft.Renditions[0].Segments = nil
	var snapshots []*manifest.Manifest
	var readers sync.WaitGroup
	for i := range all {
		draft.Renditions[0].Segments = append(draft.Renditions[0].Segments, all[i])
		snapshot := draft.Snapshot()
		snapshots = append(snapshots, snapshot)
		readers.Go(func() { snapshot.Bytes() }) // the race detector watches
	}
	draft.Renditions[0].Complete = false
	readers.Wait()
	for i, s := range snapshots {
		if diff := cmp.Diff(all[:i+1], s.Renditions[0].Segments); diff != "" {
			t.Fatalf("snapshot %d changed:\n%s", i, diff)
		}
		if !s.Renditions[0].Complete {
			t.Fatalf("snapshot %d shares its renditions", i)
		}
	}
}

func TestAppendToASnapshotLeavesTheDraftAlone(t *testing.T) {
	draft := film()
	draft.Renditions[0].Segments = slices.Grow(draft.Renditions[0].Segments, 8)
	snapshot := draft.Snapshot()
	snapshot.Renditions[0].Segments = append(snapshot.Renditions[0].Segments, manifest.Segment{Start: 1})
	grown := append(draft.Renditions[0].Segments, manifest.Segment{Start: 2})
	if got := snapshot.Renditions[0].Segments[3].Start; got != 1 || grown[3].Start != 2 {
		t.Errorf("snapshot and draft share what is appended: %d, %d", got, grown[3].Start)
	}
}

func TestSnapshotCopiesNoSegments(t *testing.T) {
	m := film()
	m.Renditions[0].Segments = segments("s", 500, 96096, 1000)
	if got := m.Snapshot(); &got.Renditions[0].Segments[0] != &m.Renditions[0].Segments[0] {
		t.Error("the segments were copied")
	}
	if got := testing.AllocsPerRun(10, func() { m.Snapshot() }); got > 2 {
		t.Errorf("%v allocations, want the manifest and its renditions", got)
	}
}
