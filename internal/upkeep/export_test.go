package upkeep

import (
	"time"

	"shoal/internal/chunk"
)

// Stored is a chunk as a store lists it.
func Stored(info chunk.Info, put time.Time) StoredChunk { return stored{info, put} }

// StoredChunk is what Stored returns.
type StoredChunk = stored

// Decide plans for chunks of which live are needed; lacking is the number of live ones that are not listed.
func Decide(listed []StoredChunk, live []chunk.Ref, cutoff time.Time) (p Plan, lacking int) {
	m := new(marks)
	for _, ref := range live {
		m.add(ref)
	}
	m.seal()
	p = decide(listed, m, cutoff)
	return p, m.unmet().count()
}

// Marks is a set of chunks.
type Marks struct{ m *marks }

// NewMarks returns an empty set.
func NewMarks() Marks { return Marks{new(marks)} }

// Add and Seal are the set's own.
func (m Marks) Add(ref chunk.Ref) { m.m.add(ref) }
func (m Marks) Seal()             { m.m.seal() }
func (m Marks) Count() int        { return m.m.count() }
