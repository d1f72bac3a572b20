package exchange

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// A node that has sent nothing for the 95th percentile of recent times is late; so is one that stops for as long, and at
	// least leastStall, or that takes longWhole times as long for a whole chunk as 95 of 100 do.
	usualFirst, leastFirst, mostFirst = 50 * time.Millisecond, 20 * time.Millisecond, time.Second
	leastStall                        = 250 * time.Millisecond
	longWhole                         = 2
	usualWhole, leastWhole, mostWhole = 500 * time.Millisecond, 125 * time.Millisecond, 2500 * time.Millisecond
)

// race asks one node after another, the next as soon as one fails or all that were asked are late, and returns what comes first.
type race struct {
	store   *Store
	ref     chunk.Ref
	from    *sources
	asked   []*runner // those that have not answered
	answers chan answered
	// first, stall and whole are when a node is late.
	first, stall, whole time.Duration
}

// runner is one node that was asked.
type runner struct {
	node  placement.NodeID
	began time.Time
	// last is when the last bytes came, in nanoseconds since began; 0 before the first.
	last atomic.Int64
}

// answered is what came of a runner.
type answered struct {
	by    *runner
	block *block // held by who takes the answer
	err   error
}

func (s *Store) race(ctx context.Context, ref chunk.Ref, ownErr error) (*block, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	first := s.client.peers.first.late(usualFirst, leastFirst, mostFirst)
	r := &race{
		store: s, ref: ref, from: s.sources(placement.GroupOf(ref)), answers: make(chan answered),
		first: first, stall: max(first, leastStall), whole: longWhole * s.client.peers.whole.late(usualWhole, leastWhole, mostWhole),
	}
	missing := &Missing{Ref: ref}
	missing.note(s.cfg.Self, ownErr)
	for more := r.askNext(ctx); len(r.asked) > 0; {
		select {
		case a := <-r.answers:
			r.asked = slices.DeleteFunc(r.asked, func(one *runner) bool { return one == a.by })
			if a.err == nil {
				r.won()
				return a.block, nil
			}
			missing.note(a.by.node, a.err)
			more = r.askNext(ctx)
		case <-r.later(more):
			if !time.Now().Before(r.allLate()) {
				if more = r.askNext(ctx); more {
					s.stats.hedges.Add(1)
				}
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	missing.Silent = append(missing.Silent, r.from.silent...)
	return nil, missing
}

// later fires when all that were asked are late unless something comes meanwhile, if there are more to ask.
func (r *race) later(more bool) <-chan time.Time {
	if !more {
		return nil
	}
	return time.After(time.Until(r.allLate()))
}

// allLate is when the last of those that were asked is late, as it looks now.
func (r *race) allLate() (at time.Time) {
	for _, one := range r.asked {
		if due := r.due(one); due.After(at) {
			at = due
		}
	}
	return at
}

// due is when a node is late.
func (r *race) due(one *runner) time.Time {
	last := time.Duration(one.last.Load())
	if last == 0 {
		return one.began.Add(r.first)
	}
	return one.began.Add(min(last+r.stall, r.whole))
}

// askNext begins to ask one more node, if there is one.
func (r *race) askNext(ctx context.Context) bool {
	node, more := r.from.next()
	if !more {
		return false
	}
	one := &runner{node: node, began: time.Now()}
	r.asked = append(r.asked, one)
	r.store.tasks.Go(func() { r.run(ctx, one) })
	return true
}

// run asks one node. It ends when the race does, except that a node is told to check its copy before.
func (r *race) run(ctx context.Context, one *runner) {
	client := r.store.client
	var b *block
	_, err := client.get(ctx, one.node, wanted{
		ref: r.ref,
		room: func(size int64) []byte {
			b = newBlock(size)
			return b.data
		},
		seen: func() { one.last.Store(max(1, int64(time.Since(one.began)))) },
	})
	lied := errors.Is(err, errLie)
	if ctx.Err() == nil || lied {
		client.judge(one.node, r.ref, err)
	}
	if err != nil && b != nil {
		b.release()
		b = nil
	}
	select {
	case r.answers <- answered{one, b, err}:
	case <-ctx.Done():
		if b != nil {
			b.release()
		}
	}
	if lied {
		client.accuse(r.store.life, one.node, r.ref)
	}
}

// won remembers of those that had not answered yet which ones were late.
func (r *race) won() {
	now := time.Now()
	late := false
	for _, one := range r.asked {
		if now.Before(r.due(one)) {
			continue
		}
		late = true
		r.store.client.peers.overtaken(one.node, one.last.Load() == 0, now.Sub(one.began), now)
	}
	if late {
		r.store.stats.overtaken.Add(1)
	}
}
