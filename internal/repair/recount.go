package repair

import (
	"context"
	"maps"
	"slices"
	"time"
)

// recountEvery is how often is looked whether others took what they lacked.
const recountEvery = 30 * time.Second

// counting tells whether there are chunks with too few copies, in groups that this node counts.
func (r *Repairer) counting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last.under > 0
}

// recount takes the groups off the count whose holders are even by now. It looks at digests alone, so that it can be done
// often while others repair; what is left waits for the next round.
func (r *Repairer) recount(ctx context.Context) {
	p, _ := r.place()
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if last.version != p.layout.Version() || last.under == 0 {
		return
	}
	c, err := r.compare(ctx, p.layout, slices.Sorted(maps.Keys(last.underIn)))
	if err != nil {
		return // The next round says why.
	}
	for i, g := range c.groups {
		if c.settled(i, false) {
			last.under -= last.underIn[g]
			delete(last.underIn, g)
		}
	}
	if last.under == 0 {
		last.least = 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last.under, r.last.least = last.under, last.least
}
