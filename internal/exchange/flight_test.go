package exchange_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
)

func TestManyCallersShareOneTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		info, data := w.put(1, chunk.MaxSize)
		holders, others := w.holders(info.Ref)
		release := make(chan struct{})
		holders[0].disk.SetFault(func(_ context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
			if op == chunktest.OpOpen {
				<-release
			}
			return true, nil
		})
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() { others[0].reads(data) })
		}
		synctest.Wait()
		close(release)
		callers.Wait()
		others[0].reads(data)
		synctest.Wait()
		if sent := holders[0].server.Stats().Sent; sent != 1 {
			t.Errorf("the chunk was sent %d times, want once", sent)
		}
		if s := others[0].store.Stats(); s.Node != 20 || s.Shared != 19 || s.Memory != 1 || s.Fetched != 1 || s.FetchedBytes != chunk.MaxSize {
			t.Errorf("counted %+v", s)
		}
	})
}

// opening opens a chunk in the background.
func (n *node) opening(ctx context.Context, ref chunk.Ref) <-chan error {
	result := make(chan error, 1)
	go func() {
		r, err := n.store.Open(ctx, ref)
		if err == nil {
			err = r.Close()
		}
		result <- err
	}()
	return result
}

func TestATransferEndsWhenItsLastCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		info, data := w.put(1, chunk.MaxSize)
		holders, others := w.holders(info.Ref)
		holder, reader := holders[0], others[0]
		holder.setFault(frozen(chunk.MaxSize / 2))
		one, leaveOne := context.WithCancel(t.Context())
		two, leaveTwo := context.WithCancel(t.Context())
		first, second := reader.opening(one, info.Ref), reader.opening(two, info.Ref)
		synctest.Wait()
		leaveOne()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		synctest.Wait()
		if holder.active.Load() != 1 {
			t.Error("the transfer ended while somebody waits")
		}
		leaveTwo()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		synctest.Wait()
		if holder.active.Load() != 0 {
			t.Error("the holder is still sending")
		}
		holder.setFault(nil)
		reader.reads(data)
	})
}

// leaving is a disk whose caller leaves while it looks.
type leaving struct {
	exchange.Disk
	leave func()
}

func (d leaving) Open(ctx context.Context, ref chunk.Ref) (chunk.Reader, error) {
	defer d.leave()
	return d.Disk.Open(ctx, ref)
}

func (d leaving) Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error) {
	defer d.leave()
	return d.Disk.Stat(ctx, ref)
}

func TestWhoLeavesEarlyIsNotToldThatAChunkIsMissing(t *testing.T) {
	var leave context.CancelFunc
	w := newNetwork(t, 2, 1, func(cfg *exchange.Config) { cfg.Disk = leaving{newMemoryDisk(t), func() { leave() }} })
	info, _ := w.put(1, 1000)
	for what, ask := range map[string]func(context.Context) error{
		"open": func(ctx context.Context) error { _, err := w.nodes["a"].store.Open(ctx, info.Ref); return err },
		"stat": func(ctx context.Context) error { _, err := w.nodes["a"].store.Stat(ctx, info.Ref); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		leave = cancel
		if err := ask(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, chunk.ErrNotFound) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
}

func TestClosingGivesUpWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		info, _ := w.put(1, 1000)
		holders, others := w.holders(info.Ref)
		holders[0].setFault(frozen(0))
		result := others[0].opening(t.Context(), info.Ref)
		synctest.Wait()
		others[0].store.Close()
		if err := <-result; err == nil {
			t.Error("no error")
		}
		if err := <-others[0].opening(t.Context(), info.Ref); !errors.Is(err, exchange.ErrClosed) {
			t.Errorf("after closing: %v, want ErrClosed", err)
		}
		others[0].store.Close()
	})
}

func TestWhatWasFetchedIsKeptWithinBounds(t *testing.T) {
	w := newNetwork(t, 2, 1, func(cfg *exchange.Config) { cfg.CacheBytes = 2500 })
	var refs []chunk.Info
	var all [][]byte
	for seed := uint64(0); len(refs) < 3; seed++ {
		data := chunktest.Data(seed, 1000)
		if holders, _ := w.holders(chunk.Sum(data)); holders[0].id == "b" {
			info, _ := w.put(seed, 1000)
			refs, all = append(refs, info), append(all, data)
		}
	}
	for _, i := range []int{0, 1, 2, 2, 1, 0} {
		w.nodes["a"].reads(all[i])
	}
	if got := w.nodes["a"].store.Stats().Fetched; got != 4 {
		t.Errorf("fetched %d times, want 4: two of three fit", got)
	}
}

func TestADeletedChunkIsNotKeptInMemory(t *testing.T) {
	w := newNetwork(t, 2, 1)
	info, data := w.put(1, 1000)
	holders, others := w.holders(info.Ref)
	others[0].reads(data)
	if err := holders[0].store.Delete(t.Context(), info.Ref); err != nil {
		t.Fatal(err)
	}
	others[0].reads(data) // from memory
	if err := others[0].store.Delete(t.Context(), info.Ref); err != nil {
		t.Fatal(err)
	}
	chunktest.Lacks(t, others[0].store, info.Ref)
}

func TestAChunkThatIsDeletedWhileItComesIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		info, _ := w.put(1, chunk.MaxSize)
		holders, others := w.holders(info.Ref)
		holders[0].setFault(slow(chunk.MaxSize/4, time.Second))
		result := others[0].opening(t.Context(), info.Ref)
		synctest.Wait()
		for _, n := range w.nodes {
			n.store.Delete(t.Context(), info.Ref)
		}
		if err := <-result; err != nil {
			t.Errorf("who was waiting got %v", err)
		}
		chunktest.Lacks(t, others[0].store, info.Ref)
	})
}

func TestWhoComesWhenTheLastLeavesBeginsAnew(t *testing.T) {
	w := newNetwork(t, 2, 1, func(cfg *exchange.Config) { cfg.CacheBytes = -1 })
	info, data := w.put(1, 1000)
	_, others := w.holders(info.Ref)
	for range 300 {
		ctx, leave := context.WithCancel(t.Context())
		left := others[0].opening(ctx, info.Ref)
		go leave()
		others[0].reads(data)
		<-left
	}
}

func TestNothingElseThatIsFetchedIsPutOnTheOwnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2, func(cfg *exchange.Config) { cfg.CacheBytes = -1 })
		info, data := w.put(1, 1000)
		reader, first, _ := w.reader(info.Ref)
		reader.reads(data) // no holder
		chunktest.Put(t, reader.disk, data)
		reader.disk.Corrupt(info.Ref)
		reader.reads(data) // a copy too many that went bad
		first.disk.Delete(t.Context(), info.Ref)
		first.reads(data) // a holder that lacks it: that is for repair to see
		synctest.Wait()
		if w.copies(info.Ref) != 1 {
			t.Errorf("%d copies, want 1", w.copies(info.Ref))
		}
	})
}

func TestACopyThatWentBadIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		_, first, _ := w.reader(info.Ref)
		first.disk.Corrupt(info.Ref)
		first.reads(data)
		synctest.Wait()
		if !first.keeps(info.Ref) || first.store.Stats().Healed != 1 {
			t.Error("it was not put back")
		}
		chunktest.Holds(t, first.disk, data)
	})
}

func TestBytesStayRightWhileTheirRoomIsUsedAgain(t *testing.T) {
	w := newNetwork(t, 3, 1, func(cfg *exchange.Config) { cfg.CacheBytes = 2 * chunk.MaxSize })
	var infos []chunk.Info
	for seed := range uint64(9) {
		info, _ := w.put(seed, chunk.MaxSize-int(seed))
		infos = append(infos, info)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for caller := range uint64(6) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, caller))
			for range 20 {
				info := infos[random.IntN(len(infos))]
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(4) == 0 {
					go cancel()
				}
				r, err := w.nodes["a"].store.Open(ctx, info.Ref)
				if err != nil {
					if !errors.Is(err, context.Canceled) || ctx.Err() == nil {
						t.Error(err)
					}
					cancel()
					continue
				}
				if random.IntN(5) == 0 {
					w.nodes["a"].store.Delete(t.Context(), chunk.Ref{byte(random.IntN(9))})
				}
				got, err := io.ReadAll(r)
				if err != nil || chunk.Verify(info.Ref, got) != nil {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
				r.Close()
				cancel()
			}
		})
	}
	all.Wait()
}
