package swarm

import (
	"slices"
	"sort"
)

// maxSpans bounds what a room remembers of the chunks of one viewer; an honest one has a handful.
const maxSpans = 512

// chunkKey is a chunk's place: the number that the room gave its rendition, and its ordinal there.
type chunkKey struct {
	rendition uint16
	ordinal   uint32
}

// span is the chunks of a rendition from first up to, but not including, end.
type span struct {
	rendition  uint16
	first, end uint32
}

func (s span) has(c chunkKey) bool {
	return s.rendition == c.rendition && s.first <= c.ordinal && c.ordinal < s.end
}

// spans is a set of chunks: sorted, and no two overlap or touch.
type spans []span

// from returns the position of the first span that ends at or behind an ordinal.
func (s spans) from(rendition uint16, ordinal uint32) int {
	return sort.Search(len(s), func(i int) bool {
		return s[i].rendition > rendition || s[i].rendition == rendition && s[i].end >= ordinal
	})
}

func (s spans) has(c chunkKey) bool {
	i := s.from(c.rendition, c.ordinal+1)
	return i < len(s) && s[i].has(c)
}

// add puts x in and calls each for the parts that were not there. A set that is full takes only what makes it no longer.
func (s *spans) add(x span, each func(span)) {
	i := s.from(x.rendition, x.first)
	j, at, merged := i, x.first, x
	for ; j < len(*s) && (*s)[j].rendition == x.rendition && (*s)[j].first <= x.end; j++ {
		merged.first, merged.end = min(merged.first, (*s)[j].first), max(merged.end, (*s)[j].end)
	}
	if i == j && len(*s) >= maxSpans {
		return
	}
	for _, old := range (*s)[i:j] {
		if old.first > at {
			each(span{x.rendition, at, old.first})
		}
		at = max(at, old.end)
	}
	if at < x.end {
		each(span{x.rendition, at, x.end})
	}
	*s = slices.Replace(*s, i, j, merged)
}

// drop takes x out and calls each for the parts that were there. Where a set is full, the end of a span goes with its
// middle.
func (s *spans) drop(x span, each func(span)) {
	i := s.from(x.rendition, x.first+1)
	j := i
	var left []span
	for ; j < len(*s) && (*s)[j].rendition == x.rendition && (*s)[j].first < x.end; j++ {
		old := (*s)[j]
		gone := span{x.rendition, max(old.first, x.first), min(old.end, x.end)}
		if old.first < gone.first {
			left = append(left, span{x.rendition, old.first, gone.first})
		}
		if gone.end < old.end && len(left) > 0 && len(*s) >= maxSpans {
			gone.end = old.end
		}
		each(gone)
		if gone.end < old.end {
			left = append(left, span{x.rendition, gone.end, old.end})
		}
	}
	*s = slices.Replace(*s, i, j, left...)
}

const pageSize = 256

type pageKey struct {
	rendition uint16
	number    uint32
}

// page counts the holders of pageSize chunks.
type page struct {
	total  uint32
	counts [pageSize]uint16
}

// tally counts for each chunk how many viewers have it.
type tally map[pageKey]*page

// change adds to the counts of a span, or takes off what was added before.
func (t tally) change(s span, by int) {
	for at := s.first; at < s.end; {
		key := pageKey{s.rendition, at / pageSize}
		p := t[key]
		if p == nil {
			p = new(page)
			t[key] = p
		}
		end := min(s.end, (key.number+1)*pageSize)
		for ; at < end; at++ {
			p.counts[at%pageSize] = uint16(int(p.counts[at%pageSize]) + by)
			p.total = uint32(int(p.total) + by)
		}
		if p.total == 0 {
			delete(t, key)
		}
	}
}

func (t tally) count(c chunkKey) int {
	p := t[pageKey{c.rendition, c.ordinal / pageSize}]
	if p == nil {
		return 0
	}
	return int(p.counts[c.ordinal%pageSize])
}
