package repair

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// keptLost bounds how many lost chunks are named.
const keptLost = 1000

// outcome is what a round found of the groups that this node is to hold.
type outcome struct {
	// missing is what this node is to pull, except what rests after it failed.
	missing Total
	// under and least are Status.UnderCopied and Status.Least.
	under, least int
	// full is true when it was looked for what is lost, as far as the silent let one tell.
	full       bool
	lost       int
	lostChunks []chunk.Ref
	silent     []placement.NodeID
	version    placement.Version
}

// rounds looks again and again whether this node has what it is to hold, until ctx ends.
func (r *Repairer) rounds(ctx context.Context) {
	var took time.Duration
	for wait := startDelay + rand.N(startDelay); r.await(ctx, wait, took); {
		begun := time.Now()
		wait = r.round(ctx)
		took = time.Since(begun)
	}
}

// await waits for the next round; false when ctx ended. The rounds that others ask for leave half of the time to quiet.
func (r *Repairer) await(ctx context.Context, wait, took time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-r.now:
		return true
	case <-r.kick:
	}
	quiet := time.NewTimer(max(settle, took))
	defer quiet.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-quiet.C:
	case <-r.now:
	}
	// What was asked for meanwhile is part of what comes now.
	select {
	case <-r.kick:
	default:
	}
	return true
}

// round looks at everything once, and returns when to do it again.
func (r *Repairer) round(ctx context.Context) time.Duration {
	r.setChecking(true)
	defer r.setChecking(false)
	p, _ := r.place()
	r.queue.begin()
	if p.draining {
		return r.drainRound(ctx, p)
	}
	found, err := r.survey(ctx, p, r.fullIsDue(p), r.enlist)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("what this node lacks cannot be told", "err", err)
		}
		return retryRound
	}
	r.queue.end()
	r.note(found)
	if !r.paused() {
		r.begins(found.missing)
	}
	return r.untilNext(found)
}

// enlist has a chunk pulled, unless it rests after it failed.
func (r *Repairer) enlist(j *job) bool {
	if r.failing.rests(j, time.Now()) {
		return false
	}
	r.queue.add(j)
	return true
}

func (r *Repairer) setChecking(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checking = on
	if !on {
		r.ended = time.Now()
	}
}

// spread returns Config.Every with up to a tenth more or less, so that nodes do not all ask at once.
func (r *Repairer) spread() time.Duration {
	tenth := r.cfg.Every / 10
	return r.cfg.Every - tenth + rand.N(2*tenth+1)
}

// untilNext returns when to look again: sooner when not everybody answered, or when something is to be tried again.
func (r *Repairer) untilNext(found outcome) time.Duration {
	wait := r.spread()
	if slices.ContainsFunc(found.silent, r.cfg.Alive) {
		wait = min(wait, retryRound)
	}
	now := time.Now()
	if first, resting := r.failing.next(now); resting > 0 {
		wait = min(wait, max(lookAgain, first.Sub(now)))
	}
	return wait
}

// fullIsDue tells whether to look for what is lost: after another layout, once a day, and while something is.
func (r *Repairer) fullIsDue(p place) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last.lost > 0 || r.last.version != p.layout.Version() || r.fullEnd.IsZero() || time.Since(r.fullEnd) >= fullEvery
}

// note keeps what a round found, and says what changed.
func (r *Repairer) note(found outcome) {
	r.mu.Lock()
	before := r.last
	if !found.full {
		found.lost, found.lostChunks, found.version = before.lost, before.lostChunks, before.version
	} else {
		r.fullEnd = time.Now()
	}
	r.last = found
	r.mu.Unlock()
	switch {
	case found.lost > before.lost:
		r.log.Error("chunks are lost: no node that answers has them", "chunks", found.lost)
		r.cfg.Events(Event{Kind: Lost, Chunks: found.lost})
	case found.lost == 0 && before.lost > 0:
		r.log.Info("the chunks that were lost are back")
		r.cfg.Events(Event{Kind: Returned})
	}
}
