package repair_test

import (
	"testing"
	"time"

	"shoal/internal/placement"
	"shoal/internal/repair"
)

func TestDrainEndsSafeAndSwitchingOffLosesNothing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		before := w.build(4, 2)
		w.fill(before, 2000)
		leaver := w.nodes[name(2)]
		had := len(leaver.disk.all())
		w.learn(layout(t, 2, []placement.Node{member(name(0)), member(name(1)), leaving(name(2)), member(name(3))}))
		if s := leaver.Status(); s.State != repair.StateDraining {
			t.Errorf("at once: %+v", s)
		}
		w.pass(time.Hour)
		s := leaver.Status()
		if s.State != repair.StateDrained || s.Held != had || s.Safe != had || s.Queued != 0 || s.BytesLeft != 0 {
			t.Fatalf("%+v, want all %d chunks safe", s, had)
		}
		if got := leaver.told(repair.Drained); len(got) != 1 || got[0].String() == "" {
			t.Errorf("told %v", got)
		}
		if got := sum(w.moved()); got != had {
			t.Errorf("%d chunks moved, want %d", got, had)
		}
		leaver.crash()
		after := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(3))})
		w.learn(after)
		w.pass(time.Hour)
		w.settled(after)
		if got := sum(w.moved()); got != had {
			t.Errorf("%d chunks moved after the node was switched off", got-had)
		}
		if n := leaver.disk.gone(); n > 0 {
			t.Errorf("the leaving node deleted %d chunks", n)
		}
	})
}

func TestDrainTellsHowFarItIs(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		for i := range 3 {
			w.add(name(i)).cfg.Rate = 500
		}
		before := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
		w.learn(before)
		w.fill(before, 3000)
		for _, n := range w.nodes {
			n.disk.delay = 500 * time.Millisecond
			n.start()
		}
		w.learn(layout(t, 2, []placement.Node{leaving(name(0)), member(name(1)), member(name(2))}))
		w.pass(75 * time.Second)
		s := w.nodes[name(0)].Status()
		if s.State != repair.StateDraining || s.Safe == 0 || s.Safe >= s.Held || s.Rate == 0 || s.ETA == 0 || s.BytesLeft == 0 {
			t.Errorf("under way: %+v", s)
		}
		w.pass(2 * time.Hour)
		if s := w.nodes[name(0)].Status(); s.State != repair.StateDrained || s.ETA != 0 {
			t.Errorf("in the end: %+v", s)
		}
	})
}

func TestNodeIsNotDrainedWhile(t *testing.T) {
	for what, change := range map[string]func(w *world) (mend func()){
		"a holder is silent": func(w *world) func() {
			w.nodes[name(1)].crash()
			return w.nodes[name(1)].start
		},
		"a holder is full": func(w *world) func() {
			full := w.nodes[name(1)].disk
			full.mu.Lock()
			defer full.mu.Unlock()
			full.room = 0
			return func() {
				full.mu.Lock()
				defer full.mu.Unlock()
				full.room = 1 << 40
			}
		},
		"an import on another node may need a chunk": func(w *world) func() {
			data := []byte("of an import")
			ref := w.write(data, name(0))
			delete(w.wanted, ref)
			w.young = time.Now().Add(-time.Minute)
			return func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.wanted[ref] = data
				w.young = time.Time{}
			}
		},
		"everybody else is draining too": func(w *world) func() {
			w.learn(layout(w.t, 2, []placement.Node{leaving(name(0)), leaving(name(1)), leaving(name(2))}))
			return func() {
				w.learn(layout(w.t, 2, []placement.Node{leaving(name(0)), member(name(1)), member(name(2))}))
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				w.fill(w.build(3, 2), 100)
				w.learn(layout(t, 2, []placement.Node{leaving(name(0)), member(name(1)), member(name(2))}))
				mend := change(w)
				w.kick()
				w.pass(20 * time.Minute)
				if s := w.nodes[name(0)].Status(); s.State != repair.StateDraining {
					t.Errorf("%+v", s)
				}
				mend()
				w.kick()
				w.pass(time.Hour)
				if s := w.nodes[name(0)].Status(); s.State != repair.StateDrained {
					t.Errorf("after that: %+v", s)
				}
			})
		})
	}
}

func TestOnlyNodeThatIsLeftReadsItsCopiesBeforeTheOtherOneIsSafeToSwitchOff(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.fill(w.build(2, 2), 300)
		left := w.nodes[name(1)]
		for ref := range w.wanted {
			if w.random.IntN(10) == 0 {
				left.disk.spoil(ref)
			}
		}
		reads := 0
		left.set(func(n *node) {
			n.lie.verify = func(err error) error {
				reads++
				time.Sleep(time.Second)
				return err
			}
		})
		w.learn(layout(t, 2, []placement.Node{leaving(name(0)), member(name(1))}))
		w.pass(2 * time.Minute)
		if s := w.nodes[name(0)].Status(); s.State != repair.StateDraining || s.Safe == 0 || s.Safe > 200 {
			t.Errorf("after two minutes: %+v", s)
		}
		w.pass(24 * time.Hour)
		if s := w.nodes[name(0)].Status(); s.State != repair.StateDrained || s.Safe != 300 {
			t.Errorf("in the end: %+v", s)
		}
		for ref := range w.wanted {
			if !left.disk.whole(ref) {
				t.Fatalf("chunk %s is bad where it is left", ref)
			}
		}
		if reads > 400 {
			t.Errorf("%d reads of 300 chunks", reads)
		}
	})
}

func TestGarbageDoesNotKeepANodeFromLeaving(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.fill(w.build(3, 2), 300)
		ref := w.write([]byte("nobody needs this"), name(0))
		delete(w.wanted, ref)
		w.learn(layout(t, 2, []placement.Node{leaving(name(0)), member(name(1)), member(name(2))}))
		w.pass(time.Hour)
		if s := w.nodes[name(0)].Status(); s.State != repair.StateDrained {
			t.Errorf("%+v", s)
		}
		if got := w.copies(ref, true); got != 1 {
			t.Errorf("%d copies of garbage", got)
		}
	})
}

func TestDrainThatIsCalledOffGoesBackToWork(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		whole := w.build(3, 2)
		w.fill(whole, 300)
		w.learn(layout(t, 2, []placement.Node{leaving(name(0)), member(name(1)), member(name(2))}))
		w.pass(time.Hour)
		w.learn(whole)
		w.pass(time.Minute)
		if s := w.nodes[name(0)].Status(); s.State != repair.StateIdle {
			t.Errorf("%+v", s)
		}
		w.pass(27 * time.Hour)
		w.settled(whole)
	})
}
