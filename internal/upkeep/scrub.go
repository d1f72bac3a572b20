package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"shoal/internal/chunk"
)

const (
	scrubKey = "scrub"
	// scrubEvery and scrubSpread are the least time between two scrubs, and how much longer it may be, so that
	// machines that were set up together do not read all at once.
	scrubEvery  = 25 * 24 * time.Hour
	scrubSpread = 10 * 24 * time.Hour
	// healTimeout is how long one chunk is waited for.
	healTimeout = 2 * time.Minute
	// scrubSave is how often it is noted how far a scrub is.
	scrubSave = 30 * time.Second
)

// Scrub says how far the reading of all chunks is, or how the last one ended.
type Scrub struct {
	Running bool
	// Checked and CheckedBytes count what was read; Chunks and Bytes are what the store holds.
	Checked, CheckedBytes, Chunks, Bytes int64
	// Damaged counts the chunks that went bad, Healed those of them that another node had, Unreadable those that the disk could
	// not read.
	Damaged, Healed, Unreadable int64
	// Begun, Finished and Next are zero when that has not happened, or is not known.
	Begun, Finished, Next time.Time
}

// scrubState is what is kept of a scrub, and taken up after a restart.
type scrubState struct {
	Running bool `json:"running"`
	// Asked is true when somebody wants it now.
	Asked        bool      `json:"asked"`
	Cursor       chunk.Ref `json:"cursor"`
	Checked      int64     `json:"checked"`
	CheckedBytes int64     `json:"checked_bytes"`
	Damaged      int64     `json:"damaged"`
	Healed       int64     `json:"healed"`
	Unreadable   int64     `json:"unreadable"`
	Begun        time.Time `json:"begun,omitzero"`
	Finished     time.Time `json:"finished,omitzero"`
	Next         time.Time `json:"next,omitzero"`
}

// Scrub has all chunks read and checked now, unless that is under way already, and returns how far it is.
func (k *Keeper) Scrub() Scrub {
	k.mu.Lock()
	if !k.scrub.Running {
		k.scrub.begin()
	}
	k.scrub.Asked = true
	k.mu.Unlock()
	signal(k.ask)
	return k.Scrubbing()
}

// Scrubbing returns how far the scrub is that runs, or how the last one ended.
func (k *Keeper) Scrubbing() Scrub {
	chunks, bytes := k.cfg.Totals()
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.scrub
	return Scrub{
		Running: s.Running, Checked: s.Checked, CheckedBytes: s.CheckedBytes, Chunks: chunks, Bytes: bytes,
		Damaged: s.Damaged, Healed: s.Healed, Unreadable: s.Unreadable, Begun: s.Begun, Finished: s.Finished, Next: s.Next,
	}
}

func (s *scrubState) begin() {
	*s = scrubState{Running: true, Begun: time.Now().UTC(), Finished: s.Finished}
}

// warning is what people are told of a scrub that they asked for, and of one that found the disk failing.
func (s *scrubState) warning() string {
	found := "nothing bad was found so far"
	if s.Damaged+s.Unreadable > 0 {
		found = fmt.Sprintf("%d chunks went bad, %d could not be read", s.Damaged, s.Unreadable)
	}
	switch {
	case s.Running && s.Asked:
		return fmt.Sprintf("All stored data is being checked: %d chunks are read, %s.", s.Checked, found)
	case s.Unreadable > 0:
		return "The disk could not read all that is stored: " + found + ". Check the disk."
	}
	return ""
}

// scrubs runs a scrub whenever one is due or asked for.
func (k *Keeper) scrubs(ctx context.Context) {
	k.loadScrub(ctx)
	for ctx.Err() == nil {
		if k.awaitScrub(ctx) {
			k.runScrub(ctx)
		}
	}
}

// loadScrub takes up what was noted before the last stop.
func (k *Keeper) loadScrub(ctx context.Context) {
	var saved scrubState
	text, err := k.cfg.Records.Load(ctx, bucket, scrubKey)
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
			k.log.Warn("how far the scrub was cannot be read", "err", err)
		}
		saved = scrubState{Next: nextScrub()}
	}
	k.mu.Lock()
	asked := k.scrub.Asked
	if !asked || saved.Running {
		k.scrub = saved
		k.scrub.Asked = asked || saved.Asked
	}
	k.mu.Unlock()
	if err != nil {
		k.saveScrub(ctx)
	}
}

func nextScrub() time.Time { return time.Now().UTC().Add(scrubEvery + rand.N(scrubSpread)) }

// awaitScrub waits for the next scrub; false when ctx ended.
func (k *Keeper) awaitScrub(ctx context.Context) bool {
	k.mu.Lock()
	running, next := k.scrub.Running, k.scrub.Next
	k.mu.Unlock()
	if running {
		return true
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-k.ask:
		return true
	case <-timer.C:
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.scrub.Running {
		k.scrub.begin()
	}
	return true
}

// runScrub goes on with the scrub that is begun, to its end or that of ctx.
func (k *Keeper) runScrub(ctx context.Context) {
	k.mu.Lock()
	running, cursor := k.scrub.Running, k.scrub.Cursor
	k.mu.Unlock()
	if !running {
		return // What was asked for was part of the one before.
	}
	limit := rate.NewLimiter(rate.Limit(k.cfg.ScrubRate), chunk.MaxSize)
	saved := time.Now()
	err := k.cfg.Store.Walk(ctx, cursor, func(info chunk.Info, _ time.Time) error {
		if err := limit.WaitN(ctx, int(min(info.Size, chunk.MaxSize))); err != nil {
			return err
		}
		err := k.cfg.Store.Verify(ctx, info.Ref)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		healed := errors.Is(err, chunk.ErrCorrupt) && k.heal(ctx, info.Ref)
		k.note(info, err, healed)
		if time.Since(saved) >= scrubSave {
			saved = time.Now()
			k.saveScrub(ctx)
		}
		return nil
	})
	k.endScrub(ctx, err)
}

// heal has a chunk that went bad brought back from another node, if this one is to hold it, and tells whether it is here again.
func (k *Keeper) heal(ctx context.Context, ref chunk.Ref) bool {
	if k.cfg.Heal == nil || k.cfg.Holds != nil && !k.cfg.Holds(ref) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	if err := k.cfg.Heal(ctx, ref); err != nil {
		k.log.Warn("chunk that went bad could not be brought back from another node", "chunk", ref, "err", err)
		return false
	}
	k.log.Info("chunk that went bad was brought back from another node", "chunk", ref)
	return true
}

// note counts what was found of one chunk. One that was deleted since it was listed counts for nothing.
func (k *Keeper) note(info chunk.Info, err error, healed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.scrub.Cursor = info.Ref
	switch {
	case errors.Is(err, chunk.ErrNotFound):
		return
	case errors.Is(err, chunk.ErrCorrupt):
		k.scrub.Damaged++
		if healed {
			k.scrub.Healed++
		}
	case err != nil:
		k.scrub.Unreadable++
		k.log.Error("chunk could not be read", "chunk", info.Ref, "err", err)
	}
	k.scrub.Checked++
	k.scrub.CheckedBytes += info.Size
}

// endScrub notes that all was read, or how far it came.
func (k *Keeper) endScrub(ctx context.Context, err error) {
	if ctx.Err() != nil {
		k.saveScrub(context.WithoutCancel(ctx))
		return
	}
	if err != nil {
		k.log.Error("scrub stopped: it goes on in an hour", "err", err)
		timer := time.NewTimer(retryEvery)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		return
	}
	k.mu.Lock()
	k.scrub.Running, k.scrub.Asked, k.scrub.Cursor = false, false, chunk.Ref{}
	k.scrub.Finished, k.scrub.Next = time.Now().UTC(), nextScrub()
	done := k.scrub
	k.mu.Unlock()
	k.log.Info("scrub is done", "chunks", done.Checked, "bytes", done.CheckedBytes, "damaged", done.Damaged,
		"healed", done.Healed, "unreadable", done.Unreadable, "next", done.Next)
	k.saveScrub(ctx)
	if done.Damaged > done.Healed {
		signal(k.wake)
	}
}

func (k *Keeper) saveScrub(ctx context.Context) {
	k.mu.Lock()
	text, err := json.Marshal(k.scrub)
	k.mu.Unlock()
	if err == nil {
		err = k.cfg.Records.Save(ctx, bucket, scrubKey, text)
	}
	if err != nil && ctx.Err() == nil {
		k.log.Warn("how far the scrub is was not saved", "err", err)
	}
}
