package repair_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// large makes chunks of a whole size lie with two nodes, or with one, and returns the third, which is to hold them all.
func large(w *world, count, copies int) *node {
	for i := range 3 {
		w.add(name(i))
	}
	w.learn(layout(w.t, 3, []placement.Node{member(name(0)), member(name(1)), member(name(2))}))
	source := rand.NewChaCha8([32]byte{})
	for range count {
		data := make([]byte, chunk.MaxSize)
		_, _ = source.Read(data)
		w.write(data, name(1))
		if copies > 1 {
			w.write(data, name(2))
		}
	}
	n := w.nodes[name(0)]
	n.cfg.Rate = 4 << 20
	n.disk.delay = 100 * time.Millisecond
	n.start()
	w.nodes[name(1)].start()
	if copies > 1 {
		w.nodes[name(2)].start()
	}
	return n
}

func TestRateIsKeptAndUsed(t *testing.T) {
	for what, one := range map[string]struct {
		copies   int
		watching bool
		want     float64
	}{
		"as it is set":                           {copies: 2, want: 1},
		"half of it while people watch":          {copies: 2, watching: true, want: 0.5},
		"twice as much for the last copy":        {copies: 1, want: 2},
		"what is set for the last one, watching": {copies: 1, watching: true, want: 1},
	} {
		t.Run(what, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				n := large(w, 40, one.copies)
				n.set(func(n *node) { n.watching = one.watching })
				n.Kick()
				w.pass(time.Second)
				began := time.Now()
				for n.Status().Copied.Chunks < 32 && time.Since(began) < time.Minute {
					w.pass(50 * time.Millisecond)
				}
				s := n.Status()
				// The bucket was full at the beginning.
				got := float64(s.Copied.Bytes-2*chunk.MaxSize) / time.Since(began).Seconds() / float64(n.cfg.Rate)
				if got < 0.8*one.want || got > 1.05*one.want {
					t.Errorf("%.2f of the rate, want %.2f", got, one.want)
				}
				if told := float64(s.Rate) / float64(n.cfg.Rate); told < 0.8*one.want || told > 1.6*one.want {
					t.Errorf("it says %.2f of the rate, want %.2f", told, one.want)
				}
				if s.State != repair.StateRepairing || s.ETA == 0 || s.Queued != 40-s.Copied.Chunks {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestFewestCopiesComeFirstAndThenWhatWasWatched(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		n := large(w, 30, 2)
		n.crash()
		watched := make(map[chunk.Ref]bool)
		single := make(map[chunk.Ref]bool)
		for ref := range w.wanted {
			switch {
			case len(single) < 10:
				w.nodes[name(2)].disk.lose(ref)
				single[ref] = true
			case len(watched) < 10:
				watched[ref] = true
			}
		}
		n.cfg.Urgency = func(ref chunk.Ref) int {
			if watched[ref] {
				return 1
			}
			return 0
		}
		var order []int
		var known []chunk.Ref
		n.start()
		n.Kick()
		for len(known) < 30 {
			w.pass(10 * time.Millisecond)
			for _, ref := range n.disk.all() {
				if slices.Contains(known, ref) {
					continue
				}
				known = append(known, ref)
				switch {
				case single[ref]:
					order = append(order, 0)
				case watched[ref]:
					order = append(order, 1)
				default:
					order = append(order, 2)
				}
			}
		}
		wrong := 0
		for i, rank := range order {
			if rank != i/10 {
				wrong++
			}
		}
		// The first eight are taken while the round is still looking.
		if wrong > 2*8 {
			t.Errorf("the order was %v", order)
		}
	})
}

func TestQueueIsBoundedAndNothingIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		missing := make(map[chunk.Ref]int)
		for range rapid.IntRange(0, 300).Draw(t, "missing") {
			missing[chunk.Ref{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}] = 1 + random.IntN(3)
		}
		q := repair.NewQueue(rapid.IntRange(1, 100).Draw(t, "bound"))
		for surveys := 0; len(missing) > 0; surveys++ {
			q.Survey(missing)
			if left := q.Left(); left.Chunks != len(missing) || left.Bytes != int64(len(missing)) {
				t.Fatalf("%+v are left, want %d", left, len(missing))
			}
			fewest := 1
			for again := false; !again; {
				ref, more, ok := q.Take()
				again = more || !ok
				if !ok {
					break
				}
				copies, known := missing[ref]
				if !known || copies < fewest {
					t.Fatalf("chunk of %d copies (missing: %v) after one of %d", copies, known, fewest)
				}
				fewest = copies
				delete(missing, ref)
			}
			if surveys > 400 {
				t.Fatal("it never ends")
			}
		}
		if left := q.Left(); left.Chunks != 0 || left.Bytes != 0 {
			t.Fatalf("in the end %+v are left", left)
		}
	})
}

func TestNewcomerThatLacksMoreThanTheQueueHoldsGetsAll(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l, n := lacking(w, 800)
		n.disk.delay = time.Second
		n.startBounded(50)
		for n.Status().LastRound.IsZero() {
			w.pass(time.Second)
		}
		before := n.Status().Queued
		if before < 300 || n.Waiting() >= 100 {
			t.Errorf("%d are to come, %d wait", before, n.Waiting())
		}
		for n.Status().Queued > 0 {
			w.pass(time.Second)
			if now := n.Waiting(); now >= 100 {
				t.Fatalf("%d wait", now)
			}
		}
		w.settled(l)
		w.moved()
	})
}
