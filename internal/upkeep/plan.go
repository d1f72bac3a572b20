package upkeep

import (
	"time"

	"shoal/internal/chunk"
)

// stored is a chunk as the store lists it.
type stored struct {
	chunk.Info
	put time.Time
}

// Plan says what becomes of chunks.
type Plan struct {
	// Live chunks are needed, Young ones are not and may be soon, Garbage is to be deleted; GarbageBytes is its size.
	Live, Young, Garbage, GarbageBytes int64
	// Delete lists the garbage.
	Delete []chunk.Ref
}

// decide sorts chunks into the live, the young, which were put at cutoff or later, and garbage.
func decide(listed []stored, live *marks, cutoff time.Time) (p Plan) {
	for _, s := range listed {
		switch {
		case live.has(s.Ref):
			p.Live++
		case !s.put.Before(cutoff):
			p.Young++
		default:
			p.Garbage++
			p.GarbageBytes += s.Size
			p.Delete = append(p.Delete, s.Ref)
		}
	}
	return p
}

// add sums up counts.
func (p *Plan) add(q Plan) {
	p.Live += q.Live
	p.Young += q.Young
	p.Garbage += q.Garbage
	p.GarbageBytes += q.GarbageBytes
}
