package repair_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// summary adds up what all nodes say that run.
func (w *world) summary() (all repair.Summary) {
	first := true
	for _, id := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[id]
		if !n.running() {
			continue
		}
		if first {
			all, first = n.Summary(), false
			continue
		}
		all.Add(n.Summary())
	}
	return all
}

func TestChunksWithTooFewCopiesAreCountedOnceWhileANodeIsAway(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(5, 2)
		refs := w.fill(l, 500)
		garbage := w.write([]byte("nobody needs this"), name(0), name(1), name(2))
		delete(w.wanted, garbage)
		w.kick()
		w.pass(time.Minute)
		if s := w.summary(); s.UnderCopied != 0 || s.Least != 0 || s.Lost != 0 {
			t.Errorf("all are well: %+v", s)
		}
		lost := 0
		for _, ref := range refs {
			if w.nodes[name(2)].disk.has(ref) {
				lost++
			}
		}
		w.nodes[name(2)].crash()
		w.kick()
		w.pass(time.Minute)
		if s := w.summary(); s.UnderCopied != lost || s.Least != 1 || s.Lost != 0 || len(s.Silent) != 1 {
			t.Errorf("one is away: %+v, want %d under-copied", s, lost)
		}
		w.nodes[name(2)].start()
		w.kick()
		w.pass(time.Minute)
		if s := w.summary(); s.UnderCopied != 0 || len(s.Silent) != 0 || s.Layout != l.Version().String() {
			t.Errorf("it is back: %+v", s)
		}
	})
}

func TestWhatIsLostIsNamedOnceAndComesBackWithItsNode(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		before := w.build(5, 2)
		refs := w.fill(before, 800)
		a, b := w.nodes[name(1)], w.nodes[name(3)]
		var lost []chunk.Ref
		for _, ref := range refs {
			if a.disk.has(ref) && b.disk.has(ref) {
				lost = append(lost, ref)
			}
		}
		slices.SortFunc(lost, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
		a.crash()
		b.crash()
		for _, n := range w.nodes {
			if n.running() {
				n.Now()
			}
		}
		w.pass(5 * time.Minute)
		if s := w.summary(); s.Lost != 0 || s.UnderCopied == 0 {
			t.Errorf("holders are only silent: %+v", s)
		}
		after := layout(t, 2, []placement.Node{member(name(0)), member(name(2)), member(name(4))})
		w.learn(after)
		w.pass(time.Hour)
		if s := w.summary(); s.Lost != len(lost) || s.UnderCopied != 0 {
			t.Errorf("%+v, want %d lost", s, len(lost))
		}
		var named []chunk.Ref
		for _, n := range w.nodes {
			if n.running() {
				named = append(named, n.Status().LostChunks...)
			}
		}
		slices.SortFunc(named, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(named, lost) {
			t.Errorf("%d chunks are named, want %d", len(named), len(lost))
		}
		told := len(w.nodes[name(0)].told(repair.Lost))
		w.pass(24 * time.Hour)
		if got := len(w.nodes[name(0)].told(repair.Lost)); got != told || told > 1 {
			t.Errorf("told %d times, then %d", told, got)
		}
		moved := sum(w.moved())
		a.start()
		w.learn(before)
		w.pass(time.Hour)
		if s := w.summary(); s.Lost != 0 {
			t.Errorf("one is back: %+v", s)
		}
		for _, ref := range lost {
			if w.copies(ref, false) == 0 {
				t.Fatal("a chunk did not come back")
			}
		}
		for id := range w.fetched {
			if id == a.id {
				t.Errorf("%s, which had all, fetched some of %d", id, sum(w.moved())-moved)
			}
		}
	})
}

func TestNothingIsLostWhileAHolderIsSilent(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(3, 2)
		ref := heldBy(w, l, name(0), name(1))
		w.nodes[name(1)].crash()
		n := w.nodes[name(0)]
		for range 3 {
			n.Now()
			w.pass(time.Minute)
			if plan, err := n.Plan(t.Context(), 10); err != nil || plan.Lost != 0 || n.Status().Lost != 0 || len(plan.Silent) != 1 {
				t.Fatalf("%+v, %v", plan, err)
			}
		}
		w.nodes[name(1)].disk.lose(ref)
		w.nodes[name(1)].start()
		w.nodes[name(1)].Now()
		n.Now()
		w.pass(time.Minute)
		if plan, err := n.Plan(t.Context(), 10); err != nil || plan.Lost+w.nodes[name(1)].Status().Lost+n.Status().Lost == 0 {
			t.Fatalf("%+v, %v", plan, err)
		}
	})
}

func TestNodeAloneHasNothingToDoAndAsksItsDiskForNothing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(1, 2)
		w.fill(l, 50)
		w.wanted[chunk.Ref{1}] = nil
		n := w.nodes[name(0)]
		n.Now()
		w.pass(30 * time.Hour)
		if s := n.Status(); s.State != repair.StateIdle || s.UnderCopied != 0 || s.Lost != 0 || s.LastRound.IsZero() || n.disk.asked > 0 {
			t.Errorf("%+v, the disk was asked %d times", s, n.disk.asked)
		}
	})
}

func TestChunksThatLieWithWhoCameNextAreFound(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(6, 2)
		var refs []chunk.Ref
		for i := range 200 {
			data := fmt.Append(nil, "written while the holders were away ", i)
			rank := l.Rank(placement.GroupOf(chunk.Sum(data)))
			refs = append(refs, w.write(data, rank[4], rank[5]))
		}
		w.kick()
		w.pass(10 * time.Minute)
		for _, ref := range refs {
			for _, id := range l.Holders(placement.GroupOf(ref)) {
				if !w.nodes[id].disk.has(ref) {
					t.Fatalf("%s lacks a chunk", id)
				}
			}
		}
		w.pass(30 * time.Hour)
		w.settled(l)
	})
}

func TestWhatOnlyANodeOfAnOlderLayoutHasIsFound(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		before := w.build(4, 1)
		w.fill(before, 200)
		after := layout(t, 1, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
		for range 2 {
			w.learn(after)
			after = layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
		}
		w.pass(time.Hour)
		for ref := range w.wanted {
			for _, id := range after.Holders(placement.GroupOf(ref)) {
				if !w.nodes[id].disk.has(ref) {
					t.Fatalf("%s lacks a chunk", id)
				}
			}
		}
		if got := w.summary().Lost; got != 0 {
			t.Errorf("%d are said to be lost", got)
		}
	})
}

func TestGarbageIsNeitherCopiedNorLost(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		l := w.build(4, 2)
		w.fill(l, 100)
		var garbage []chunk.Ref
		for i := range 200 {
			ref := w.write(fmt.Append(nil, "garbage ", i), name(i%4))
			garbage = append(garbage, ref)
			delete(w.wanted, ref)
		}
		w.kick()
		w.pass(30 * time.Hour)
		if got := sum(w.moved()); got != 0 {
			t.Errorf("%d chunks moved", got)
		}
		for _, ref := range garbage {
			if w.copies(ref, false) != 1 {
				t.Errorf("garbage has %d copies", w.copies(ref, false))
			}
		}
		if s := w.summary(); s.Lost != 0 || s.UnderCopied != 0 {
			t.Errorf("%+v", s)
		}
		// When it is not known what is garbage, everything may be needed.
		w.mu.Lock()
		w.unknown = errors.New("a manifest cannot be read")
		w.mu.Unlock()
		w.kick()
		w.pass(time.Hour)
		for _, ref := range garbage {
			for _, id := range l.Holders(placement.GroupOf(ref)) {
				if !w.nodes[id].disk.has(ref) {
					t.Fatal("it was not copied")
				}
			}
		}
	})
}

func TestWhatIsNotNeededAnyMoreLeavesTheQueue(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		_, n := lacking(w, 300)
		n.disk.delay = time.Minute
		n.start()
		w.pass(2 * time.Minute)
		if n.Status().Queued < 100 {
			t.Fatalf("%+v", n.Status())
		}
		w.mu.Lock()
		clear(w.wanted)
		w.mu.Unlock()
		n.Kick()
		w.pass(time.Minute)
		if s := n.Status(); s.Queued > 10 {
			t.Errorf("%+v", s)
		}
	})
}

func TestPlanSaysWhatIsToBeDoneAndDoesNothing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		before := w.build(3, 2)
		w.fill(before, 400)
		n := w.add(name(3))
		after := layout(t, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2)), member(name(3))})
		n.layouts = []*placement.Layout{before}
		n.start()
		for _, n := range w.nodes {
			n.set(func(n *node) { n.waiting = true })
		}
		w.learn(after)
		w.pass(time.Minute)
		plan, err := n.Plan(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		if plan.Node != n.id || plan.Copy.Chunks < 100 || len(plan.Copies) != 5 || plan.Copy.Bytes == 0 || plan.State != repair.StateWaiting {
			t.Errorf("plan %+v", plan)
		}
		text := plan.String()
		for _, part := range []string{fmt.Sprintf("layout %s: %d chunks to copy", after.Version(), plan.Copy.Chunks), " from node-", " to node-3", fmt.Sprintf("and %d more to copy", plan.Copy.Chunks-5)} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in:\n%s", part, text)
			}
		}
		if got := sum(w.moved()); got != 0 {
			t.Errorf("%d chunks moved", got)
		}
		wanted := plan.Copy
		for _, n := range w.nodes {
			n.set(func(n *node) { n.waiting = false })
		}
		w.kick()
		w.pass(time.Hour)
		if got := sum(w.moved()); got != wanted.Chunks {
			t.Errorf("%d chunks moved, %d were planned", got, wanted.Chunks)
		}
		var all repair.Summary
		for i, id := range slices.Sorted(maps.Keys(w.nodes)) {
			plan, err := w.nodes[id].Plan(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			if all.Add(plan.Summary); i == 0 {
				all = plan.Summary
			}
			if plan.Surplus.Chunks > 3 && (len(plan.Spare) != 3 || !strings.Contains(plan.String(), "spare ")) {
				t.Errorf("%s:\n%s", id, plan)
			}
		}
		if all.Copy.Chunks != 0 || all.Surplus != wanted || all.Lost != 0 || all.Layout != after.Version().String() {
			t.Errorf("in the end %+v, want %+v to spare", all, wanted)
		}
		w.pass(30 * time.Hour)
		w.settled(after)
	})
}

func TestSummaryAndPlanTravel(t *testing.T) {
	ref := chunk.Sum([]byte("x"))
	plan := repair.Plan{
		Summary: repair.Summary{Node: "n", Layout: "abc", State: repair.StateIdle, Copy: repair.Total{Chunks: 1, Bytes: 2}, Lost: 1, Silent: []placement.NodeID{"m"}},
		Copies:  []repair.Copy{{Chunk: chunk.Info{Ref: ref, Size: 2}, From: []placement.NodeID{"a"}}}, Spare: []chunk.Info{{Ref: ref, Size: 3}},
		LostChunks: []chunk.Ref{ref},
	}
	for name, code := range map[string]struct {
		write func(any) ([]byte, error)
		read  func([]byte, any) error
	}{"JSON": {json.Marshal, json.Unmarshal}, "CBOR": {cbor.Marshal, cbor.Unmarshal}} {
		text, err := code.write(plan)
		if err != nil {
			t.Fatal(err)
		}
		var back repair.Plan
		if err := code.read(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plan, back); diff != "" {
			t.Errorf("%s (-sent +received):\n%s", name, diff)
		}
	}
}

func TestEventsReadAsSentences(t *testing.T) {
	for _, kind := range []repair.Kind{repair.Began, repair.Ended, repair.Full, repair.Lost, repair.Returned, repair.Freed, repair.Drained, repair.Nonsense} {
		text := repair.Event{Kind: kind, Node: "node-7", Chunks: 1234, Bytes: 5_600_000_000, Left: 1}.String()
		if !strings.HasSuffix(text, ".") || strings.Contains(text, string(kind)) || strings.Contains(text, "1 chunks") {
			t.Errorf("%s: %q", kind, text)
		}
	}
	if got, want := (repair.Event{Kind: repair.Began, Chunks: 1, Bytes: 999}).String(), "Copying 1 chunk (999 bytes) to this node, which is to hold them."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
