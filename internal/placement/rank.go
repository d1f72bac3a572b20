package placement

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"

	"shoal/internal/chunk"
)

// Groups is how many groups there are: enough to share them out evenly among a few dozen nodes, few enough to look
// through in no time.
const Groups = 1 << groupBits

const groupBits = 14

// Group is a placement group: the chunks whose hashes begin with the same bits.
type Group uint16

// GroupOf returns the group that a chunk belongs to.
func GroupOf(ref chunk.Ref) Group {
	return Group(binary.BigEndian.Uint16(ref[:2]) >> (16 - groupBits))
}

// Copies returns how many copies of a chunk are wanted.
func (l *Layout) Copies() int { return l.copies }

// Version names the layout.
func (l *Layout) Version() Version { return l.version }

// Nodes yields the nodes in the order of their ids.
func (l *Layout) Nodes() iter.Seq[Node] { return slices.Values(l.nodes) }

// Holders returns the nodes that are to hold a group, the first to be asked first: as many as copies are wanted,
// or all that promise room.
func (l *Layout) Holders(g Group) []NodeID { return l.choose(g, l.copies) }

// Holds tells whether a node is one of a group's holders.
func (l *Layout) Holds(id NodeID, g Group) bool { return slices.Contains(l.Holders(g), id) }

// Rank returns all nodes that promise room in the order in which they would come to hold a group: its holders, and
// then who takes a copy when one of them cannot.
func (l *Layout) Rank(g Group) []NodeID { return l.choose(g, len(l.able)) }

// candidate is a node that may hold something.
type candidate struct {
	id     NodeID
	seed   uint64
	weight uint64
	zone   int
}

// enlist finds the nodes that may hold something and numbers their zones.
func (l *Layout) enlist() {
	zones := make(map[string]int)
	for _, n := range l.nodes {
		if n.Draining || n.Capacity == 0 {
			continue
		}
		zone, known := zones[n.Zone]
		if n.Zone == "" || !known {
			zone = l.zones
			zones[n.Zone] = zone
			l.zones++
		}
		digest := sha256.Sum256([]byte(n.ID))
		l.able = append(l.able, candidate{n.ID, binary.BigEndian.Uint64(digest[:8]), uint64(n.Capacity), zone})
	}
}

// choose returns the best nodes for a group: the best of all, then the best in a zone that has none yet, and when every
// zone has one, the best of what is left.
func (l *Layout) choose(g Group, number int) []NodeID {
	number = min(number, len(l.able))
	round := draw{able: l.able, scores: make([]score, len(l.able)), taken: make([]bool, len(l.able)), used: make([]bool, l.zones)}
	for i, n := range l.able {
		round.scores[i] = score{n.weight, minusLog2(mix(n.seed ^ mix(uint64(g)+1)))}
	}
	chosen := make([]NodeID, 0, number)
	for fresh := true; len(chosen) < number; {
		best := round.best(fresh)
		if best < 0 {
			fresh = false
			continue
		}
		round.taken[best], round.used[l.able[best].zone] = true, true
		chosen = append(chosen, l.able[best].id)
	}
	return chosen
}

// draw is the choosing of one group's holders.
type draw struct {
	able   []candidate
	scores []score
	taken  []bool // of able
	used   []bool // of zones
}

// best returns the index of the node with the highest score, in a zone without a holder if fresh; -1 for none.
func (d *draw) best(fresh bool) int {
	best := -1
	for i, n := range d.able {
		if d.taken[i] || fresh && d.used[n.zone] {
			continue
		}
		if best < 0 || d.scores[i].beats(d.scores[best]) {
			best = i
		}
	}
	return best
}

// score is weight / -log2(u) for a u that node and group make between 0 and 1, kept as a fraction of integers: floating
// point may be rounded differently on another machine, and all must agree. With it, each node wins as often as its weight says.
type score struct{ weight, loss uint64 }

// beats compares the fractions; of equals, the one that came first stays.
func (s score) beats(other score) bool {
	high, low := bits.Mul64(s.weight, other.loss)
	otherHigh, otherLow := bits.Mul64(other.weight, s.loss)
	return high > otherHigh || high == otherHigh && low > otherLow
}

// lossBits is enough for shares that are right to a millionth.
const lossBits = 24

// minusLog2 returns -log2(h / 2^64) with lossBits binary places, at least the smallest step. The whole part is the
// number of leading zeros; the rest comes bit by bit from squaring.
func minusLog2(h uint64) uint64 {
	h |= 1
	zeros := bits.LeadingZeros64(h)
	mantissa := h << zeros // in [1, 2), with 63 binary places
	var fraction uint64
	for range lossBits {
		high, low := bits.Mul64(mantissa, mantissa)
		fraction <<= 1
		if high >= 1<<63 { // the square is 2 or more
			fraction |= 1
			mantissa = high
		} else {
			mantissa = high<<1 | low>>63
		}
	}
	return max(1, uint64(zeros+1)<<lossBits-fraction)
}

// mix spreads every bit of x over the result (the finisher of SplitMix64, Steele et al. 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
