package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"shoal/internal/chunk"
)

// Held says which chunks of one group a node was found to hold.
type Held map[NodeID]map[chunk.Ref]int64

// Copy is one chunk that is to be copied.
type Copy struct {
	Chunk chunk.Info
	Group Group
	// From has the nodes that hold the chunk, those that are to keep it first.
	From []NodeID
	To   NodeID
}

// Surplus is a chunk that a node holds and need not: it may go once the holders have verified theirs.
type Surplus struct {
	Chunk chunk.Info
	Node  NodeID
}

// Plan says what makes the nodes hold what the layout says. It can be printed, carried out in part, and made anew:
// what was done is not in it any more.
type Plan struct {
	Layout Version
	// Copies begins with the chunks of which the fewest copies are left.
	Copies []Copy
	// Surplus has only chunks that every holder has.
	Surplus []Surplus
	// Lost are wanted chunks that no node was found to hold.
	Lost []chunk.Info
}

// Bytes returns how much is to be copied.
func (p *Plan) Bytes() int64 {
	var total int64
	for _, c := range p.Copies {
		total += c.Chunk.Size
	}
	return total
}

// Add puts in what one group needs, given what its nodes hold, and which chunks of it are wanted; a nil wanted means all
// that anybody holds. Nodes outside held are silent: nothing is copied from them, and nothing is said to be lost while
// one of the group's holders is silent.
func (p *Plan) Add(l *Layout, g Group, held Held, wanted []chunk.Info) {
	holders := l.Holders(g)
	silent := slices.ContainsFunc(holders, func(id NodeID) bool { _, heard := held[id]; return !heard })
	for _, info := range wantedIn(held, wanted) {
		from := holdersOf(info.Ref, held, holders)
		if len(from) == 0 {
			if !silent {
				p.Lost = append(p.Lost, info)
			}
			continue
		}
		missing := 0
		for _, to := range holders {
			if _, heard := held[to]; !heard || slices.Contains(from, to) {
				continue
			}
			missing++
			p.Copies = append(p.Copies, Copy{info, g, from, to})
		}
		if missing == 0 && !silent {
			p.addSurplus(info, from, holders)
		}
	}
}

func (p *Plan) addSurplus(info chunk.Info, from, holders []NodeID) {
	for _, id := range from {
		if !slices.Contains(holders, id) {
			p.Surplus = append(p.Surplus, Surplus{info, id})
		}
	}
}

// wantedIn returns the wanted chunks in the order of their refs.
func wantedIn(held Held, wanted []chunk.Info) []chunk.Info {
	if wanted == nil {
		sizes := make(map[chunk.Ref]int64)
		for _, chunks := range held {
			for ref, size := range chunks {
				sizes[ref] = size
			}
		}
		for ref, size := range sizes {
			wanted = append(wanted, chunk.Info{Ref: ref, Size: size})
		}
	}
	return slices.SortedFunc(slices.Values(wanted), func(a, b chunk.Info) int { return slices.Compare(a.Ref[:], b.Ref[:]) })
}

// holdersOf returns who holds a chunk: those that are to hold it in their order, then others in the order of their ids.
func holdersOf(ref chunk.Ref, held Held, holders []NodeID) (from []NodeID) {
	for _, id := range holders {
		if _, has := held[id][ref]; has {
			from = append(from, id)
		}
	}
	begin := len(from)
	for id, chunks := range held {
		if _, has := chunks[ref]; has && !slices.Contains(holders, id) {
			from = append(from, id)
		}
	}
	slices.Sort(from[begin:])
	return from
}

// Sort puts the most endangered chunks first; of those, the ones that urgency gives the higher number. The order of the
// rest is the same on every node.
func (p *Plan) Sort(urgency func(chunk.Ref) int) {
	slices.SortStableFunc(p.Copies, func(a, b Copy) int {
		return cmp.Or(
			cmp.Compare(len(a.From), len(b.From)),
			-cmp.Compare(urgency(a.Chunk.Ref), urgency(b.Chunk.Ref)),
			slices.Compare(a.Chunk.Ref[:], b.Chunk.Ref[:]),
			cmp.Compare(a.To, b.To),
		)
	})
}

// String is the plan for people to read.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "layout %s: %d chunks to copy (%d bytes), %d to spare, %d lost\n", p.Layout, len(p.Copies), p.Bytes(), len(p.Surplus), len(p.Lost))
	for _, c := range p.Copies {
		fmt.Fprintf(&b, "copy %s (%d bytes) from %s to %s\n", c.Chunk.Ref, c.Chunk.Size, c.From[0], c.To)
	}
	for _, s := range p.Surplus {
		fmt.Fprintf(&b, "spare %s at %s\n", s.Chunk.Ref, s.Node)
	}
	for _, lost := range p.Lost {
		fmt.Fprintf(&b, "lost %s\n", lost.Ref)
	}
	return b.String()
}
