package exchange_test

import (
	"bytes"
	"context"
	"io"
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

func TestANodeWithoutMemoryKeepsThePromisesOfAStore(t *testing.T) {
	chunktest.Run(t, func(t *testing.T) chunk.Store {
		temp := t.TempDir()
		w := newNetwork(t, 4, 2, func(cfg *exchange.Config) { cfg.CacheBytes, cfg.Temp = -1, temp })
		return everywhere{w.nodes["a"].store, w}
	})
}

func TestManyReadersAreHeldWithinBounds(t *testing.T) {
	temp := t.TempDir()
	w := newNetwork(t, 2, 1, func(cfg *exchange.Config) { cfg.CacheBytes, cfg.Temp = 3*chunk.MaxSize, temp })
	var readers []chunk.Reader
	var all [][]byte
	for seed := uint64(0); len(readers) < 12; seed++ {
		info, data := w.put(seed, chunk.MaxSize)
		if holders, _ := w.holders(info.Ref); holders[0].id == "a" {
			continue
		}
		r, err := w.nodes["a"].store.Open(t.Context(), info.Ref)
		if err != nil {
			t.Fatal(err)
		}
		readers, all = append(readers, r), append(all, data)
	}
	if got := w.nodes["a"].store.Stats().Spilled; got != 9 {
		t.Errorf("%d chunks are in files, want 9 of 12: three fit", got)
	}
	for i, r := range readers {
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, all[i]) {
			t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
	w.nodes["a"].reads(all[0])
	if got := w.nodes["a"].store.Stats().Spilled; got != 9 {
		t.Errorf("%d chunks went to files, want none more when the readers are closed", got-9)
	}
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
