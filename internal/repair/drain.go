package repair

import (
	"context"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// drainEvery is how often a node that is to leave looks how far it is, while others get on: each look without that doubles
	// the time to the next one. duty bounds which part of the time is spent on looking.
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
	rate int64         // bytes a second that others pulled since the look before
	wait time.Duration // to the next look
	// unread is true when a look ended before all was read anew that had to be.
	unread, done bool
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
	d.after(before)
	r.drain, r.last = d, outcome{}
	r.mu.Unlock()
	if !d.done {
		if d.unread {
			return settle
		}
		return min(r.spread(), max(d.wait, duty*time.Since(begun)))
	}
	if !before.done || before.version != d.version {
		r.log.Info("others hold everything that this node has: it may be switched off", "chunks", d.held)
		r.cfg.Events(Event{Kind: Drained, Chunks: d.held})
	}
	return r.spread()
}

// after fills in what follows from the look before.
func (d *drainage) after(before drainage) {
	d.wait = drainEvery
	if before.version != d.version || before.done {
		return
	}
	d.rate = max(0, int64(float64(before.left.Bytes-d.left.Bytes)/d.at.Sub(before.at).Seconds()))
	if d.rate == 0 {
		d.wait = min(2*before.wait, 24*time.Hour)
	}
}

// drained compares all that this node has with what the holders of the layout have. Where only one node is left to hold a
// group, that one also reads its copies anew: nobody else could mend what went bad there unseen.
func (r *Repairer) drained(ctx context.Context, p place) (drainage, error) {
	d := drainage{version: p.layout.Version(), at: time.Now()}
	if r.checked.version != d.version {
		r.checked = checkedGroups{version: d.version, digests: make(map[placement.Group]Digest)}
	}
	c, err := r.compareStock(ctx, p)
	if err != nil {
		return d, err
	}
	open := func(i int) bool {
		g := c.groups[i]
		if c.settled(i, false) && (len(p.layout.Holders(g)) > 1 || r.checked.digests[g] == c.mine[i]) {
			d.held += int(c.mine[i].Chunks)
			return false
		}
		return true
	}
	var needed *wanted
	err = r.list(ctx, c, open, func(f *found) (err error) {
		if needed == nil {
			if needed, err = r.gather(ctx, func(placement.Group) bool { return true }); err != nil {
				return err
			}
		}
		return r.countGroup(ctx, &d, f, needed)
	})
	d.done = err == nil && d.left.Chunks == 0
	return d, err
}

// checkedGroups are those whose only holder has read its copies, and what this node had of them then.
type checkedGroups struct {
	version placement.Version
	digests map[placement.Group]Digest
}

// countGroup counts what this node has of a group, and what one of its holders lacks, does not tell, or has not read anew.
func (r *Repairer) countGroup(ctx context.Context, d *drainage, f *found, needed *wanted) error {
	whole, sole := true, len(f.holders) == 1 && r.checked.digests[f.group] != f.digest
	for ref, size := range f.held[r.cfg.Self] {
		if !needed.mayNeed(ref, f.put[ref]) {
			continue
		}
		d.held++
		safe := f.heldByAll(ref)
		if safe && sole {
			// What does not fit into this look is for the next one, so that it is told how far it is.
			d.unread = d.unread || time.Since(d.at) > drainEvery
			safe = !d.unread && r.verified(ctx, f, chunk.Info{Ref: ref, Size: size})
		}
		if !safe {
			d.left.add(size)
			whole = false
		}
	}
	if whole && sole {
		r.checked.digests[f.group] = f.digest
	}
	return ctx.Err()
}
