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
	// under and least are Status.UnderCopied and Status.Least, underIn has the groups that those are in.
	under, least int
	underIn      map[placement.Group]int
	// full is true when it was looked for what is lost; lostIn has the marks of all that is.
	full       bool
	lost       int
	lostIn     map[placement.Group][]uint64
	lostChunks []chunk.Ref
	silent     []placement.NodeID
	version    placement.Version // of the layout
}

// rounds looks again and again whether this node has what it is to hold, until ctx ends.
func (r *Repairer) rounds(ctx context.Context) {
	begun, took := time.Now(), time.Duration(0)
	due := begun.Add(startDelay + rand.N(startDelay))
	r.mu.Lock()
	r.started = begun
	r.mu.Unlock()
	for ctx.Err() == nil {
		if !r.await(ctx, begun, due, took) {
			r.recount(ctx)
			continue
		}
		begun = time.Now()
		wait := r.round(ctx)
		due, took = time.Now().Add(wait), time.Since(begun)
	}
}

// await waits for the time of the next round: when it is due, when a chunk may be tried again that failed since the last
// one began, or when somebody asks. Before that it is false when it is time to recount, and when ctx ended. The rounds that
// others ask for leave half of the time to quiet.
func (r *Repairer) await(ctx context.Context, begun, due time.Time, took time.Duration) (whole bool) {
	recount := time.Now().Add(recountEvery)
	for {
		until := due
		if first := r.failing.next(begun); !first.IsZero() && first.Before(until) {
			until = later(first, begun.Add(took+lookAgain))
		}
		whole = !r.counting() || until.Before(recount)
		if !whole {
			until = recount
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-ctx.Done():
			whole = false
		case <-timer.C:
		case <-r.failed:
			timer.Stop()
			continue
		case <-r.now:
			whole = true
		case <-r.kick:
			r.calm(ctx, max(settle, took))
			whole = ctx.Err() == nil
		}
		timer.Stop()
		return whole
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// calm waits for things to calm down after a change; what is asked for meanwhile is part of what comes then.
func (r *Repairer) calm(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-r.now:
	}
	select {
	case <-r.kick:
	default:
	}
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

// untilNext returns when to look again: sooner when a node that is thought to live did not answer, but less and less so.
func (r *Repairer) untilNext(found outcome) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.spread()
	if begins := fullDelay - time.Since(r.started); begins > 0 {
		wait = min(wait, begins)
	}
	if !slices.ContainsFunc(found.silent, r.cfg.Alive) {
		r.unheard = 0
		return wait
	}
	r.unheard++
	return min(wait, retryRound<<min(r.unheard-1, 10))
}

// fullIsDue tells whether to look for what is lost: when somebody asks, and once the start is over, after another layout,
// once a day, and while something is.
func (r *Repairer) fullIsDue(p place) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fullAsked {
		r.fullAsked = false
		return true
	}
	return time.Since(r.started) >= fullDelay &&
		(r.last.lost > 0 || r.fullVersion != p.layout.Version() || time.Since(r.fullEnd) >= fullEvery)
}

// note keeps what a round found, and says what changed.
func (r *Repairer) note(found outcome) {
	r.mu.Lock()
	before := r.last
	if !found.full {
		found.lost, found.lostIn, found.lostChunks = before.lost, before.lostIn, before.lostChunks
	}
	if found.full && len(found.silent) == 0 {
		r.fullVersion, r.fullEnd = found.version, time.Now()
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
