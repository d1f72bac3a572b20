package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"shoal/internal/chunk"
)

const (
	surveyKey = "survey"
	// planAtOnce is how many chunks of the store are planned for together.
	planAtOnce = 8192
)

// surveyRecord is what is kept of the last survey.
type surveyRecord struct {
	At time.Time `json:"at"`
	// Affected is the number of videos that lacked chunks.
	Affected int `json:"affected"`
}

// surveyor compares what the store has with what the videos need: what nobody needs is deleted, and
// videos that lack something are named. It is owned by tidy.
type surveyor struct {
	k    *Keeper
	next time.Time
	// examined are the quarantined chunks that the last survey knew of.
	examined map[chunk.Ref]bool
}

// newSurveyor plans the first survey: at once when there is something to find, else when the start is over.
func (k *Keeper) newSurveyor(ctx context.Context) *surveyor {
	s := &surveyor{k: k, next: time.Now().Add(surveyDelay), examined: make(map[chunk.Ref]bool)}
	var last surveyRecord
	text, err := k.cfg.Records.Load(ctx, bucket, surveyKey)
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		k.log.Warn("the time of the last survey cannot be read", "err", err)
	}
	if last.Affected > 0 || k.cfg.Restored.After(last.At) {
		s.next = time.Now()
	}
	return s
}

// due tells whether it is time, or chunks went bad since the last survey that no other node has.
func (s *surveyor) due(ctx context.Context) bool {
	found := false
	refs, err := s.k.cfg.Store.Quarantined(ctx)
	if err != nil {
		return false
	}
	for _, ref := range refs {
		if _, err := s.k.cfg.Store.Stat(ctx, ref); !errors.Is(err, chunk.ErrNotFound) {
			delete(s.examined, ref)
		} else if !s.examined[ref] {
			s.examined[ref] = true
			found = !s.k.heal(ctx, ref) || found
		}
	}
	return found || !time.Now().Before(s.next)
}

// survey looks over everything once.
func (s *surveyor) survey(ctx context.Context) {
	k, begun := s.k, time.Now()
	s.next = begun.Add(surveyEvery)
	total, lacking, err := k.sweep(ctx, begun)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.next = begun.Add(retryEvery)
		k.log.Error("the store could not be surveyed", "err", err)
		return
	}
	k.log.Info("store was surveyed", "live", total.Live, "young", total.Young, "garbage", total.Garbage,
		"garbage_bytes", total.GarbageBytes, "lacking", lacking.count(), "took", time.Since(begun))
	found := k.nameAffected(ctx, lacking)
	if ctx.Err() != nil {
		return
	}
	text, err := json.Marshal(surveyRecord{At: begun, Affected: found})
	if err == nil {
		err = k.cfg.Records.Save(ctx, bucket, surveyKey, text)
	}
	if err != nil && ctx.Err() == nil {
		k.log.Warn("the time of the survey was not saved", "err", err)
	}
}

// sweep marks what is needed, compares it with the store, deletes the garbage unless something speaks against
// it, and returns what is lacking of what this node is to hold.
func (k *Keeper) sweep(ctx context.Context, begun time.Time) (total Plan, lacking *marks, err error) {
	live := new(marks)
	held := live
	if k.cfg.Holds != nil {
		held = new(marks)
	}
	cutoff := begun.Add(-grace)
	if limit := k.limit(); limit.Before(cutoff) {
		cutoff = limit
	}
	blocked := k.markAll(ctx, live, held)
	if ctx.Err() != nil {
		return total, nil, ctx.Err()
	}
	k.setBlocked(blocked)
	if blocked != nil {
		k.log.Warn("nothing is deleted from the store", "err", blocked)
	}
	mayDelete := blocked == nil && begun.After(k.cfg.Restored.Add(restoreGrace))
	total, err = k.sweepStore(ctx, live, held, cutoff, mayDelete)
	if err != nil {
		return total, nil, err
	}
	return total, held.unmet(), nil
}

// markAll marks what is needed, and what of that this node is to hold. The error says why there may be more.
func (k *Keeper) markAll(ctx context.Context, live, held *marks) error {
	add := func(ref chunk.Ref) {
		live.add(ref)
		if held != live && k.cfg.Holds(ref) {
			held.add(ref)
		}
	}
	// Imports come first: what they hand over to a video after this is found there.
	k.cfg.Imports.Claimed(add)
	err := k.mark(ctx, add)
	live.seal()
	if held != live {
		held.seal()
	}
	return err
}

// Needed calls visit with the chunks that any video needs, or an import of this node, as of now, in no order and perhaps more than once.
// Every manifest is read for it. An error says why there may be more.
func (k *Keeper) Needed(ctx context.Context, visit func(chunk.Ref)) error {
	k.cfg.Imports.Claimed(visit)
	return k.mark(ctx, visit)
}

// mark adds the chunks of every video. The error says why there may be more.
func (k *Keeper) mark(ctx context.Context, add func(chunk.Ref)) error {
	var unknown []error
	err := k.cfg.Library.Live(ctx, func(c Contents) error {
		for info := range c.Chunks {
			add(info.Ref)
		}
		if c.Err != nil {
			unknown = append(unknown, unreadable(c))
		}
		return ctx.Err()
	})
	return errors.Join(append(unknown, err)...)
}

// sweepStore plans for the store's chunks, some at a time, and acts on the plan.
func (k *Keeper) sweepStore(ctx context.Context, live, held *marks, cutoff time.Time, mayDelete bool) (total Plan, err error) {
	listed := make([]stored, 0, planAtOnce)
	act := func() error {
		plan := decide(listed, live, cutoff)
		total.add(plan)
		listed = listed[:0]
		if !mayDelete {
			return nil
		}
		return k.deleteOld(ctx, plan.Delete, cutoff)
	}
	err = k.cfg.Store.Walk(ctx, chunk.Ref{}, func(info chunk.Info, put time.Time) error {
		held.has(info.Ref)
		if listed = append(listed, stored{info, put}); len(listed) < planAtOnce {
			return nil
		}
		return act()
	})
	if err == nil {
		err = act()
	}
	return total, err
}

func (k *Keeper) deleteOld(ctx context.Context, refs []chunk.Ref, cutoff time.Time) error {
	if len(refs) == 0 {
		return nil
	}
	all := func(context.Context) ([]chunk.Ref, error) { return refs, nil }
	return k.cfg.Imports.Clear(ctx, refs, all, func(ctx context.Context, ref chunk.Ref) error {
		_, err := k.cfg.Store.DeleteBefore(ctx, ref, cutoff)
		return err
	})
}
