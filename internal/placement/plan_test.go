package placement_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// carryOut does all that a plan says.
func carryOut(plan *placement.Plan, held placement.Held) {
	for _, c := range plan.Copies {
		held[c.To][c.Chunk.Ref] = c.Chunk.Size
	}
	for _, s := range plan.Surplus {
		delete(held[s.Node], s.Chunk.Ref)
	}
}

func planned(l *placement.Layout, g placement.Group, held placement.Held, wanted []chunk.Info) *placement.Plan {
	plan := &placement.Plan{Layout: l.Version()}
	plan.Add(l, g, held, wanted)
	return plan
}

func TestPlanEndsWithEveryHolderHavingEverythingAndNobodyElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 2)
		l := drawn(t, rapid.IntRange(1, 3).Draw(t, "copies"), nodes)
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		g := placement.Group(random.IntN(placement.Groups))
		wanted := refsIn(g, 1+random.IntN(20), random)
		held := make(placement.Held)
		for _, n := range nodes {
			held[n.ID] = make(map[chunk.Ref]int64)
		}
		for _, info := range wanted { // somebody has each
			for range 1 + random.IntN(3) {
				held[nodes[random.IntN(len(nodes))].ID][info.Ref] = info.Size
			}
		}
		for range 2 { // what is too much goes only when all holders have theirs
			plan := planned(l, g, held, wanted)
			if len(plan.Lost) > 0 {
				t.Fatalf("lost %v", plan.Lost)
			}
			carryOut(plan, held)
		}
		for _, n := range nodes {
			for _, info := range wanted {
				if _, has := held[n.ID][info.Ref]; has != l.Holds(n.ID, g) {
					t.Fatalf("%s has the chunk: %v, is to hold it: %v", n.ID, has, l.Holds(n.ID, g))
				}
			}
		}
		if plan := planned(l, g, held, wanted); len(plan.Copies)+len(plan.Surplus)+len(plan.Lost) != 0 {
			t.Fatalf("when all is done there is still:\n%s", plan)
		}
	})
}

func TestNothingIsSparedBeforeEveryHolderHasIt(t *testing.T) {
	nodes := equal(5)
	l := layoutOf(t, 2, nodes)
	const g = 77
	outsider := l.Rank(g)[4]
	holders := l.Holders(g)
	one := refsIn(g, 1, rand.New(rand.NewPCG(1, 2)))
	all := func(who ...placement.NodeID) placement.Held {
		held := placement.Held{holders[0]: {}, holders[1]: {}, outsider: {}}
		for _, id := range who {
			held[id] = map[chunk.Ref]int64{one[0].Ref: one[0].Size}
		}
		return held
	}
	if plan := planned(l, g, all(outsider, holders[0]), one); len(plan.Surplus) != 0 || len(plan.Copies) != 1 || plan.Copies[0].To != holders[1] {
		t.Errorf("one holder lacks it:\n%s", plan)
	}
	if plan := planned(l, g, all(outsider, holders[0], holders[1]), one); len(plan.Surplus) != 1 || plan.Surplus[0].Node != outsider {
		t.Errorf("all holders have it:\n%s", plan)
	}
	silent := all(outsider, holders[0], holders[1])
	delete(silent, holders[1])
	if plan := planned(l, g, silent, one); len(plan.Surplus) != 0 {
		t.Errorf("a holder is silent:\n%s", plan)
	}
}

func TestNothingIsSaidToBeLostWhileAHolderIsSilent(t *testing.T) {
	l := layoutOf(t, 2, equal(4))
	const g = 5
	holders := l.Holders(g)
	wanted := refsIn(g, 3, rand.New(rand.NewPCG(3, 4)))
	if plan := planned(l, g, placement.Held{holders[0]: {}}, wanted); len(plan.Lost) != 0 {
		t.Errorf("a silent holder may have it:\n%s", plan)
	}
	if plan := planned(l, g, placement.Held{holders[0]: {}, holders[1]: {}}, wanted); len(plan.Lost) != 3 {
		t.Errorf("nobody has it:\n%s", plan)
	}
}

func TestMostEndangeredChunksComeFirst(t *testing.T) {
	l := layoutOf(t, 3, equal(6))
	const g = 9
	holders := l.Holders(g)
	infos := refsIn(g, 3, rand.New(rand.NewPCG(5, 6)))
	slices.SortFunc(infos, func(a, b chunk.Info) int { return slices.Compare(a.Ref[:], b.Ref[:]) })
	two, watched, quiet := infos[0], infos[2], infos[1]
	held := placement.Held{
		holders[0]: {two.Ref: 1, watched.Ref: 1, quiet.Ref: 1},
		holders[1]: {two.Ref: 1},
		holders[2]: {},
	}
	plan := planned(l, g, held, infos)
	plan.Sort(func(ref chunk.Ref) int {
		if ref == watched.Ref {
			return 1
		}
		return 0
	})
	var order []chunk.Ref
	for _, c := range plan.Copies {
		order = append(order, c.Chunk.Ref)
	}
	want := []chunk.Ref{watched.Ref, watched.Ref, quiet.Ref, quiet.Ref, two.Ref}
	if !slices.Equal(order, want) {
		t.Errorf("order:\n%s", plan)
	}
}

func TestPlanReadsAsSentences(t *testing.T) {
	l := layoutOf(t, 2, equal(2))
	const g = 1
	info := refsIn(g, 1, rand.New(rand.NewPCG(7, 8)))
	text := planned(l, g, placement.Held{"node-000": {info[0].Ref: info[0].Size}, "node-001": {}}, nil).String()
	for _, part := range []string{"1 chunks to copy", "0 to spare, 0 lost", "copy " + info[0].Ref.String(), "from node-000 to node-001"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}
