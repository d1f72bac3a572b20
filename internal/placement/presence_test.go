package placement_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shoal/internal/placement"
)

const patience = 10 * time.Minute

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func ids(nodes []placement.Node) (all []placement.NodeID) {
	for _, n := range nodes {
		all = append(all, n.ID)
	}
	return all
}

func TestNodesAreLeftOutWhenTheyHaveBeenGoneForLongEnough(t *testing.T) {
	nodes := equal(5)
	a, b := nodes[0].ID, nodes[1].ID
	for name, c := range map[string]struct {
		gone    map[placement.NodeID]time.Duration // how long, at noon
		forced  bool
		left    int
		waiting bool
		next    time.Duration // after noon; 0 for never
	}{
		"all are here":                    {},
		"one went a moment ago":           {gone: map[placement.NodeID]time.Duration{a: time.Minute}, next: 9 * time.Minute},
		"one has been gone for long":      {gone: map[placement.NodeID]time.Duration{a: patience}, left: 1},
		"two, one of them for long":       {gone: map[placement.NodeID]time.Duration{a: patience, b: time.Minute}, left: 1, next: 9 * time.Minute},
		"two for long":                    {gone: map[placement.NodeID]time.Duration{a: patience, b: time.Hour}, left: 2},
		"three together":                  {gone: map[placement.NodeID]time.Duration{a: time.Hour, b: time.Hour, nodes[2].ID: time.Hour}, waiting: true},
		"three together, and an operator": {gone: map[placement.NodeID]time.Duration{a: time.Hour, b: time.Hour, nodes[2].ID: time.Hour}, forced: true, left: 3},
		"three, one after the other":      {gone: map[placement.NodeID]time.Duration{a: time.Hour, b: 2 * time.Hour, nodes[2].ID: 30 * time.Minute}, left: 3},
		"half of those that were left":    {gone: map[placement.NodeID]time.Duration{a: 9 * time.Hour, b: time.Hour, nodes[2].ID: time.Hour}, left: 1, waiting: true},
		"a stranger went":                 {gone: map[placement.NodeID]time.Duration{"nobody": time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			gone := make(map[placement.NodeID]time.Time)
			for id, long := range c.gone {
				gone[id] = noon.Add(-long)
			}
			p := placement.Present(nodes, gone, patience, noon, c.forced)
			if got := len(nodes) - len(p.Nodes); got != c.left || p.Waiting != c.waiting {
				t.Errorf("%d left out, waiting %v; want %d, %v", got, p.Waiting, c.left, c.waiting)
			}
			if want := noon.Add(c.next); c.next != 0 && !p.Next.Equal(want) || c.next == 0 && !p.Next.IsZero() {
				t.Errorf("next at %v", p.Next)
			}
		})
	}
}

// Whatever the order in which nodes went: who is here stays, no more are left out than an operator would have, and who comes back is back.
func TestPresenceKeepsWhoIsHere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := equal(rapid.IntRange(1, 9).Draw(t, "nodes"))
		gone := make(map[placement.NodeID]time.Time)
		for _, n := range nodes {
			if rapid.Bool().Draw(t, "gone") {
				gone[n.ID] = noon.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
			}
		}
		p := placement.Present(nodes, gone, patience, noon, false)
		forced := placement.Present(nodes, gone, patience, noon, true)
		for _, n := range nodes {
			_, isGone := gone[n.ID]
			if !isGone && !slices.Contains(ids(p.Nodes), n.ID) {
				t.Fatalf("%s is here and was left out", n.ID)
			}
			if slices.Contains(ids(forced.Nodes), n.ID) && !slices.Contains(ids(p.Nodes), n.ID) {
				t.Fatalf("%s was left out, and an operator would have kept it", n.ID)
			}
		}
		if back := placement.Present(nodes, nil, patience, noon, false); len(back.Nodes) != len(nodes) || back.Waiting {
			t.Fatalf("all came back: %+v", back)
		}
	})
}
