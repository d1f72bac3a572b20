package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"shoal/internal/chunk"
)

// Walk calls visit with every chunk whose name comes after the given one, the zero Ref for all, in the order of
// their names, and with the time it was last put. After an unclean stop no chunk seems older than the
// opening of the directory. Chunks put or deleted meanwhile may be missed. An error of visit ends the
// walk and is returned as it is.
func (c *Chunks) Walk(ctx context.Context, after chunk.Ref, visit func(info chunk.Info, put time.Time) error) error {
	for first := int(after[0]); first < shardCount; first++ {
		infos, err := c.listShard(ctx, byte(first))
		if err != nil {
			return fmt.Errorf("walk over chunks: %w", err)
		}
		for _, info := range infos {
			if bytes.Compare(info.Ref[:], after[:]) <= 0 {
				continue
			}
			if err := visit(info.Info, c.age(info.put)); err != nil {
				return err
			}
		}
	}
	return nil
}

// age returns the time a chunk was put, as far as the file's own is trusted.
func (c *Chunks) age(put time.Time) time.Time {
	if put.Before(c.youngest) {
		return c.youngest
	}
	return put
}

// Renew does for a chunk that is there what Put of its bytes would: it vouches that the chunk is durable, and makes it
// young. Errors: chunk.ErrNotFound, also for a chunk of another size.
func (c *Chunks) Renew(ctx context.Context, info chunk.Info) error {
	if err := c.renewThere(ctx, info); err != nil {
		return fmt.Errorf("renew chunk %s: %w", info.Ref, err)
	}
	return nil
}

func (c *Chunks) renewThere(ctx context.Context, info chunk.Info) error {
	if err := c.begin(ctx, info.Ref); err != nil {
		return err
	}
	defer c.end(info.Ref)
	if c.failed.Load() {
		return ErrSyncFailed
	}
	size, err := c.size(info.Ref)
	if err != nil {
		return err
	}
	if size != info.Size {
		return chunk.ErrNotFound
	}
	return c.renew(info.Ref)
}

// DeleteBefore deletes a chunk unless it was put at that time or later, or is not there; it tells how many
// bytes that gave back. Looking and deleting are one step: a Put comes before it or after it.
func (c *Chunks) DeleteBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (freed int64, err error) {
	if freed, err = c.removeBefore(ctx, ref, limit); err != nil {
		return 0, fmt.Errorf("delete chunk %s: %w", ref, err)
	}
	return freed, nil
}

func (c *Chunks) removeBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (freed int64, err error) {
	if err := c.begin(ctx, ref); err != nil {
		return 0, err
	}
	defer c.end(ref)
	info, err := os.Lstat(c.path(ref))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil || !info.Mode().IsRegular() || !c.age(info.ModTime()).Before(limit) {
		return 0, err
	}
	return info.Size(), c.removeFile(ref, info.Size())
}

// Verify reads a chunk from the disk, past what is remembered or cached of it, and checks its hash. One that
// went bad is treated as Open does. Errors: chunk.ErrNotFound, chunk.ErrCorrupt.
func (c *Chunks) Verify(ctx context.Context, ref chunk.Ref) error {
	if err := c.verifyAnew(ctx, ref); err != nil {
		return fmt.Errorf("verify chunk %s: %w", ref, err)
	}
	return nil
}

func (c *Chunks) verifyAnew(ctx context.Context, ref chunk.Ref) error {
	if err := c.begin(ctx, ref); err != nil {
		return err
	}
	defer c.end(ref)
	f, err := c.openFile(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return chunk.ErrNotFound
	}
	if err != nil {
		return err
	}
	forgetCached(f)
	c.verified.remove(ref)
	size, err := c.check(ctx, ref, f)
	forgetCached(f)
	// Closed first, because Windows does not move a file that is open.
	f.Close()
	if errors.Is(err, chunk.ErrCorrupt) {
		c.putAside(ref, size)
	}
	return err
}

// Quarantined lists the chunks that went bad and were put aside, those that have been put again included.
func (c *Chunks) Quarantined(ctx context.Context) ([]chunk.Ref, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.gate.enter(); err != nil {
		return nil, err
	}
	defer c.gate.leave()
	names, err := readNames(c.quarantine)
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	var refs []chunk.Ref
	for _, name := range names {
		if ref, err := chunk.ParseRef(name); err == nil {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}
