package repair

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// surplusAge is how long the layout must have been the same, and a chunk must not have been put, before this node
	// deletes what it is not to hold. So a node that was away for a day finds that nothing was thrown away for it.
	surplusAge = 24 * time.Hour
	// spareEvery is how often is looked for such chunks.
	spareEvery = time.Hour
)

// spares gives back what this node is not to hold, until ctx ends.
func (r *Repairer) spares(ctx context.Context) {
	for {
		timer := time.NewTimer(spareEvery + rand.N(spareEvery/10))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		freed, err := r.spare(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("what others hold now could not all be given back", "err", err)
		}
		if freed.Chunks > 0 {
			r.log.Info("chunks were deleted that other nodes hold", "chunks", freed.Chunks, "bytes", freed.Bytes)
			r.cfg.Events(Event{Kind: Freed, Chunks: freed.Chunks, Bytes: freed.Bytes})
		}
	}
}

// spare looks at every group once that this node is not to hold, and deletes of it what all holders have verified.
func (r *Repairer) spare(ctx context.Context) (freed Total, err error) {
	p, since := r.place()
	if !p.member || p.draining || r.paused() || time.Since(since) < surplusAge {
		return freed, nil
	}
	limit := time.Now().Add(-surplusAge)
	err = r.surplus(ctx, p, func(f *found, info chunk.Info) error {
		if !f.put[info.Ref].Before(limit) || !r.verified(ctx, f, info) {
			return ctx.Err()
		}
		if again, now := r.place(); again.layout.Version() != p.layout.Version() || !now.Equal(since) || r.paused() {
			return errEnough
		}
		bytes, err := r.give(ctx, f.group, info.Ref, limit)
		if bytes > 0 {
			freed.add(bytes)
			r.mu.Lock()
			r.freed.add(bytes)
			r.mu.Unlock()
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return freed, err
}

// surplus calls visit with the chunks of this node that it is not to hold, and that all of their holders say they have.
func (r *Repairer) surplus(ctx context.Context, p place, visit func(*found, chunk.Info) error) error {
	c, err := r.compareStock(ctx, p)
	if err != nil {
		return err
	}
	all := func(int) bool { return true }
	return r.list(ctx, c, all, func(f *found) error {
		plan := new(placement.Plan)
		plan.Add(p.layout, f.group, f.held, f.chunks(func(ref chunk.Ref) bool { _, own := f.put[ref]; return own }))
		for _, s := range plan.Surplus {
			if s.Node != r.cfg.Self {
				continue
			}
			if err := visit(f, s.Chunk); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// verified tells whether every holder has read its copy now and found it whole.
func (r *Repairer) verified(ctx context.Context, f *found, info chunk.Info) bool {
	for _, id := range f.holders {
		if !r.cfg.Alive(id) || r.pace(ctx, info.Size, 0) != nil {
			return false
		}
		asked, cancel := context.WithTimeout(ctx, fetchTimeout)
		err := r.cfg.Peers.Verify(asked, id, info.Ref)
		cancel()
		if err != nil {
			r.log.Debug("holder does not vouch for its copy", "chunk", info.Ref, "node", id, "err", err)
			return false
		}
	}
	return len(f.holders) > 0
}

// give deletes a chunk, unless this node vouched for its group to another one that may delete its own copy for it: where
// two nodes know different layouts, each might rely on the other.
func (r *Repairer) give(ctx context.Context, g placement.Group, ref chunk.Ref, limit time.Time) (int64, error) {
	r.vouched.mu.Lock()
	defer r.vouched.mu.Unlock()
	if at := r.vouched.at[g]; !at.IsZero() && time.Since(at) < surplusAge {
		return 0, nil
	}
	return r.cfg.Local.DeleteBefore(ctx, ref, limit)
}

// vouched knows when this node last vouched for a copy, by group.
type vouched struct {
	mu sync.Mutex
	at [placement.Groups]time.Time // guarded by mu
}

// Vouch reads this node's copy of a chunk anew for another node that wants to delete its own; nil says that it is whole.
// For a day this node then gives back nothing of the chunk's group.
func (r *Repairer) Vouch(ctx context.Context, ref chunk.Ref) error {
	r.vouched.mu.Lock()
	r.vouched.at[placement.GroupOf(ref)] = time.Now()
	r.vouched.mu.Unlock()
	return r.cfg.Local.Verify(ctx, ref)
}
