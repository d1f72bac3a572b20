package placement_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// equal returns n nodes that promise the same, each in no zone.
func equal(n int) []placement.Node {
	nodes := make([]placement.Node, n)
	for i := range nodes {
		nodes[i] = placement.Node{ID: placement.NodeID(fmt.Sprintf("node-%03d", i)), Capacity: 1 << 40}
	}
	return nodes
}

func layoutOf(t testing.TB, copies int, nodes []placement.Node) *placement.Layout {
	t.Helper()
	l, err := placement.NewLayout(copies, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// shares counts the groups of each node.
func shares(l *placement.Layout) map[placement.NodeID]int {
	count := make(map[placement.NodeID]int)
	for g := range placement.Group(placement.Groups) {
		for _, id := range l.Holders(g) {
			count[id]++
		}
	}
	return count
}

// anyNodes draws nodes with capacities from 100 GB to 4 TB, in up to six zones or none, some draining.
func anyNodes(t *rapid.T, least int) []placement.Node {
	nodes := equal(rapid.IntRange(least, 20).Draw(t, "nodes"))
	zones := rapid.IntRange(0, 6).Draw(t, "zones")
	for i := range nodes {
		nodes[i].Capacity = rapid.Int64Range(100, 4000).Draw(t, "capacity") << 30
		if zones > 0 {
			nodes[i].Zone = fmt.Sprintf("zone-%d", rapid.IntRange(0, zones-1).Draw(t, "zone"))
		}
		nodes[i].Draining = i >= least && rapid.IntRange(0, 9).Draw(t, "draining") == 0
	}
	return nodes
}

// someGroups draws groups to look at; looking at all takes long for nothing.
func someGroups(t *rapid.T) []placement.Group {
	return rapid.SliceOfN(rapid.Map(rapid.Uint16Range(0, placement.Groups-1), func(g uint16) placement.Group { return placement.Group(g) }), 64, 64).Draw(t, "groups")
}

func drawn(t *rapid.T, copies int, nodes []placement.Node) *placement.Layout {
	l, err := placement.NewLayout(copies, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEqualNodesCarryAboutTheSame(t *testing.T) {
	for _, n := range []int{3, 5, 10, 20, 30} {
		mean := float64(2*placement.Groups) / float64(n)
		for id, share := range shares(layoutOf(t, 2, equal(n))) {
			if part := float64(share) / mean; part > 1.10 || part < 0.90 {
				t.Errorf("%d nodes: %s has %.3f of the mean, want 0.90 to 1.10", n, id, part)
			}
		}
	}
}

func TestShareFollowsCapacity(t *testing.T) {
	nodes := equal(10)
	var total int64
	for i := range nodes {
		nodes[i].Capacity = int64(i+1) << 38
		total += nodes[i].Capacity
	}
	count := shares(layoutOf(t, 1, nodes))
	for _, n := range nodes {
		want := float64(n.Capacity) / float64(total)
		got := float64(count[n.ID]) / placement.Groups
		if got < want-0.01 || got > want+0.01 {
			t.Errorf("%s with %.3f of the capacity has %.3f of the groups", n.ID, want, got)
		}
	}
}

func TestOrderOfNodesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 1)
		shuffled := rapid.Permutation(nodes).Draw(t, "shuffled")
		a, b := drawn(t, 2, nodes), drawn(t, 2, shuffled)
		if a.Version() != b.Version() {
			t.Fatalf("versions %s and %s of the same nodes", a.Version(), b.Version())
		}
		for _, g := range someGroups(t) {
			if !slices.Equal(a.Holders(g), b.Holders(g)) {
				t.Fatalf("group %d: %v and %v", g, a.Holders(g), b.Holders(g))
			}
		}
	})
}

func TestEveryChangeChangesTheVersion(t *testing.T) {
	base := equal(3)
	changes := map[string]func(nodes []placement.Node) []placement.Node{
		"a node fewer":   func(n []placement.Node) []placement.Node { return n[:2] },
		"another id":     func(n []placement.Node) []placement.Node { n[1].ID = "x"; return n },
		"a zone":         func(n []placement.Node) []placement.Node { n[1].Zone = "attic"; return n },
		"more capacity":  func(n []placement.Node) []placement.Node { n[1].Capacity++; return n },
		"a node drained": func(n []placement.Node) []placement.Node { n[1].Draining = true; return n },
	}
	seen := map[placement.Version]string{layoutOf(t, 2, base).Version(): "nothing", layoutOf(t, 3, base).Version(): "more copies"}
	for name, change := range changes {
		version := layoutOf(t, 2, change(slices.Clone(base))).Version()
		if other, taken := seen[version]; taken {
			t.Errorf("%s and %s have the same version", name, other)
		}
		seen[version] = name
	}
}

func TestHoldersAreDistinctAndAsManyAsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 1)
		copies := rapid.IntRange(1, 4).Draw(t, "copies")
		l := drawn(t, copies, nodes)
		able := 0
		for _, n := range nodes {
			if !n.Draining {
				able++
			}
		}
		for _, g := range someGroups(t) {
			holders := l.Holders(g)
			if want := min(copies, able); len(holders) != want {
				t.Fatalf("group %d has %d holders, want %d", g, len(holders), want)
			}
			if distinct := slices.Compact(slices.Sorted(slices.Values(holders))); len(distinct) != len(holders) {
				t.Fatalf("group %d: %v has a node twice", g, holders)
			}
			if rank := l.Rank(g); len(rank) != able || !slices.Equal(rank[:len(holders)], holders) {
				t.Fatalf("group %d: holders %v, rank %v", g, holders, rank)
			}
			for _, id := range holders {
				if !l.Holds(id, g) {
					t.Fatalf("group %d: %s holds it and does not", g, id)
				}
			}
		}
	})
}

func TestHoldersAreSpreadOverAsManyZonesAsThereAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 2)
		copies := rapid.IntRange(1, 4).Draw(t, "copies")
		zones := make(map[placement.NodeID]string)
		all := make(map[string]bool)
		for _, n := range nodes {
			zone := n.Zone
			if zone == "" {
				zone = "alone " + string(n.ID)
			}
			zones[n.ID] = zone
			all[zone] = all[zone] || !n.Draining
		}
		able := 0
		for _, some := range all {
			if some {
				able++
			}
		}
		l := drawn(t, copies, nodes)
		for _, g := range someGroups(t) {
			used := make(map[string]bool)
			for _, id := range l.Holders(g) {
				used[zones[id]] = true
			}
			if want := min(able, len(l.Holders(g))); len(used) != want {
				t.Fatalf("group %d lies in %d zones, want %d", g, len(used), want)
			}
		}
	})
}

func TestDeathMovesOnlyWhatWasLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 2)
		copies := rapid.IntRange(1, 3).Draw(t, "copies")
		before := drawn(t, copies, nodes)
		dead := rapid.IntRange(0, len(nodes)-1).Draw(t, "dead")
		after := drawn(t, copies, slices.Delete(slices.Clone(nodes), dead, dead+1))
		for _, g := range someGroups(t) {
			for _, id := range before.Holders(g) {
				if id != nodes[dead].ID && !after.Holds(id, g) {
					t.Fatalf("group %d moved away from %s, which lives: %v, then %v", g, id, before.Holders(g), after.Holders(g))
				}
			}
		}
	})
}

func TestJoinMovesOnlyToTheNewcomer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 2)
		copies := rapid.IntRange(1, 3).Draw(t, "copies")
		newcomer := len(nodes) - 1
		before := drawn(t, copies, nodes[:newcomer])
		after := drawn(t, copies, nodes)
		for _, g := range someGroups(t) {
			for _, id := range after.Holders(g) {
				if id != nodes[newcomer].ID && len(before.Holders(g)) == len(after.Holders(g)) && !before.Holds(id, g) {
					t.Fatalf("group %d moved to %s, which is not new: %v, then %v", g, id, before.Holders(g), after.Holders(g))
				}
			}
		}
	})
}

func TestDrainMovesWhatADeathWould(t *testing.T) {
	nodes := equal(7)
	gone := layoutOf(t, 2, slices.Delete(slices.Clone(nodes), 3, 4))
	nodes[3].Draining = true
	drained := layoutOf(t, 2, nodes)
	for g := range placement.Group(placement.Groups) {
		if !slices.Equal(gone.Holders(g), drained.Holders(g)) {
			t.Fatalf("group %d: %v without the node, %v while it drains", g, gone.Holders(g), drained.Holders(g))
		}
	}
}

func TestKnownLayoutStaysKnown(t *testing.T) {
	// What is stored lies where an earlier program put it: these must never change.
	l := layoutOf(t, 2, []placement.Node{
		{ID: "12D3KooWA", Zone: "attic", Capacity: 500e9},
		{ID: "12D3KooWB", Zone: "attic", Capacity: 1000e9},
		{ID: "12D3KooWC", Zone: "cellar", Capacity: 2000e9},
	})
	got := fmt.Sprint(l.Version(), l.Holders(0), l.Holders(1), l.Holders(8191), l.Holders(16383))
	const want = "55a63c5ff27805e2 [12D3KooWC 12D3KooWB] [12D3KooWC 12D3KooWB] [12D3KooWC 12D3KooWA] [12D3KooWB 12D3KooWC]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGroupIsTheFirstBitsOfTheHash(t *testing.T) {
	for first, want := range map[[2]byte]placement.Group{{0, 0}: 0, {0, 3}: 0, {0, 4}: 1, {0x80, 0}: 8192, {0xff, 0xff}: placement.Groups - 1} {
		if got := placement.GroupOf(chunk.Ref{first[0], first[1]}); got != want {
			t.Errorf("group of %x… is %d, want %d", first, got, want)
		}
	}
}

func TestImpossibleLayoutsAreRefused(t *testing.T) {
	for name, make := range map[string]func() (*placement.Layout, error){
		"no copies":       func() (*placement.Layout, error) { return placement.NewLayout(0, equal(2)) },
		"too many copies": func() (*placement.Layout, error) { return placement.NewLayout(placement.MaxCopies+1, equal(2)) },
		"too many nodes":  func() (*placement.Layout, error) { return placement.NewLayout(2, equal(placement.MaxNodes+1)) },
		"a node twice":    func() (*placement.Layout, error) { return placement.NewLayout(2, append(equal(2), equal(1)...)) },
		"negative capacity": func() (*placement.Layout, error) {
			return placement.NewLayout(2, []placement.Node{{ID: "a", Capacity: -1}})
		},
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

func TestNobodyToHoldAnythingIsNoError(t *testing.T) {
	l := layoutOf(t, 2, nil)
	if got := l.Holders(5); len(got) != 0 {
		t.Errorf("holders %v of nobody", got)
	}
}

func BenchmarkHolders(b *testing.B) {
	for _, n := range []int{3, 30, placement.MaxNodes} {
		nodes := equal(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := layoutOf(b, 2, nodes)
			for g := placement.Group(0); b.Loop(); g++ {
				l.Holders(g % placement.Groups)
			}
		})
	}
}

// refsIn returns chunks that fall into one group.
func refsIn(g placement.Group, n int, random *rand.Rand) []chunk.Info {
	infos := make([]chunk.Info, n)
	for i := range infos {
		for j := range infos[i].Ref {
			infos[i].Ref[j] = byte(random.Uint32())
		}
		infos[i].Ref[0], infos[i].Ref[1] = byte(g>>6), byte(g<<2)|byte(random.Uint32()&3)
		infos[i].Size = 1 + random.Int64N(chunk.MaxSize)
	}
	return infos
}
