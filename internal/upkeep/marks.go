package upkeep

import (
	"encoding/binary"
	"slices"

	"shoal/internal/chunk"
)

// marks is a set of chunks in eight bytes for each: ten million take about 100 MB while they are read. It tells chunks
// apart by 9 bytes of their names; two that share those would be taken for one, and both be kept. The first
// add is followed by others and by one seal, and then by has. It belongs to one goroutine.
type marks struct {
	buckets [256][]uint64
	// met has a bit for each mark, set by has.
	met [256][]uint64
}

func (m *marks) add(ref chunk.Ref) {
	m.buckets[ref[0]] = append(m.buckets[ref[0]], rest(ref))
}

// rest is what a bucket tells chunks apart by.
func rest(ref chunk.Ref) uint64 { return binary.BigEndian.Uint64(ref[1:]) }

// seal ends adding.
func (m *marks) seal() {
	for i := range m.buckets {
		slices.Sort(m.buckets[i])
		m.buckets[i] = slices.Compact(m.buckets[i])
		m.met[i] = make([]uint64, (len(m.buckets[i])+63)/64)
	}
}

// has tells whether a chunk is marked, and remembers that it was met.
func (m *marks) has(ref chunk.Ref) bool {
	at, found := slices.BinarySearch(m.buckets[ref[0]], rest(ref))
	if found {
		m.met[ref[0]][at/64] |= 1 << (at % 64)
	}
	return found
}

// unmet returns the marks that has was never asked for.
func (m *marks) unmet() *marks {
	left := new(marks)
	for i, bucket := range m.buckets {
		for at, mark := range bucket {
			if m.met[i][at/64]&(1<<(at%64)) == 0 {
				left.buckets[i] = append(left.buckets[i], mark)
			}
		}
	}
	left.seal()
	return left
}

// count returns the number of marks.
func (m *marks) count() (n int) {
	for _, bucket := range m.buckets {
		n += len(bucket)
	}
	return n
}
