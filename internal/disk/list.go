package disk

import (
	"context"
	"fmt"
	"iter"

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
				if !yield(info, nil) {
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

// listShard returns the chunks of one folder. It yields to nobody, so that whoever lists may put,
// delete and close meanwhile.
func (c *Chunks) listShard(ctx context.Context, first byte) ([]chunk.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.gate.enter(); err != nil {
		return nil, err
	}
	defer c.gate.leave()
	var infos []chunk.Info
	err := walkShard(shardDir(c.dir, first), func(info chunk.Info) bool {
		infos = append(infos, info)
		return true
	})
	return infos, err
}
