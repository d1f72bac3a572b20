package repair_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// lacking returns three nodes with everything, of which node-0 then lost its disk.
func lacking(w *world, count int) (*placement.Layout, *node) {
	l := w.build(3, 2)
	w.fill(l, count)
	n := w.nodes[name(0)]
	n.crash()
	n.disk = newMemory()
	n.cfg.Local = n.disk
	return l, n
}

func TestDiskThatWasReplacedIsFilledAgain(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, n := lacking(w, 500)
		n.start()
		w.pass(5 * time.Minute)
		w.settled(l)
		began, ended := n.told(repair.Began), n.told(repair.Ended)
		if len(began) != 1 || len(ended) != 1 || ended[0].Chunks != len(n.disk.all()) || ended[0].Left != 0 {
			t.Errorf("began %v, ended %v", began, ended)
		}
		if got := n.Status(); got.Copied.Chunks != len(n.disk.all()) || got.LastRound.IsZero() {
			t.Errorf("%+v", got)
		}
	})
}

func TestFullNodeTakesWhatFitsAndNobodyDeletesItsCopies(t *testing.T) {
	for _, roomy := range []bool{false, true} {
		t.Run(fmt.Sprintf("it says there is room: %v", roomy), func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				before := w.build(3, 2)
				w.fill(before, 500)
				n := w.add(name(3))
				n.disk.room, n.disk.roomy = 8<<20+2000, roomy
				if roomy {
					n.disk.room = 2000
				}
				after := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2)), member(name(3))})
				n.layouts = []*placement.Layout{before}
				n.start()
				w.learn(after)
				w.pass(30 * time.Hour)
				if got := len(n.disk.all()); got == 0 || got > 200 {
					t.Errorf("the full node has %d chunks", got)
				}
				for ref := range w.wanted {
					if w.copies(ref, false) < 2 {
						t.Fatalf("chunk %s has %d copies", ref, w.copies(ref, false))
					}
				}
				if roomy {
					return
				}
				if s := n.Status(); !s.Full || s.Queued == 0 || s.State != repair.StateRepairing {
					t.Errorf("%+v", s)
				}
				if len(n.told(repair.Full)) != 1 {
					t.Errorf("told %v", n.told(repair.Full))
				}
				n.disk.mu.Lock()
				n.disk.room = 1 << 40
				n.disk.mu.Unlock()
				w.pass(30 * time.Hour)
				w.settled(after)
				if n.Status().Full {
					t.Error("it is still full")
				}
			})
		})
	}
}

func TestLiarWhoseDigestsDifferAndWhoListsTheSameCostsNothingElse(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(3, 2)
		w.fill(l, 200)
		w.nodes[name(1)].set(func(n *node) {
			n.lie.digests = func(d []repair.Digest) ([]repair.Digest, error) {
				for i := range d {
					if d[i].Chunks > 0 || i%50 == 0 {
						d[i].Sum[0] ^= 1
					}
				}
				return d, nil
			}
		})
		w.kick()
		w.pass(30 * time.Hour)
		w.settled(l)
		if got := sum(w.moved()); got != 0 {
			t.Errorf("%d chunks moved", got)
		}
		if s := w.nodes[name(0)].Status(); s.State != repair.StateIdle || s.UnderCopied != 0 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestNodeThatAnswersNonsenseIsPassedOver(t *testing.T) {
	foreign := chunk.Info{Ref: chunk.Sum([]byte("x")), Size: 1}
	for what, lie := range map[string]lies{
		"too few digests":    {digests: func(d []repair.Digest) ([]repair.Digest, error) { return d[:len(d)/2], nil }},
		"too many digests":   {digests: func(d []repair.Digest) ([]repair.Digest, error) { return append(d, d...), nil }},
		"an error":           {digests: func([]repair.Digest) ([]repair.Digest, error) { return nil, errors.New("?") }},
		"a foreign chunk":    {list: func(l []chunk.Info) ([]chunk.Info, error) { return append(l, foreign, chunk.Info{Size: 1}), nil }},
		"a chunk of nothing": {list: func(l []chunk.Info) ([]chunk.Info, error) { return resized(l, 0), nil }},
		"a huge chunk":       {list: func(l []chunk.Info) ([]chunk.Info, error) { return resized(l, 1<<40), nil }},
		"a negative chunk":   {list: func(l []chunk.Info) ([]chunk.Info, error) { return resized(l, -1), nil }},
		"another size":       {list: func(l []chunk.Info) ([]chunk.Info, error) { return resized(l, 77), nil }},
		"wrong bytes":        {fetch: func([]byte) ([]byte, error) { return []byte("wrong"), nil }},
		"no bytes":           {fetch: func([]byte) ([]byte, error) { return nil, nil }},
	} {
		t.Run(what, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				before := w.build(4, 3)
				w.fill(before, 200)
				w.nodes[name(1)].set(func(n *node) { n.lie = lie })
				w.nodes[name(3)].crash()
				after := layout(t, 3, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
				w.learn(after)
				w.pass(6 * time.Hour)
				for ref := range w.wanted {
					if !w.nodes[name(0)].disk.has(ref) || !w.nodes[name(2)].disk.has(ref) {
						t.Fatalf("chunk %s was not copied from the honest nodes", ref)
					}
				}
				if n := len(w.nodes[name(0)].disk.all()); n != 200 {
					t.Errorf("%d chunks on an honest node, want 200", n)
				}
				if s := w.nodes[name(0)].Status(); s.Lost != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestWrongBytesAreNotKept(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		_, n := lacking(w, 100)
		n.cfg.Peers = peers{n: n, careless: true}
		for _, other := range w.nodes {
			other.lie.fetch = func([]byte) ([]byte, error) { return []byte("wrong"), nil }
		}
		n.start()
		w.pass(time.Hour)
		if got := n.disk.all(); len(got) > 0 || n.Status().Failing == 0 {
			t.Errorf("%d chunks were kept; %+v", len(got), n.Status())
		}
	})
}

func resized(infos []chunk.Info, size int64) []chunk.Info {
	infos = slices.Clone(infos)
	for i := range infos {
		infos[i].Size = size
	}
	return infos
}

// heldBy makes a chunk that is to lie with two of three nodes, and puts it on the second one alone.
func heldBy(w *world, l *placement.Layout, first, second placement.NodeID) chunk.Ref {
	for {
		data := fmt.Append(nil, w.random.Uint64())
		g := placement.GroupOf(chunk.Sum(data))
		if l.Holds(first, g) && l.Holds(second, g) {
			return w.write(data, second)
		}
	}
}

func TestChunkThatFailsRestsLongerEachTimeHoweverOftenARoundIsAskedFor(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(3, 2)
		heldBy(w, l, name(0), name(1))
		n, began := w.nodes[name(0)], time.Now()
		var asked []time.Duration
		w.nodes[name(1)].set(func(n *node) {
			n.lie.fetch = func([]byte) ([]byte, error) {
				asked = append(asked, time.Since(began).Round(time.Minute))
				return nil, errors.New("input/output error")
			}
		})
		for range 20 {
			w.kick()
			w.pass(7 * time.Second)
		}
		w.pass(20 * time.Hour)
		for i := 1; i < len(asked); i++ {
			want := min(time.Minute<<min(i-1, 6), 64*time.Minute)
			if got := asked[i] - asked[i-1]; got < want || got > want+2*time.Minute {
				t.Errorf("try %d came %v after the one before, want %v", i, got, want)
			}
		}
		if s := n.Status(); s.Failing != 1 || len(asked) < 10 {
			t.Errorf("%+v after %d tries", s, len(asked))
		}
		w.nodes[name(1)].set(func(n *node) { n.lie = lies{} })
		n.Now()
		w.pass(time.Second)
		if s := n.Status(); s.Failing != 0 || s.Copied.Chunks != 1 {
			t.Errorf("after Now: %+v", s)
		}
	})
}

func TestChunkThatFailedIsTriedAtOnceWhenSomebodyElseHasIt(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(3, 3)
		ref := w.write([]byte("a chunk"), name(1))
		w.nodes[name(1)].set(func(n *node) { n.lie.fetch = func([]byte) ([]byte, error) { return nil, errors.New("bad disk") } })
		w.kick()
		w.pass(time.Hour)
		if w.copies(ref, false) != 1 {
			t.Fatal("it could be read")
		}
		w.write([]byte("a chunk"), name(2))
		w.kick()
		w.pass(5 * time.Second)
		if !w.nodes[name(0)].disk.has(ref) {
			t.Error("it still rests")
		}
		_ = l
	})
}

func TestSilentNodeIsAskedAgainSoon(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, n := lacking(w, 100)
		for _, other := range w.nodes {
			other.lie.digests = func([]repair.Digest) ([]repair.Digest, error) { return nil, context.DeadlineExceeded }
		}
		n.start()
		w.pass(5 * time.Minute)
		if s := n.Status(); len(s.Silent) != 2 {
			t.Errorf("%+v", s)
		}
		for _, other := range w.nodes {
			other.set(func(n *node) { n.lie = lies{} })
		}
		w.pass(4 * time.Minute)
		w.settled(l)
	})
}

func TestRunEndsAtOnceWhateverItIsDoing(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 40 * time.Second, time.Minute, time.Minute + 100*time.Millisecond, 61 * time.Second} {
		in(t, func(t *testing.T, w *world) {
			_, n := lacking(w, 300)
			n.start()
			w.pass(after)
			stopped := time.Now()
			n.crash()
			if took := time.Since(stopped); took > 0 {
				t.Errorf("after %v it took %v", after, took)
			}
		})
	}
}

func TestPlanEndsWithItsContext(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		_, n := lacking(w, 300)
		n.start()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.Plan(ctx, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("plan: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Millisecond)
		defer cancel()
		if _, err := n.Plan(ctx, 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("plan: %v", err)
		}
	})
}

func TestNothingHappensUntilAnOperatorSaysNow(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, n := lacking(w, 200)
		n.set(func(n *node) { n.waiting = true })
		n.start()
		w.pass(time.Hour)
		if s := n.Status(); s.State != repair.StateWaiting || s.Queued == 0 || len(n.disk.all()) > 0 {
			t.Errorf("%+v with %d chunks", s, len(n.disk.all()))
		}
		if told := n.told(repair.Began); len(told) > 0 {
			t.Errorf("told %v", told)
		}
		n.Now()
		w.pass(time.Minute)
		w.settled(l)
		if s := n.Status(); s.State != repair.StateIdle {
			t.Errorf("%+v", s)
		}
		// It is over, and then it happens again.
		n.set(func(n *node) { n.waiting = false })
		w.pass(time.Hour)
		n.Status()
		n.set(func(n *node) { n.waiting = true })
		if s := n.Status(); s.State != repair.StateWaiting {
			t.Errorf("the second time: %+v", s)
		}
	})
}

func TestNodesThatComeAndGoEverySecondDoNotKeepChunksFromBeingCopied(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, n := lacking(w, 500)
		n.start()
		for range 60 {
			w.kick()
			w.pass(time.Second)
		}
		w.settled(l)
	})
}
