package disk

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shoal/internal/chunk"
)

// List implements chunk.Store. It holds the names of one of 256 folders at a time.
func (c *Chunks) List(ctx context.Context) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		for i := range shardCount {
			infos, err := c.listShard(ctx, byte(i))
			for _, info := range infos {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					break
				}
				if !yield(info.Info, nil) {
					return
				}
			}
			if err != nil {
				yield(chunk.Info{}, fmt.Errorf("list chunks: %w", err))
				return
			}
		}
	}
}

// aged is a chunk with the time it was last put.
type aged struct {
	chunk.Info
	put time.Time
}

// listShard returns the chunks of one folder. It yields to nobody, so that whoever lists may put,
// delete and close meanwhile.
func (c *Chunks) listShard(ctx context.Context, first byte) ([]aged, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.gate.enter(); err != nil {
		return nil, err
	}
	defer c.gate.leave()
	var infos []aged
	err := walkShard(shardDir(c.dir, first), func(info chunk.Info, put time.Time) bool {
		infos = append(infos, aged{info, put})
		return true
	})
	return infos, err
}

// Names returns the chunks whose names begin with a byte, in their order, each once. It reads one folder and looks at no file,
// so it costs little even where reading the sizes of many chunks would take seconds.
func (c *Chunks) Names(ctx context.Context, first byte) ([]chunk.Ref, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.gate.enter(); err != nil {
		return nil, err
	}
	defer c.gate.leave()
	refs, err := shardNames(shardDir(c.dir, first))
	if err != nil {
		return nil, fmt.Errorf("list names of chunks %02x: %w", first, err)
	}
	return refs, nil
}

func shardNames(dir string) ([]chunk.Ref, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	refs := make([]chunk.Ref, 0, len(entries))
	for _, entry := range entries {
		ref, err := chunk.ParseRef(entry.Name())
		if err == nil && entry.Type().IsRegular() && entry.Name()[:2] == filepath.Base(dir) {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b chunk.Ref) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(refs), nil
}

// Watch has changed called from now on when a chunk comes or goes; it replaces an earlier one. What changes among
// the chunks with the same first byte is told in the order in which it happens, before the call that did it returns.
// Certain is false when a change failed half-way, so that only looking can tell. Changed must be quick, and call nothing of the disk.
func (c *Chunks) Watch(changed func(ref chunk.Ref, there, certain bool)) {
	c.usage.watcher.Store(&changed)
}
