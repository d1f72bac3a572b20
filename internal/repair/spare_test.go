package repair_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// four returns a cluster of three nodes that a fourth has joined, and has taken its share.
func four(t *testing.T, w *world) (*placement.Layout, []chunk.Ref) {
	before := w.build(3, 2)
	refs := w.fill(before, 200)
	n := w.add(name(3))
	after := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2)), member(name(3))})
	n.layouts = []*placement.Layout{before}
	n.start()
	w.learn(after)
	w.pass(time.Hour)
	return after, refs
}

// surplus counts the copies beyond those that holders have.
func (w *world) surplus(l *placement.Layout) (count int) {
	for _, n := range w.nodes {
		for _, ref := range n.disk.all() {
			if !l.Holds(n.id, placement.GroupOf(ref)) {
				count++
			}
		}
	}
	return count
}

func TestNodeThatReturnsNeedsNothingAndSurplusGoesAfterADay(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		whole := w.build(4, 2)
		w.fill(whole, 1000)
		w.nodes[name(1)].crash()
		w.learn(layout(t, 2, []placement.Node{member(name(0)), member(name(2)), member(name(3))}))
		w.pass(time.Hour)
		moved := sum(w.moved())
		if moved == 0 {
			t.Fatal("nothing took the place of the lost copies")
		}
		w.nodes[name(1)].start()
		w.learn(whole)
		w.pass(22 * time.Hour)
		if got := sum(w.moved()); got != moved {
			t.Errorf("%d chunks moved for a node that had all", got-moved)
		}
		if got := w.surplus(whole); got != moved {
			t.Errorf("%d surplus copies on the first day, want %d", got, moved)
		}
		w.pass(5 * time.Hour)
		w.settled(whole)
		if len(w.nodes[name(0)].told(repair.Freed)) == 0 || w.nodes[name(0)].Status().Freed.Chunks == 0 {
			t.Error("nobody says that surplus was given back")
		}
	})
}

func TestSurplusStaysWhile(t *testing.T) {
	for name, change := range map[string]func(w *world, l *placement.Layout){
		"a holder is silent": func(w *world, _ *placement.Layout) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for id := range w.nodes {
				w.cut[[2]placement.NodeID{name(0), id}] = id != name(0)
			}
		},
		"a holder does not vouch for its copy": func(w *world, _ *placement.Layout) {
			for _, n := range w.nodes {
				n.set(func(n *node) { n.lie.verify = func(error) error { return errors.New("input/output error") } })
			}
		},
		"an operator is waited for": func(w *world, _ *placement.Layout) {
			for _, n := range w.nodes {
				n.set(func(n *node) { n.waiting = true })
			}
		},
		"the layout changes again": func(w *world, l *placement.Layout) {
			other := layout(w.t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2)), {ID: name(3), Capacity: 1<<40 + 1}})
			for range 2 {
				w.learn(other)
				w.pass(10 * time.Hour)
				w.learn(l)
				w.pass(10 * time.Hour)
			}
		},
		"the layout changes while holders read their copies": func(w *world, _ *placement.Layout) {
			before := layout(w.t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
			change := sync.OnceFunc(func() { w.learn(before) })
			for _, n := range w.nodes {
				n.set(func(n *node) {
					n.waiting = n.id != name(0) // It alone is to ask them.
					n.lie.verify = func(err error) error {
						change()
						return err
					}
				})
			}
		},
		"the node restarts": func(w *world, _ *placement.Layout) {
			for range 3 {
				w.pass(12 * time.Hour)
				for _, n := range w.nodes {
					n.crash()
					n.start()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				l, _ := four(t, w)
				want := len(w.nodes["node-0"].disk.all())
				change(w, l)
				if name != "the layout changes again" && name != "the node restarts" {
					w.pass(30 * time.Hour)
				}
				d := w.nodes["node-0"].disk
				if got := len(d.all()); got != want || d.gone() > 0 {
					t.Errorf("%d chunks are left of %d, %d were deleted", got, want, d.gone())
				}
			})
		})
	}
}

func TestSurplusThatIsPutAgainStaysForAnotherDay(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, refs := four(t, w)
		w.pass(20 * time.Hour)
		var renewed []chunk.Ref
		n := w.nodes[name(0)]
		for _, ref := range refs {
			if n.disk.has(ref) && !l.Holds(n.id, placement.GroupOf(ref)) {
				renewed = append(renewed, ref)
				if _, err := n.disk.Put(t.Context(), n.disk.read(ref)); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.pass(20 * time.Hour)
		for _, ref := range renewed {
			if !n.disk.has(ref) {
				t.Fatalf("chunk %s is gone 20 hours after it was put", ref)
			}
		}
		w.pass(7 * time.Hour)
		w.settled(l)
	})
}

func TestBadCopyOfAHolderIsReplacedBeforeSurplusGoes(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, _ := four(t, w)
		for _, n := range w.nodes {
			n.disk.mu.Lock()
			for g, chunks := range n.disk.groups {
				for _, k := range chunks {
					// At most one holder of each is hurt.
					k.bad = l.Holders(g)[0] == n.id
				}
			}
			n.disk.mu.Unlock()
		}
		w.pass(30 * time.Hour)
		for ref := range w.wanted {
			if w.copies(ref, false) < 2 {
				t.Errorf("chunk %s has %d copies", ref, w.copies(ref, false))
			}
		}
	})
}

// Each of two nodes knows a layout by which the other one holds everything, and both verify at the same moment.
func TestTwoNodesThatKnowDifferentLayoutsDoNotBothDelete(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		a, b := w.add(name(0)), w.add(name(1))
		nobody := placement.Node{ID: a.id, Capacity: 0}
		a.layouts = []*placement.Layout{layout(t, 1, []placement.Node{nobody, member(b.id)})}
		nobody.ID = b.id
		b.layouts = []*placement.Layout{layout(t, 1, []placement.Node{member(a.id), nobody})}
		ref := w.write([]byte("of both"), a.id, b.id)
		for _, n := range []*node{a, b} {
			n.lie.verify = func(err error) error {
				time.Sleep(30 * time.Second)
				return err
			}
			n.start()
			n.Kick()
		}
		w.pass(24*time.Hour + 2*time.Second)
		if w.copies(ref, true) == 2 {
			for _, n := range []*node{a, b} {
				go func() {
					if _, err := n.Spare(t.Context()); err != nil {
						t.Error(err)
					}
				}()
			}
			w.pass(time.Minute)
		}
		if w.copies(ref, true) != 2 {
			t.Errorf("%d copies are left", w.copies(ref, true))
		}
	})
}
