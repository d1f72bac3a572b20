package swarm

import (
	"net/netip"
	"slices"
	"time"
)

// Arrival is a viewer who joins, as the host of the room knows it.
type Arrival struct {
	ID    ID
	Name  string
	Share Share
	// Address is where the node sees the viewer; the zero Addr when it cannot know.
	Address netip.Addr
	// Direct tells that no proxy stands between.
	Direct bool
	// Returns tells that the viewer was in a room of this video before the node started.
	Returns bool
}

const (
	// connectTime is how long a viewer may take for its first connection before the room counts it as alone.
	connectTime = 5 * time.Second
	// doubtTime is how long a viewer who did not keep what it promised counts for nothing.
	doubtTime = time.Minute
	// maxPast and maxParted bound what a viewer remembers of others.
	maxPast, maxParted = 16, 64
	// maxTold bounds the chunks that a viewer is remembered to wait for.
	maxTold = 64
)

// viewer is what a room knows of one of its viewers. It is kept small: there may be 10,000.
type viewer struct {
	id      ID
	name    string
	share   Share
	address netip.Addr
	direct  bool
	network *network
	places  [rosterKinds]int32 // where it stands in each roster

	joined, left, stateAt time.Time // left is zero while it is here
	shares                time.Time // since when it takes part: its share was off before
	position, buffer      float32
	renditions            []uint16
	place                 placeKey
	placed                bool
	peers                 int
	bytes, base           Bytes
	hasBase               bool
	told                  int // the number of viewers that it was told last

	have    spans
	counted bool // whether have is in the tallies
	leases  []*lease
	waits   []chunkKey
	ready   []readySince

	ties   []tie
	past   []pastTie
	parted []ID
	tryAt  time.Time
	tries  int
	fails  int
	// improved is when its neighbours were last exchanged.
	improved time.Time

	lapses    int
	lapsedAt  time.Time
	doubted   time.Time // until when
	doubts    []doubt
	reporters []ID
	accused   int

	messages, signals, switches bucket
}

// tie joins two neighbours; each has one for the other.
type tie struct {
	peer *viewer
	// random is set on the one that is there to keep the room together.
	random bool
}

// pastTie is a neighbour that was, and until when it is not to be one again.
type pastTie struct {
	id    ID
	avoid time.Time
}

type readySince struct {
	chunk chunkKey
	since time.Time
}

// doubt is how often a viewer had to fetch itself what another said it had.
type doubt struct {
	by    ID
	count int
	since time.Time
}

func (v *viewer) present() bool { return v.left.IsZero() }

// gives tells whether a viewer passes on what it has, as far as its share says.
func (v *viewer) gives() bool { return v.share == ShareAll || v.share == ShareLAN }

// alone tells that a viewer had its time and is connected to nobody.
func (v *viewer) alone() bool { return v.peers == 0 && v.stateAt.Sub(v.shares) > connectTime }

// stranded tells that connections to a viewer never come about.
func (v *viewer) stranded() bool { return v.fails >= 3 && v.peers == 0 }

// helps tells whether it is of use to others when v fetches something.
func (v *viewer) helps(now time.Time) bool {
	return v.gives() && !v.alone() && !now.Before(v.doubted)
}

func (v *viewer) tieTo(p *viewer) int {
	return slices.IndexFunc(v.ties, func(t tie) bool { return t.peer == p })
}

func (v *viewer) waitsFor(c chunkKey) bool { return slices.Contains(v.waits, c) }

// near tells whether the node sees two viewers on the same network.
func near(a, b *viewer) bool { return a.network != nil && a.network == b.network }

// exchange tells whether two viewers may be introduced, as far as their switches say.
func exchange(a, b *viewer) bool {
	switch {
	case a == b, a.share == ShareOff, b.share == ShareOff, !a.gives() && !b.gives():
		return false
	case a.share == ShareLAN, b.share == ShareLAN:
		return near(a, b)
	}
	return true
}

// supplies tells whether b may get a chunk straight from a.
func supplies(a, b *viewer) bool { return a.gives() && exchange(a, b) && !a.isParted(b.id) }

func (v *viewer) isParted(id ID) bool { return slices.Contains(v.parted, id) }

// avoids tells whether v is not to be introduced to another just now.
func (v *viewer) avoids(id ID, now time.Time) bool {
	return v.isParted(id) || slices.ContainsFunc(v.past, func(p pastTie) bool { return p.id == id && now.Before(p.avoid) })
}

// knew tells whether v was ever introduced to another, as far as it is remembered.
func (v *viewer) knew(id ID) bool {
	return slices.ContainsFunc(v.ties, func(t tie) bool { return t.peer.id == id }) ||
		slices.ContainsFunc(v.past, func(p pastTie) bool { return p.id == id })
}

func (v *viewer) remember(id ID, avoid time.Time) {
	v.past = slices.DeleteFunc(v.past, func(p pastTie) bool { return p.id == id })
	v.past = appendBounded(v.past, pastTie{id, avoid}, maxPast)
}

// shorten ends that v avoids another because they were neighbours until a moment ago.
func (v *viewer) shorten(id ID, now time.Time) {
	for i := range v.past {
		if p := &v.past[i]; p.id == id && !p.avoid.After(now.Add(avoidSoon)) {
			p.avoid = now
		}
	}
}

func (v *viewer) part(id ID) {
	if !v.isParted(id) {
		v.parted = appendBounded(v.parted, id, maxParted)
	}
}

// appendBounded appends x, in the place of the oldest if there are too many.
func appendBounded[T any](list []T, x T, most int) []T {
	if len(list) >= most {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, x)
}

// bucket lets so many through at once, and so many a second.
type bucket struct {
	used float32
	at   time.Time
}

func (b *bucket) take(now time.Time, burst, rate float32) bool {
	if gone := now.Sub(b.at); gone > 0 {
		b.used, b.at = max(0, b.used-float32(gone.Seconds())*rate), now
	}
	if b.used+1 > burst {
		return false
	}
	b.used++
	return true
}

// roster is a set of viewers that one can be taken from at random.
type roster struct {
	kind    int
	members []*viewer
}

// The rosters that a viewer may stand in, one of each kind.
const (
	inRoom = iota
	inNetwork
	inPlace
	rosterKinds
)

func (r *roster) add(v *viewer) {
	v.places[r.kind] = int32(len(r.members))
	r.members = append(r.members, v)
}

func (r *roster) remove(v *viewer) {
	i, last := v.places[r.kind], len(r.members)-1
	r.members[i] = r.members[last]
	r.members[i].places[r.kind] = i
	r.members[last] = nil
	r.members = r.members[:last]
}

// network is viewers that can reach each other without the internet.
type network struct {
	key netip.Prefix
	roster
	// lan is how many of them share with their own network only. While there are any, held counts what all have.
	lan  int
	held tally
}

// networkOf returns what viewers at an address have in common with others on their network; invalid for nothing.
func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen() // one public IPv4 address is one network
	switch {
	case !a.IsValid():
		return netip.Prefix{}
	case a.IsLoopback():
		return netip.PrefixFrom(netip.IPv6Loopback(), 128)
	case a.Is6():
		bits = 64
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		bits = 24
	}
	return netip.PrefixFrom(a, bits).Masked()
}
