package stream

import (
	"sync"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// maxIndexed bounds an index, in segments: about 15 MB, or the films that a hundred rooms watch.
const maxIndexed = 200_000

// index finds segments by hash. Drafts of a video only grow, so a rendition's table serves all of them and
// takes in only what is new.
type index struct {
	max int

	mu     sync.Mutex
	tables map[place]*table // guarded by mu
	total  int              // of segments in tables; guarded by mu
}

// place names a rendition in the library.
type place struct {
	video     manifest.VideoID
	rendition string
}

// table holds the positions of the first count segments of a rendition.
type table struct {
	at    map[chunk.Ref]int
	count int
}

func newIndex(limit int) *index {
	return &index{max: limit, tables: make(map[place]*table)}
}

// find returns the position in segments, which are those of the rendition at p, of the one with that hash.
func (x *index) find(p place, segments []manifest.Segment, hash chunk.Ref) (int, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.tables[p]
	if t == nil || !t.fits(segments) {
		x.drop(p)
		t = &table{at: make(map[chunk.Ref]int, len(segments))}
		x.tables[p] = t
	}
	x.total += t.extend(segments)
	x.shrink(p)
	i, found := t.at[hash]
	// The table may know a later draft than the caller has.
	return i, found && i < len(segments) && segments[i].Hash == hash
}

// fits tells whether t was made from an earlier or later draft of segments.
func (t *table) fits(segments []manifest.Segment) bool {
	last := min(t.count, len(segments)) - 1
	if last < 0 {
		return true
	}
	i, found := t.at[segments[last].Hash]
	return found && i == last
}

// extend takes in what is new and returns how much that is.
func (t *table) extend(segments []manifest.Segment) int {
	before := t.count
	for ; t.count < len(segments); t.count++ {
		t.at[segments[t.count].Hash] = t.count
	}
	return t.count - before
}

func (x *index) drop(p place) {
	if t := x.tables[p]; t != nil {
		x.total -= t.count
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
