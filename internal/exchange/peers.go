package exchange

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// doubtFor is how long a node that failed, or was late, is asked after the others; lieFor the same for wrong bytes.
	doubtFor = 5 * time.Second
	lieFor   = time.Minute
	// fullFor is how long a node that was full is not asked to take a chunk.
	fullFor = 10 * time.Second
)

// peers remembers how other nodes did lately. Its methods may be called from many goroutines at once.
type peers struct {
	first recent // times to the first byte of a chunk
	whole recent // times to the last

	mu  sync.Mutex
	all map[placement.NodeID]*peer // guarded by mu
	// lies counts wrong bytes by who sent them; guarded by mu.
	lies map[placement.NodeID]int64
}

// peer is what is remembered of a node.
type peer struct {
	// outstanding are the bytes asked for and not here yet, a whole chunk for each.
	outstanding int64
	// latency is a moving mean of the time to the first byte.
	latency time.Duration
	// late counts the chunks in a row that another node sent first.
	late int
	// slow, doubted and full are until when the node is thought to be late, to fail, and to have no room.
	slow, doubted, full time.Time
}

func newPeers() *peers {
	return &peers{all: make(map[placement.NodeID]*peer), lies: make(map[placement.NodeID]int64)}
}

// of returns what is remembered of a node; mu is held.
func (p *peers) of(id placement.NodeID) *peer {
	known := p.all[id]
	if known == nil {
		known = &peer{}
		p.all[id] = known
	}
	return known
}

// asked notes that a node is asked for a chunk, and answered that this is over.
func (p *peers) asked(id placement.NodeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(id).outstanding += chunk.MaxSize
}

func (p *peers) answered(id placement.NodeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(id).outstanding -= chunk.MaxSize
}

// began notes how long a node took to send the first byte of a chunk.
func (p *peers) began(id placement.NodeID, after time.Duration) {
	p.first.add(after)
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(id)
	if known.latency == 0 {
		known.latency = after
	}
	known.latency += (after - known.latency) / 4
	known.late = 0
}

// tooLate is how many chunks in a row another node may send first.
const tooLate = 2

// overtaken notes that a node was late and another one sent the chunk, and whether it had sent nothing after that time.
func (p *peers) overtaken(id placement.NodeID, nothing bool, after time.Duration, now time.Time) {
	if nothing {
		// It would have taken at least so long, and when all are slow, asking everybody twice makes it worse.
		p.first.add(after)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(id)
	if known.late++; known.late >= tooLate {
		known.slow = now.Add(doubtFor)
	}
}

// doubt has a node asked after the others for a while.
func (p *peers) doubt(id placement.NodeID, now time.Time, during time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.of(id)
	if until := now.Add(during); until.After(known.doubted) {
		known.doubted = until
	}
}

func (p *peers) doubted(id placement.NodeID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(id).doubted.After(now)
}

// filled notes that a node had no room.
func (p *peers) filled(id placement.NodeID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(id).full = now.Add(fullFor)
}

func (p *peers) full(id placement.NodeID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(id).full.After(now)
}

// lied notes wrong bytes.
func (p *peers) lied(id placement.NodeID, now time.Time) {
	p.doubt(id, now, lieFor)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies[id]++
}

func (p *peers) lieCounts() map[placement.NodeID]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.lies)
}

// sort puts those first who neither fail nor are late, then those with the least outstanding, then the quickest.
func (p *peers) sort(ids []placement.NodeID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.SortStableFunc(ids, func(a, b placement.NodeID) int {
		one, other := p.of(a), p.of(b)
		return cmp.Or(
			compareBool(one.doubted.After(now), other.doubted.After(now)),
			compareBool(one.slow.After(now), other.slow.After(now)),
			cmp.Compare(one.outstanding, other.outstanding),
			cmp.Compare(one.latency, other.latency),
		)
	})
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	if a == b {
		return 0
	}
	if b {
		return -1
	}
	return 1
}

const (
	// samples are how many times are remembered, enough how many it takes to judge by them.
	samples = 128
	enough  = 8
)

// recent remembers the last times that something took.
type recent struct {
	mu    sync.Mutex
	times [samples]time.Duration // guarded by mu
	next  int                    // guarded by mu; counts all that were added
}

func (r *recent) add(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[r.next%samples] = took
	r.next++
}

// late returns the 95th percentile, within bounds, or usual while there are too few times.
func (r *recent) late(usual, least, most time.Duration) time.Duration {
	r.mu.Lock()
	n := min(r.next, samples)
	times := slices.Clone(r.times[:n])
	r.mu.Unlock()
	if n < enough {
		return usual
	}
	slices.Sort(times)
	return min(max(times[n*95/100], least), most)
}
