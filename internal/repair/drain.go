package repair

import (
	"context"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// drainEvery is how often a node that is to leave looks how far it is, and duty which part of the time that may take.
	drainEvery = 30 * time.Second
	duty       = 20
)

// drainage says how far a node is that is to leave.
type drainage struct {
	version placement.Version // of the layout that it was counted by
	at      time.Time
	// held is what this node has and somebody needs; of it, others lack left.
	held int
	left Total
	rate int64 // bytes a second that others pulled since the look before
	done bool
}

// tell fills in what is known of the layout with that version.
func (d *drainage) tell(s *Status, version placement.Version) {
	s.State = StateDraining
	if d.version != version {
		return
	}
	if d.done {
		s.State = StateDrained
	}
	s.Queued, s.BytesLeft, s.Rate = d.left.Chunks, d.left.Bytes, d.rate
	s.Held, s.Safe = d.held, d.held-d.left.Chunks
}

// drainRound looks how far others are with what this node has, and returns when to look again.
func (r *Repairer) drainRound(ctx context.Context, p place) time.Duration {
	r.queue.end() // This node pulls nothing any more.
	begun := time.Now()
	d, err := r.drained(ctx, p)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("how far the drain is cannot be told", "err", err)
		}
		return retryRound
	}
	r.mu.Lock()
	before := r.drain
	if before.version == d.version && !before.done {
		d.rate = max(0, int64(float64(before.left.Bytes-d.left.Bytes)/d.at.Sub(before.at).Seconds()))
	}
	r.drain, r.last = d, outcome{}
	r.mu.Unlock()
	if !d.done {
		return max(drainEvery, duty*time.Since(begun))
	}
	if !before.done || before.version != d.version {
		r.log.Info("others hold everything that this node has: it may be switched off", "chunks", d.held)
		r.cfg.Events(Event{Kind: Drained, Chunks: d.held})
	}
	return r.spread()
}

// drained compares all that this node has with what the holders of the layout have.
func (r *Repairer) drained(ctx context.Context, p place) (drainage, error) {
	d := drainage{version: p.layout.Version(), at: time.Now()}
	c, err := r.compareStock(ctx, p)
	if err != nil {
		return d, err
	}
	unsettled := func(i int) bool {
		if c.settled(i, false) {
			d.held += int(c.mine[i].Chunks)
			return false
		}
		return true
	}
	var needed *wanted
	err = r.list(ctx, c, unsettled, func(f *found) (err error) {
		if needed == nil {
			if needed, err = r.gather(ctx, func(g placement.Group) bool { return true }); err != nil {
				return err
			}
		}
		d.count(f, f.held[r.cfg.Self], needed)
		return ctx.Err()
	})
	d.done = err == nil && d.left.Chunks == 0
	return d, err
}

// count counts what this node has of a group, and what one of its holders lacks or does not tell.
func (d *drainage) count(f *found, mine map[chunk.Ref]int64, needed *wanted) {
	for ref, size := range mine {
		if !needed.mayNeed(ref, f.put[ref]) {
			continue
		}
		d.held++
		if !f.heldByAll(ref) {
			d.left.add(size)
		}
	}
}
