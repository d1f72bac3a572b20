package exchange_test

import (
	"errors"
	"strings"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

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

func TestThoseNextInRankAreAskedBeforeTheRest(t *testing.T) {
	w := newNetwork(t, 8, 2)
	data := chunktest.Data(1, 1000)
	_, others := w.holders(chunk.Sum(data))
	chunktest.Put(t, others[0].disk, data)
	others[len(others)-1].reads(data)
	for _, n := range others[1:] {
		if n.asked.Load() != 0 {
			t.Errorf("node %s was asked", n.id)
		}
	}
}

func TestHoldersByEarlierLayoutsAreAskedBeforeTheRest(t *testing.T) {
	w := newNetwork(t, 8, 2)
	data := chunktest.Data(1, 1000)
	_, others := w.holders(chunk.Sum(data))
	last := others[len(others)-1]
	now := (*w.layouts.Load())[0]
	w.setLayouts(now, now, w.layout(1, last.id))
	chunktest.Put(t, last.disk, data)
	others[0].reads(data)
	for _, n := range others[:len(others)-1] {
		if n.asked.Load() != 0 {
			t.Errorf("node %s was asked", n.id)
		}
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
