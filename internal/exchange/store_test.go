package exchange_test

import (
	"context"
	"os"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
	"shoal/internal/exchange"
)

func TestANodeAloneKeepsThePromisesOfAStore(t *testing.T) {
	chunktest.Run(t, func(t *testing.T) chunk.Store { return newNetwork(t, 1, 2).nodes["a"].store })
}

// everywhere is a store of which deleting is done as a cluster does it: by each node for itself.
type everywhere struct {
	chunk.Store
	net *network
}

func (e everywhere) Delete(ctx context.Context, ref chunk.Ref) error {
	for _, n := range e.net.nodes {
		if err := n.store.Delete(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

func TestManyNodesKeepThePromisesOfAStore(t *testing.T) {
	chunktest.Run(t, func(t *testing.T) chunk.Store {
		w := newNetwork(t, 4, 2)
		return everywhere{w.nodes["a"].store, w}
	})
}

func TestChunksOfTheOwnDiskGoOutByTheirFile(t *testing.T) {
	for name, size := range map[string]int{"alone": 1, "among others": 2} {
		t.Run(name, func(t *testing.T) {
			d, err := disk.Open(t.TempDir(), disk.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			w := newNetwork(t, size, 2, func(cfg *exchange.Config) {
				if cfg.Self == "a" {
					cfg.Disk = d.Chunks()
				}
			})
			r, err := w.nodes["a"].store.Open(t.Context(), chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000)).Ref)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if f, ok := r.(interface{ File() *os.File }); !ok || f.File() == nil {
				t.Error("no file to send from")
			}
		})
	}
}
