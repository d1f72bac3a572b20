package stream

import (
	"iter"
	"sync"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// maxIndexed bounds an index, in names: about 15 MB, or the films that a hundred rooms watch.
const maxIndexed = 200_000

// index finds segments by a name that they have: their hash, or that of a chunk in them. Drafts of a video only grow, so a rendition's table serves all of them and
// takes in only what is new.
type index struct {
	max   int
	names func(*manifest.Segment) iter.Seq[chunk.Ref]

	mu     sync.Mutex
	tables map[place]*table // guarded by mu
	total  int              // of names in tables; guarded by mu
}

// place names a rendition in the library.
type place struct {
	video     manifest.VideoID
	rendition string
}

// table holds the first position of each name in the first count segments of a rendition; last is the hash of the last
// of those.
type table struct {
	at    map[chunk.Ref]int
	count int
	last  chunk.Ref
}

func newIndex(limit int, names func(*manifest.Segment) iter.Seq[chunk.Ref]) *index {
	return &index{max: limit, names: names, tables: make(map[place]*table)}
}

// byHash names a segment by its hash.
func byHash(s *manifest.Segment) iter.Seq[chunk.Ref] {
	return func(yield func(chunk.Ref) bool) { yield(s.Hash) }
}

// byChunk names a segment by each of its chunks.
func byChunk(s *manifest.Segment) iter.Seq[chunk.Ref] {
	return func(yield func(chunk.Ref) bool) {
		for _, info := range s.Chunks {
			if !yield(info.Ref) {
				return
			}
		}
	}
}

// find returns the position in segments, which are those of the rendition at p, of the first one with that name.
func (x *index) find(p place, segments []manifest.Segment, name chunk.Ref) (int, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.tables[p]
	if t == nil || !t.fits(segments, x.names) {
		x.drop(p)
		t = &table{at: make(map[chunk.Ref]int, len(segments))}
		x.tables[p] = t
	}
	x.total += t.extend(segments, x.names)
	x.shrink(p)
	i, found := t.at[name]
	// The table may know a later draft than the caller has.
	return i, found && i < len(segments) && contains(x.names(&segments[i]), name)
}

func contains(names iter.Seq[chunk.Ref], name chunk.Ref) bool {
	for n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// fits tells whether t was made from an earlier or later draft of segments.
func (t *table) fits(segments []manifest.Segment, names func(*manifest.Segment) iter.Seq[chunk.Ref]) bool {
	if t.count == 0 || len(segments) == 0 {
		return true
	}
	if len(segments) >= t.count {
		return segments[t.count-1].Hash == t.last
	}
	last := &segments[len(segments)-1]
	for name := range names(last) {
		if i, found := t.at[name]; !found || i >= len(segments) {
			return false
		}
	}
	return true
}

// extend takes in what is new and returns how many names that is.
func (t *table) extend(segments []manifest.Segment, names func(*manifest.Segment) iter.Seq[chunk.Ref]) int {
	before := len(t.at)
	for ; t.count < len(segments); t.count++ {
		for name := range names(&segments[t.count]) {
			if _, known := t.at[name]; !known {
				t.at[name] = t.count
			}
		}
		t.last = segments[t.count].Hash
	}
	return len(t.at) - before
}

func (x *index) drop(p place) {
	if t := x.tables[p]; t != nil {
		x.total -= len(t.at)
		delete(x.tables, p)
	}
}

// shrink drops tables, whichever comes first, until x is small enough; the one at keep stays. To make a table
// again costs less than a millisecond for a film, so no order is kept.
func (x *index) shrink(keep place) {
	for p := range x.tables {
		if x.total <= x.max {
			return
		}
		if p != keep {
			x.drop(p)
		}
	}
}
