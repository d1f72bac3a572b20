package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// clearAtOnce bounds how many chunks of purged videos are looked at together, and with it the memory.
const clearAtOnce = 200_000

// distant is after every time at which a chunk was put.
var distant = time.Unix(1<<40, 0)

// clearPurged deletes what purged videos were made of and nobody else needs.
func (k *Keeper) clearPurged(ctx context.Context) error {
	for ids := k.cfg.Library.Purged(); len(ids) > 0; {
		some, refs := k.gather(ctx, ids)
		freed, err := k.clear(ctx, refs)
		if err != nil {
			return err
		}
		for _, id := range some {
			if err := k.cfg.Library.Cleared(ctx, id); err != nil {
				return err
			}
		}
		k.log.Info("space of deleted videos was given back", "videos", len(some), "bytes", freed)
		ids = ids[len(some):]
	}
	return nil
}

// gather collects the chunks of the first few of ids. A manifest comes after what it lists, so that it can
// still be read when clearing was interrupted.
func (k *Keeper) gather(ctx context.Context, ids []manifest.VideoID) (some []manifest.VideoID, refs []chunk.Ref) {
	for i, id := range ids {
		c := k.cfg.Library.PurgedContents(ctx, id)
		if c.Err != nil {
			k.log.Warn("what a deleted video was made of cannot be read: its space is given back tomorrow", "video", id, "err", c.Err)
		}
		for info := range c.Chunks {
			refs = append(refs, info.Ref)
		}
		if len(refs) >= clearAtOnce {
			return ids[:i+1], refs
		}
	}
	return ids, refs
}

// clear deletes those of refs that no video and no import needs, in their order.
func (k *Keeper) clear(ctx context.Context, refs []chunk.Ref) (freed int64, err error) {
	if len(refs) == 0 {
		return 0, nil
	}
	unwanted := func(ctx context.Context) ([]chunk.Ref, error) {
		needed, err := k.neededOf(ctx, refs)
		return slices.DeleteFunc(slices.Clone(refs), func(ref chunk.Ref) bool { return needed[ref] }), err
	}
	remove := func(ctx context.Context, ref chunk.Ref) error {
		n, err := k.cfg.Store.DeleteBefore(ctx, ref, distant)
		freed += n
		return err
	}
	err = k.cfg.Imports.Clear(ctx, refs, unwanted, remove)
	return freed, err
}

// neededOf returns those of refs that a video is made of. It fails when that is not known of every video.
func (k *Keeper) neededOf(ctx context.Context, refs []chunk.Ref) (map[chunk.Ref]bool, error) {
	needed := make(map[chunk.Ref]bool, len(refs))
	for _, ref := range refs {
		needed[ref] = false
	}
	err := k.cfg.Library.Live(ctx, func(c Contents) error {
		if c.Err != nil {
			return unreadable(c)
		}
		for info := range c.Chunks {
			if _, asked := needed[info.Ref]; asked {
				needed[info.Ref] = true
			}
		}
		return nil
	})
	if ctx.Err() == nil {
		k.setBlocked(err)
	}
	return needed, err
}

// errUnreadable says that somebody must look after a video before anything is deleted.
var errUnreadable = errors.New("what a video is made of cannot be read")

func unreadable(c Contents) error {
	return fmt.Errorf("%w: %q (%s): %w", errUnreadable, c.Title, c.ID, c.Err)
}

func (k *Keeper) setBlocked(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blocked = err
}
