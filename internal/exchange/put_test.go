package exchange_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/placement"
)

// puts puts data by a node's store and returns its ref.
func (n *node) puts(data []byte) chunk.Ref {
	n.net.t.Helper()
	return chunktest.Put(n.net.t, n.store, data).Ref
}

func TestPutIsToTheHoldersAndNobodyElse(t *testing.T) {
	w := newNetwork(t, 5, 2)
	for seed := range uint64(20) {
		ref := w.nodes["a"].puts(chunktest.Data(seed, 1000))
		holders, others := w.holders(ref)
		for _, n := range holders {
			if !n.keeps(ref) {
				t.Errorf("holder %s lacks chunk %s", n.id, ref)
			}
		}
		for _, n := range others {
			if n.keeps(ref) {
				t.Errorf("node %s is no holder of chunk %s and has it", n.id, ref)
			}
		}
	}
	if n := w.nodes["a"]; n.under.Load() != 0 || n.store.Stats().UnderCopied != 0 {
		t.Error("chunks count as under-copied")
	}
}

func TestANodeThatCannotTakeAChunkIsPassedOver(t *testing.T) {
	// The limits are virtual time.
	for name, c := range map[string]struct {
		trouble func(*node)
		limit   time.Duration
	}{
		"dead":              {func(n *node) { n.dead.Store(true) }, 0},
		"known to be full":  {func(n *node) { n.full.Store(true) }, 0},
		"full":              {func(n *node) { n.disk.full.Store(true) }, 0},
		"frozen":            {func(n *node) { n.setFault(frozen(0)) }, 3 * time.Second},
		"frozen half-way":   {func(n *node) { n.setFault(frozen(7)) }, 3 * time.Second},
		"cut":               {func(n *node) { n.setFault(cut(7)) }, 0},
		"answers nonsense":  {func(n *node) { n.setAnswer(func() []byte { return frame(n.net.t, "a10101") }) }, 0},
		"always busy":       {func(n *node) { n.setAnswer(func() []byte { return frame(n.net.t, "a10108") }) }, time.Second},
		"its disk fails":    {failing, 0},
		"its disk is stuck": {func(n *node) { n.delayPuts(40 * time.Second) }, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 4, 2)
				data := chunktest.Data(1, chunk.MaxSize)
				holders, others := w.holders(chunk.Sum(data))
				c.trouble(holders[0])
				begin := time.Now()
				ref := others[1].puts(data)
				if took := time.Since(begin); took > c.limit {
					t.Errorf("it took %s, want at most %s", took, c.limit)
				}
				if !holders[1].keeps(ref) || !others[0].keeps(ref) {
					t.Error("want a copy at the second holder and at the next in rank")
				}
				if others[1].under.Load() != 0 {
					t.Error("the chunk counts as under-copied")
				}
				time.Sleep(time.Minute) // Whoever is stuck comes to an end.
			})
		})
	}
}

// failing gives a node a disk that does not write.
func failing(n *node) {
	n.disk.SetFault(func(_ context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
		if op == chunktest.OpPut {
			return false, errors.New("input/output error")
		}
		return true, nil
	})
}

func (n *node) delayPuts(d time.Duration) {
	wait := func() { time.Sleep(d) }
	n.disk.beforePut.Store(&wait)
}

func TestASlowDiskIsNotTakenForAFrozenNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 4, 2)
		data := chunktest.Data(1, 1000)
		holders, others := w.holders(chunk.Sum(data))
		holders[0].delayPuts(20 * time.Second)
		ref := others[1].puts(data)
		if !holders[0].keeps(ref) || others[0].keeps(ref) {
			t.Error("want the copy at the slow holder, and none beside")
		}
	})
}

func TestANodeThatFroseIsNotWaitedForEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 4, 2)
		w.nodes["b"].setFault(frozen(0))
		begin := time.Now()
		for seed := range uint64(20) {
			w.nodes["a"].puts(chunktest.Data(seed, 1000))
		}
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("20 chunks took %s", took)
		}
	})
}

func TestANodeThatFailedAMomentAgoIsBetterThanNone(t *testing.T) {
	w := newNetwork(t, 2, 2)
	w.nodes["b"].setFault(cut(7))
	w.nodes["a"].puts(chunktest.Data(1, 1000))
	w.nodes["b"].setFault(nil)
	if ref := w.nodes["a"].puts(chunktest.Data(2, 1000)); w.copies(ref) != 2 {
		t.Errorf("%d copies, want 2", w.copies(ref))
	}
}

func TestAFullNodeIsNotSentEachChunk(t *testing.T) {
	w := newNetwork(t, 3, 2)
	w.nodes["b"].disk.full.Store(true)
	tries := 0
	count := func() { tries++ }
	w.nodes["b"].disk.beforePut.Store(&count)
	for seed := range uint64(20) {
		w.nodes["a"].puts(chunktest.Data(seed, 1000))
	}
	if tries != 1 {
		t.Errorf("sent %d chunks to a full node, want 1", tries)
	}
}

func TestWithoutRoomAnywhereIsErrFull(t *testing.T) {
	w := newNetwork(t, 3, 2)
	for _, n := range w.nodes {
		n.disk.full.Store(true)
	}
	for range 2 { // The second time it is known.
		if _, err := w.nodes["a"].store.Put(t.Context(), chunktest.Data(1, 1000)); !errors.Is(err, chunk.ErrFull) {
			t.Errorf("%v, want ErrFull", err)
		}
	}
	if w.nodes["a"].under.Load() != 0 {
		t.Error("a chunk that nobody took counts as under-copied")
	}
}

func TestWithEverybodyElseDeadOneCopyIsMadeAndCounted(t *testing.T) {
	for name, size := range map[string]int{"others are dead": 3, "there are no others": 1} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t, size, 2)
			for id, n := range w.nodes {
				n.dead.Store(id != "a")
			}
			for seed := range uint64(5) {
				if ref := w.nodes["a"].puts(chunktest.Data(seed, 1000)); w.copies(ref) != 1 {
					t.Errorf("%d copies, want 1", w.copies(ref))
				}
			}
			if n := w.nodes["a"]; n.under.Load() != 5 || n.store.Stats().UnderCopied != 5 {
				t.Errorf("told of %d, counted %d, want 5", n.under.Load(), n.store.Stats().UnderCopied)
			}
		})
	}
}

func TestTheOwnDiskIsUsedAtLastWhereTheLayoutWouldNotHaveIt(t *testing.T) {
	w := newNetwork(t, 3, 2)
	draining := w.layoutOf(2, placement.Node{ID: "a", Capacity: 1, Draining: true}, placement.Node{ID: "b", Capacity: 1}, placement.Node{ID: "c", Capacity: 1})
	w.setLayouts(draining)
	if ref := w.nodes["a"].puts(chunktest.Data(1, 1000)); w.nodes["a"].keeps(ref) || w.copies(ref) != 2 {
		t.Error("want copies at b and c alone")
	}
	w.nodes["c"].dead.Store(true)
	if ref := w.nodes["a"].puts(chunktest.Data(2, 1000)); !w.nodes["a"].keeps(ref) || !w.nodes["b"].keeps(ref) {
		t.Error("want copies at a and b")
	}
}

func TestPutOfWhatIsThereSendsNothingAndRenewsEveryCopy(t *testing.T) {
	w := newNetwork(t, 3, 2)
	info, data := w.put(1, 1000)
	reader, first, second := w.reader(info.Ref)
	stored, err := reader.store.Put(t.Context(), data)
	if err != nil || stored.New {
		t.Errorf("New %v, %v", stored.New, err)
	}
	for _, n := range []*node{first, second} {
		if n.disk.renewals.Load() != 1 || n.server.Stats().Taken != 0 {
			t.Errorf("node %s: %d renewals, %d taken", n.id, n.disk.renewals.Load(), n.server.Stats().Taken)
		}
	}
}

func TestAChunkIsNewOnlyIfNobodyInvolvedHadIt(t *testing.T) {
	data := chunktest.Data(1, 1000)
	for name, at := range map[string]func(holders, others []*node) *node{
		"a holder had it":               func(holders, _ []*node) *node { return holders[1] },
		"a copy lay on the own disk":    func(_, others []*node) *node { return others[0] },
		"it was nowhere, and so is new": func(_, _ []*node) *node { return nil },
	} {
		w := newNetwork(t, 4, 2)
		holders, others := w.holders(chunk.Sum(data))
		had := at(holders, others)
		if had != nil {
			chunktest.Put(t, had.disk, data)
		}
		if stored, err := others[0].store.Put(t.Context(), data); err != nil || stored.New != (had == nil) {
			t.Errorf("%s: New %v, %v", name, stored.New, err)
		}
	}
}

func TestAPutThatIsGivenUpEndsEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		data := chunktest.Data(1, chunk.MaxSize)
		holders, others := w.holders(chunk.Sum(data))
		for _, n := range holders {
			n.setFault(frozen(0))
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := others[0].store.Put(ctx, data)
			clear(data) // The race detector sees who still reads it.
			result <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		synctest.Wait()
		for _, n := range holders {
			if n.active.Load() != 0 {
				t.Errorf("node %s still serves", n.id)
			}
		}
	})
}

func TestDataIsNotTouchedAfterPutThoughANodeFroze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		data := chunktest.Data(1, chunk.MaxSize)
		want := append([]byte(nil), data...)
		holders, others := w.holders(chunk.Sum(data))
		holders[0].setFault(frozen(7))
		others[0].puts(data)
		clear(data)
		holders[0].setFault(nil)
		others[0].reads(want)
	})
}

// TestWhatIsAcknowledgedSurvives: a chunk that was put with k copies can be read by every other node after any k-1 of those that have it
// are gone, whatever was dead or full when it was put.
func TestWhatIsAcknowledgedSurvives(t *testing.T) {
	networks := map[int]*network{}
	for copies := 1; copies <= 3; copies++ {
		networks[copies] = newNetwork(t, 5, copies)
	}
	seed := uint64(0)
	rapid.Check(t, func(r *rapid.T) {
		copies := rapid.IntRange(1, 3).Draw(r, "copies")
		w := networks[copies]
		var alive []*node
		for _, id := range w.ids {
			n := w.nodes[id]
			n.dead.Store(false)
			n.full.Store(rapid.IntRange(0, 4).Draw(r, "full "+string(id)) == 0)
			if rapid.IntRange(0, 3).Draw(r, "dead "+string(id)) == 0 && id != "a" {
				n.dead.Store(true)
				continue
			}
			alive = append(alive, n)
		}
		data := chunktest.Data(seed, 100)
		seed++
		putter := rapid.SampledFrom(alive).Draw(r, "putter")
		underBefore := putter.under.Load()
		ref := putter.puts(data)
		var have []*node
		for _, n := range alive {
			if n.keeps(ref) {
				have = append(have, n)
			}
		}
		under := putter.under.Load() - underBefore
		if len(have) == 0 || len(have) > copies || under != 0 && len(have) == copies || under == 0 && len(have) < copies {
			r.Fatalf("%d copies of %d wanted, told of %d", len(have), copies, under)
		}
		for _, n := range rapid.Permutation(have).Draw(r, "gone")[1:] {
			n.dead.Store(true)
		}
		for _, n := range alive {
			if !n.dead.Load() {
				n.reads(data)
			}
		}
	})
}
