package exchange_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

// reader returns a node that is no holder of a chunk, and the holder that it will ask first.
func (w *network) reader(ref chunk.Ref) (reader, first, second *node) {
	holders, others := w.holders(ref)
	return others[0], holders[0], holders[1]
}

func TestTroubleOfOneHolderIsNotNoticed(t *testing.T) {
	const size = chunk.MaxSize
	// The limits are virtual time.
	for name, c := range map[string]struct {
		fault func(net.Conn) net.Conn
		limit time.Duration
	}{
		"frozen from the beginning":    {frozen(0), 60 * time.Millisecond},
		"frozen after the first frame": {frozen(20), 310 * time.Millisecond},
		"frozen in the middle":         {frozen(size / 2), 310 * time.Millisecond},
		"frozen before the last byte":  {frozen(size), 310 * time.Millisecond},
		"cut at once":                  {cut(0), 0},
		"cut in the middle":            {cut(size / 2), 0},
		"slow":                         {slow(1000, 10*time.Millisecond), 1100 * time.Millisecond},
		"wrong bytes":                  {garbled(size / 2), 0},
		"a wrong frame":                {garbled(4), 0},
		"a wrong length of the frame":  {garbled(1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3, 2)
				info, data := w.put(1, size)
				reader, first, _ := w.reader(info.Ref)
				first.setFault(c.fault)
				begin := time.Now()
				reader.reads(data)
				if took := time.Since(begin); took > c.limit {
					t.Errorf("it took %s, want at most %s", took, c.limit)
				}
			})
		})
	}
}

func TestAFrozenHolderCostsFewHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		var frozenNode *node
		for seed := range uint64(40) {
			info, data := w.put(seed, 1000)
			reader, first, second := w.reader(info.Ref)
			if frozenNode == nil {
				frozenNode = first
				first.setFault(frozen(0))
			}
			if frozenNode == first || frozenNode == second {
				reader.reads(data)
			}
		}
		for _, n := range w.nodes {
			if hedges := n.store.Stats().Hedges; hedges > 2 {
				t.Errorf("node %s asked a second one %d times, want at most 2", n.id, hedges)
			}
		}
	})
}

func TestAnswersThatMakeNoSenseAreRefused(t *testing.T) {
	data := chunktest.Data(1, 1000)
	for name, answer := range map[string]string{
		"no answer":          "",
		"another operation":  "a10104",
		"no size":            "a10101",
		"a size of 0":        "a2010102 00",
		"too large":          "a201010 21a00100001",
		"negative":           "a201010220",
		"an unknown status":  "a10118ff",
		"no CBOR":            "ff",
		"an unknown field":   "a2010118630a",
		"an array":           "820119",
		"twice the same key": "a201010101",
		"a longer chunk":     "a20101021903e9",
		"a shorter chunk":    "a20101021903e7",
		"a list of sizes":    "a10104",
		"a large frame":      strings.Repeat("00", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3, 2)
				info, _ := w.put(1, 1000)
				reader, first, second := w.reader(info.Ref)
				text := frame(t, strings.ReplaceAll(answer, " ", ""))
				if answer == "" {
					text = nil
				}
				first.setAnswer(func() []byte { return append(text, data...) })
				reader.reads(data)
				synctest.Wait()
				if second.server.Stats().Sent != 1 {
					t.Error("the other holder was not asked")
				}
			})
		})
	}
}

func TestBytesBehindAChunkAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		reader, first, _ := w.reader(info.Ref)
		first.setAnswer(func() []byte { return append(append(frame(t, "a20101021903e8"), data...), "and more"...) })
		reader.reads(data)
	})
}

func TestABusyHolderIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		info, data := w.put(1, 1000)
		holders, others := w.holders(info.Ref)
		asked := 0
		holders[0].setAnswer(func() []byte {
			if asked++; asked < 3 {
				return frame(t, "a10108")
			}
			return append(frame(t, "a20101021903e8"), data...)
		})
		others[0].reads(data)
	})
}

func TestWrongBytesAreCountedAndTheirSenderChecksItsCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		reader, first, _ := w.reader(info.Ref)
		garble := garbled(500)
		first.setFault(func(conn net.Conn) net.Conn {
			if first.asked.Load() == 0 {
				return garble(conn)
			}
			return conn
		})
		reader.reads(data)
		synctest.Wait()
		if got := reader.store.Stats().WrongBytes[first.id]; got != 1 {
			t.Errorf("counted %d wrong chunks, want 1", got)
		}
		if first.disk.verified.Load() != 1 {
			t.Error("the copy was not checked")
		}
		if !strings.Contains(reader.log.String(), "wrong bytes") {
			t.Error("nothing was logged")
		}
	})
}

func TestAHolderWhoseCopyWentBadSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		reader, first, second := w.reader(info.Ref)
		first.disk.Corrupt(info.Ref)
		reader.reads(data)
		if len(reader.store.Stats().WrongBytes) != 0 {
			t.Error("it was taken for a liar")
		}
		synctest.Wait()
		if second.server.Stats().Sent != 1 || first.keeps(info.Ref) {
			t.Error("the bad copy was not given up")
		}
	})
}

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

func TestDeleteLeavesTheCopiesOfOthers(t *testing.T) {
	w := newNetwork(t, 2, 2)
	info, data := w.put(1, 1000)
	if err := w.nodes["a"].store.Delete(t.Context(), info.Ref); err != nil {
		t.Fatal(err)
	}
	if w.nodes["a"].keeps(info.Ref) || !w.nodes["b"].keeps(info.Ref) {
		t.Error("want the own copy gone, and no other")
	}
	w.nodes["a"].reads(data)
}

func TestAChunkIsFoundWhereverItLies(t *testing.T) {
	data := chunktest.Data(1, 1000)
	ref := chunk.Sum(data)
	for name, place := range map[string]func(w *network) *node{
		"at the last of the rank, as after a put while holders were away": func(w *network) *node {
			_, others := w.holders(ref)
			return others[len(others)-1]
		},
		"at a holder of an earlier layout that promises nothing now": func(w *network) *node {
			w.setLayouts(w.layout(1, "a", "b", "c"), w.layout(1, "a", "b", "c", "d"), w.layout(1, "d"))
			return w.nodes["d"]
		},
		"at a node that is being emptied": func(w *network) *node {
			w.setLayouts(w.layoutOf(1, placement.Node{ID: "a", Capacity: 1}, placement.Node{ID: "e", Capacity: 1, Draining: true}))
			return w.nodes["e"]
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, 5, 2)
			at := place(w)
			chunktest.Put(t, at.disk, data)
			reader := w.nodes["a"]
			if at == reader {
				reader = w.nodes["b"]
			}
			reader.reads(data)
			if info, err := reader.store.Stat(t.Context(), ref); err != nil || info.Size != 1000 {
				t.Errorf("stat: %v, %v", info, err)
			}
		})
	}
}

func TestWhatIsMissingTellsWhoWouldHelp(t *testing.T) {
	w := newNetwork(t, 4, 2)
	info, _ := w.put(1, 1000)
	reader, first, second := w.reader(info.Ref)
	first.dead.Store(true)
	second.dead.Store(true)
	_, err := reader.store.Open(t.Context(), info.Ref)
	var missing *exchange.Missing
	if !errors.As(err, &missing) || !errors.Is(err, exchange.ErrUnreachable) || errors.Is(err, chunk.ErrNotFound) {
		t.Fatalf("open: %v, want a Missing that is ErrUnreachable", err)
	}
	if missing.Asked != 2 || len(missing.Silent) != 2 || missing.Silent[0] != first.id || missing.Silent[1] != second.id {
		t.Errorf("%+v, want 2 asked, and the holders %s and %s", missing, first.id, second.id)
	}
	if !strings.Contains(err.Error(), string(first.id)) {
		t.Errorf("%q does not name the holder", err)
	}
	if _, err := reader.store.Stat(t.Context(), info.Ref); !errors.As(err, &missing) || !errors.Is(err, exchange.ErrUnreachable) {
		t.Errorf("stat: %v", err)
	}
	first.dead.Store(false)
	if err := <-reader.opening(t.Context(), info.Ref); err != nil {
		t.Errorf("when the holder is back: %v", err)
	}
}

func TestNotFoundIsSaidOnlyWhenEverybodySaidSo(t *testing.T) {
	w := newNetwork(t, 4, 2)
	ref := chunk.Sum([]byte("nowhere"))
	if _, err := w.nodes["a"].store.Open(t.Context(), ref); !errors.Is(err, chunk.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	_, others := w.holders(ref)
	last := others[len(others)-1]
	if last.id == "a" {
		last = others[0]
	}
	last.dead.Store(true)
	if _, err := w.nodes["a"].store.Open(t.Context(), ref); errors.Is(err, chunk.ErrNotFound) || !errors.Is(err, exchange.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable: somebody may have taken a copy", err)
	}
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
					if !errors.Is(err, context.Canceled) {
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
