package exchange_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

// film puts many chunks to their holders.
func (w *network) film(chunks int) (infos []chunk.Info) {
	for seed := range uint64(chunks) {
		info, _ := w.put(seed, 100+int(seed))
		infos = append(infos, info)
	}
	return infos
}

func TestAWholeFilmIsLookedForWithAFewQuestions(t *testing.T) {
	w := newNetwork(t, 4, 2)
	infos := w.film(600)
	var before int64
	for _, n := range w.nodes {
		before += n.asked.Load()
	}
	missing, err := w.nodes["a"].store.StatAll(t.Context(), infos)
	if err != nil || len(missing) != 0 {
		t.Errorf("%d missing, %v", len(missing), err)
	}
	var asked int64
	for _, n := range w.nodes {
		asked += n.asked.Load()
	}
	if asked -= before; asked > 9 {
		t.Errorf("%d questions for 600 chunks", asked)
	}
}

func TestStatAllTellsWhatIsMissingAndWhatIsOnlyAway(t *testing.T) {
	w := newNetwork(t, 4, 2)
	infos := w.film(50)
	lost, other := infos[7], infos[8]
	for _, n := range w.nodes {
		n.disk.Delete(t.Context(), lost.Ref)
	}
	infos[8].Size++ // as if the manifest spoke of another chunk
	missing, err := w.nodes["a"].store.StatAll(t.Context(), infos)
	if err != nil || len(missing) != 2 || missing[0] != lost || missing[1].Ref != other.Ref {
		t.Errorf("missing are %v, %v", missing, err)
	}
	infos[8].Size--

	for _, id := range []placement.NodeID{"b", "c"} {
		w.nodes[id].dead.Store(true)
	}
	away := 0
	for _, info := range infos {
		if !w.nodes["a"].keeps(info.Ref) && !w.nodes["d"].keeps(info.Ref) {
			away++
		}
	}
	missing, err = w.nodes["a"].store.StatAll(t.Context(), infos)
	var why *exchange.Missing
	if len(missing) != away || !errors.As(err, &why) || !errors.Is(err, exchange.ErrUnreachable) || len(why.Silent) != 2 {
		t.Errorf("%d missing, want %d; %v", len(missing), away, err)
	}
}

func TestAFrozenNodeDelaysALookAtAFilmOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 4, 2)
		infos := w.film(600)
		for i := range 50 { // Of these everybody is asked, one round after another.
			infos = append(infos, chunk.Info{Ref: chunk.Sum([]byte{byte(i)}), Size: 1})
		}
		w.nodes["b"].setFault(frozen(0))
		begin := time.Now()
		if missing, err := w.nodes["a"].store.StatAll(t.Context(), infos); !errors.Is(err, exchange.ErrUnreachable) || len(missing) != 50 {
			t.Errorf("%d missing, %v", len(missing), err)
		}
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestHoldersTellsWhoReallyHasWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 5, 2)
		infos := w.film(30)
		_, others := w.holders(infos[0].Ref)
		chunktest.Put(t, others[0].disk, chunktest.Data(0, 100)) // a copy more than wanted
		w.nodes["d"].setFault(frozen(0))
		w.nodes["e"].dead.Store(true)
		begin := time.Now()
		have, silent := w.nodes["a"].store.Holders(t.Context(), infos)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
		if !slices.Equal(silent, []placement.NodeID{"d", "e"}) {
			t.Errorf("silent are %v", silent)
		}
		for _, info := range infos {
			var want []placement.NodeID
			for _, id := range []placement.NodeID{"a", "b", "c"} {
				if w.nodes[id].keeps(info.Ref) {
					want = append(want, id)
				}
			}
			if !slices.Equal(have[info.Ref], want) {
				t.Errorf("chunk %s: %v have it, want %v", info.Ref, have[info.Ref], want)
			}
		}
	})
}

func TestListTellsOfNodesThatItLacks(t *testing.T) {
	w := newNetwork(t, 4, 2)
	infos := w.film(40)
	w.nodes["c"].dead.Store(true)
	seen := make(map[chunk.Ref]bool)
	var last error
	for info, err := range w.nodes["a"].store.List(t.Context()) {
		if last = err; err == nil {
			seen[info.Ref] = true
		}
	}
	if !errors.Is(last, exchange.ErrUnreachable) {
		t.Errorf("the last pair is %v, want ErrUnreachable", last)
	}
	for _, info := range infos {
		if !seen[info.Ref] && (w.nodes["a"].keeps(info.Ref) || w.nodes["b"].keeps(info.Ref) || w.nodes["d"].keeps(info.Ref)) {
			t.Errorf("chunk %s is not listed", info.Ref)
		}
	}
}

func TestLookingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 4, 2)
		infos := w.film(100)
		for _, id := range []placement.NodeID{"b", "c", "d"} {
			w.nodes[id].setFault(frozen(0))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := w.nodes["a"].store.StatAll(ctx, infos); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want context.DeadlineExceeded", err)
		}
	})
}
