package disk

import (
	"context"
	"fmt"
	"iter"
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
