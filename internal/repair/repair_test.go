package repair_test

import (
	"testing"
	"time"

	"shoal/internal/placement"
	"shoal/internal/repair"
)

func TestDeathRecreatesExactlyWhatWasLost(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		before := w.build(5, 2)
		refs := w.fill(before, 3000)
		dead := w.nodes[name(2)]
		lost := 0
		for _, ref := range refs {
			if dead.disk.has(ref) {
				lost++
			}
		}
		dead.crash()
		w.kick()
		w.pass(time.Minute)
		if got := sum(w.moved()); got != 0 {
			t.Errorf("%d chunks moved before the layout changed", got)
		}
		after := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(3)), member(name(4))})
		w.learn(after)
		w.pass(time.Hour)
		w.settled(after)
		moved := w.moved()
		if got := sum(moved); got != lost {
			t.Errorf("%d chunks moved, want %d", got, lost)
		}
		for id, n := range moved {
			if n > lost/2 {
				t.Errorf("%s took %d of %d", id, n, lost)
			}
		}
		for _, n := range w.nodes {
			if n.running() && n.Status().State != repair.StateIdle {
				t.Errorf("%s: %+v", n.id, n.Status())
			}
		}
	})
}

func TestJoinMovesDataOnlyToTheNewcomer(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		before := w.build(4, 2)
		w.fill(before, 3000)
		w.add(name(4))
		after := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2)), member(name(3)), member(name(4))})
		w.nodes[name(4)].layouts = []*placement.Layout{before}
		w.nodes[name(4)].start()
		w.learn(after)
		w.pass(time.Hour)
		moved := w.moved()
		if got, ideal := moved[name(4)], 2*3000/5; sum(moved) != got || float64(got) > 1.2*float64(ideal) || float64(got) < 0.8*float64(ideal) {
			t.Errorf("moved %v, want about %d to the newcomer alone", moved, ideal)
		}
		if n := w.nodes[name(0)].disk.gone(); n > 0 {
			t.Errorf("%d chunks were deleted at once", n)
		}
		w.pass(27 * time.Hour)
		w.settled(after)
	})
}
