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

// limit returns before which time a chunk was put last that no import on another node relies on: to put what is there already
// renews its age.
func (k *Keeper) limit() time.Time {
	if !k.cfg.Shared() {
		return distant
	}
	limit := time.Now()
	if since, found := k.cfg.Library.OldestImport(); found && since.Before(limit) {
		limit = since
	}
	return limit.Add(-settling)
}

// clearPurged deletes what purged videos were made of and nobody else needs. What it spares is left to the survey.
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
	unreadable := 0
	defer func() {
		if unreadable > 0 {
			k.log.Warn("what deleted videos were made of cannot be read: their space is given back within two days", "videos", unreadable)
		}
	}()
	for i, id := range ids {
		c := k.cfg.Library.PurgedContents(ctx, id)
		if c.Err != nil {
			unreadable++
			k.log.Debug("deleted video cannot be read", "video", id, "err", c.Err)
		}
		refs = append(refs, k.toClear(ctx, c)...)
		if len(refs) >= clearAtOnce {
			return ids[:i+1], refs
		}
	}
	return ids, refs
}

// toClear returns the chunks of a purged video that may be deleted. Where nodes share, those are the ones that are here; the
// manifest waits for the survey, because other nodes have to read it too before they can do the same.
func (k *Keeper) toClear(ctx context.Context, c Contents) (refs []chunk.Ref) {
	shared := k.cfg.Shared()
	for info := range c.Chunks {
		if shared {
			_, err := k.cfg.Store.Stat(ctx, info.Ref)
			if errors.Is(err, chunk.ErrNotFound) || slices.Contains(c.Stored, info) {
				continue
			}
		}
		refs = append(refs, info.Ref)
	}
	return refs
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
	limit := k.limit()
	remove := func(ctx context.Context, ref chunk.Ref) error {
		n, err := k.cfg.Store.DeleteBefore(ctx, ref, limit)
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

// unreadableError says that somebody must look after a video before anything is deleted.
type unreadableError struct {
	title string
	id    manifest.VideoID
	cause error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("what a video is made of cannot be read: %q (%s): %v", e.title, e.id, e.cause)
}

func (e *unreadableError) Unwrap() error { return e.cause }

func unreadable(c Contents) error { return &unreadableError{c.Title, c.ID, c.Err} }

func (k *Keeper) setBlocked(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blocked = err
}

// blockedWarning names the videos for which nothing is deleted.
func blockedWarning(err error) string {
	videos := unreadableOf(err)
	if len(videos) == 0 {
		return "The space of deleted videos is not given back, because records of other videos cannot be read. The log names them; " +
			"a newer version of Shoal may have written them. Update this node."
	}
	are, them := "are", "these videos"
	if len(videos) == 1 {
		are, them = "is", "this video"
	}
	return fmt.Sprintf("The space of deleted videos is not given back, because it is not known what %s %s made of: that is damaged, or "+
		"on a node that cannot be reached. Bring that node back, or delete %s for good; the log tells more.", titles(videos), are, them)
}

// unreadableOf finds the videos that an error of Live names.
func unreadableOf(err error) (videos []affected) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			videos = append(videos, unreadableOf(one)...)
		}
		return videos
	}
	var one *unreadableError
	if errors.As(err, &one) {
		videos = append(videos, affected{id: one.id, title: one.title})
	}
	return videos
}
