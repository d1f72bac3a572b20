// Package repair sees to it that a node holds what the layout wants it to hold: it pulls the chunks that the node lacks
// from those that have them, gives back what others hold now, and tells when a node that is to leave may be switched
// off. Every node sees to its own, so nobody has to lead: a node that joins pulls its share, and when one is lost, those
// that take its place pull from those that are left.
//
// Everything that a round finds out is found out anew by the next one. So a round may end anywhere, and costs
// nothing when nothing differs: two nodes compare one digest a group, and only what differs is listed.
package repair

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// defaultRate is bytes a second, defaultEvery the time between two rounds that nobody asked for.
	defaultRate  = 20_000_000
	defaultEvery = 10 * time.Minute
	// startDelay leaves a node that has just started the time to hear of others.
	startDelay = 5 * time.Second
	// settle is how long after a change a round begins, so that changes that come together are one.
	settle = time.Second
	// retryRound is when a round is tried again that did not hear everybody.
	retryRound = time.Minute
	// fullEvery is how often a round looks for what is lost though nothing changed, fullDelay how long after a start for the
	// first time.
	fullEvery = 24 * time.Hour
	fullDelay = 10 * time.Minute
)

// Digest stands for the chunks of one group on one node. Equal digests mean equal chunks; the zero Digest means none.
type Digest struct {
	Chunks uint32
	Sum    [16]byte
}

// Peers are the other nodes. Its methods may be called from many goroutines at once, and end when ctx does. What they
// return of another node is believed as far as it goes only: chunks are checked, and copies are verified before this
// node deletes its own.
type Peers interface {
	// Digests returns one Digest for each of groups, which ascend.
	Digests(ctx context.Context, node placement.NodeID, groups []placement.Group) ([]Digest, error)
	// List yields what a node has of groups, which ascend, and at most one error, as its last pair.
	List(ctx context.Context, node placement.NodeID, groups ...placement.Group) iter.Seq2[chunk.Info, error]
	// Fetch returns a chunk from the first of some nodes that sends it, verified. The caller may give it to chunk.Release.
	Fetch(ctx context.Context, from []placement.NodeID, info chunk.Info) ([]byte, error)
	// Verify has a node read its copy anew; nil says that it is whole. The node answers with Repairer.Vouch.
	Verify(ctx context.Context, node placement.NodeID, ref chunk.Ref) error
}

// Local is this node's own disk. Its methods may be called from many goroutines at once; a disk.Chunks has all but the
// first and the last.
type Local interface {
	// Digests returns one Digest for each of groups, which ascend: the same that other nodes are told.
	Digests(ctx context.Context, groups []placement.Group) ([]Digest, error)
	// Walk visits the chunks after one in the order of their names, with the time each was put.
	Walk(ctx context.Context, after chunk.Ref, visit func(info chunk.Info, put time.Time) error) error
	// Put is durable when it returns, or chunk.ErrFull.
	Put(ctx context.Context, data []byte) (chunk.Stored, error)
	// Stat returns chunk.ErrNotFound for what is not there.
	Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error)
	// Verify reads a chunk anew; one that is corrupt is put aside.
	Verify(ctx context.Context, ref chunk.Ref) error
	// DeleteBefore deletes a chunk that was last put before limit, in one step, and returns its size.
	DeleteBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (freed int64, err error)
	// Room returns how many bytes may still be put; it is cheap.
	Room() int64
}

// Config says what a Repairer works with. Its functions may be called from many goroutines at once and do not block,
// except Wanted.
type Config struct {
	Self  placement.NodeID
	Local Local
	Peers Peers
	// Layouts returns the newest layout, which repair works towards, and then those before it; never none.
	Layouts func() []*placement.Layout
	// Alive tells whether a node is thought to answer.
	Alive func(placement.NodeID) bool
	// Wanted calls visit with the chunks that live videos and the imports of this node need, in any order and perhaps
	// more than once. A chunk that was put at young or later may belong to an import on another node; zero when no
	// import is unfinished anywhere. An error says that there may be more: then every chunk counts as wanted. It is
	// expensive, and called only in rounds that find something to do.
	Wanted func(ctx context.Context, visit func(chunk.Ref)) (young time.Time, err error)
	// Urgency is higher for chunks that were watched recently; nil when nothing is known.
	Urgency func(chunk.Ref) int
	// Watching tells whether people watch from this node, which halves the rate; nil for never.
	Watching func() bool
	// Waiting tells whether so many nodes vanished at once that an operator is asked first; nil for never.
	Waiting func() bool
	// Rate is how many bytes a second are pulled, or verified for what is to be given back; 0 for 20 MB.
	// Chunks of which one copy is left may take twice as much.
	Rate int64
	// Every is the time between two rounds that nobody asked for; 0 for 10 minutes.
	Every time.Duration
	// Events is told what happens; nil for nobody.
	Events func(Event)
	// Log is told what an operator should know; nil for nowhere.
	Log *slog.Logger
}

// Repairer sees to what one node holds. Its methods may be called from many goroutines at once.
type Repairer struct {
	cfg     Config
	log     *slog.Logger
	queue   *queue
	limiter *rate.Limiter
	failing failures
	vouched vouched
	// kick asks for a round soon, now for one at once; failed tells of a chunk that is to be tried again, resume that copying
	// may go on.
	kick, now, failed, resume chan struct{}
	// planning is held while a plan is made for somebody.
	planning chan struct{}
	// checked belongs to the goroutine of the rounds.
	checked checkedGroups

	mu sync.Mutex
	// All below is guarded by mu.
	places   place
	since    time.Time // when the newest layout became that
	started  time.Time // when Run began
	forced   bool      // an operator said Now while Waiting
	checking bool      // a round is under way
	full     bool      // the disk has no room for what is to come
	refused  time.Time // when the disk last refused a chunk
	last     outcome
	drain    drainage
	unheard  int       // how many rounds in a row did not hear all that are alive
	ended    time.Time // when the last round ended
	// fullAsked is true when somebody wants to know what is lost. fullEnd is when the last round ended that looked for that
	// and heard everybody, fullVersion its layout's version.
	fullAsked   bool
	fullEnd     time.Time
	fullVersion placement.Version
	work        work
	meter       meter
	total       Total // copied since the start
	freed       Total // given back since the start
}

// New returns a Repairer; nothing is done until Run.
func New(cfg Config) *Repairer {
	if cfg.Rate == 0 {
		cfg.Rate = defaultRate
	}
	if cfg.Every == 0 {
		cfg.Every = defaultEvery
	}
	if cfg.Urgency == nil {
		cfg.Urgency = func(chunk.Ref) int { return 0 }
	}
	never := func() bool { return false }
	if cfg.Watching == nil {
		cfg.Watching = never
	}
	if cfg.Waiting == nil {
		cfg.Waiting = never
	}
	if cfg.Events == nil {
		cfg.Events = func(Event) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Repairer{
		cfg: cfg, log: cfg.Log, queue: newQueue(queueBound), limiter: rate.NewLimiter(rate.Limit(cfg.Rate), 2*chunk.MaxSize),
		kick: make(chan struct{}, 1), now: make(chan struct{}, 1), failed: make(chan struct{}, 1), resume: make(chan struct{}, 1),
		planning: make(chan struct{}, 1),
	}
}

// Run repairs until ctx ends, and then returns nil.
func (r *Repairer) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { r.rounds(ctx) })
	all.Go(func() { r.copies(ctx) })
	all.Go(func() { r.spares(ctx) })
	all.Wait()
	return nil
}

// Kick has a round begin soon: who is alive changed, or the layout, or something was written to fewer nodes than wanted.
func (r *Repairer) Kick() { signal(r.kick) }

// Now has a round begin at once, forgets which chunks failed, and goes on where Config.Waiting asks for an operator,
// until that is over.
func (r *Repairer) Now() {
	r.mu.Lock()
	r.forced, r.fullAsked = true, true
	r.mu.Unlock()
	r.failing.clear()
	signal(r.now)
	signal(r.resume)
}

// signal tells a goroutine that there is work, unless it knows already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// paused tells whether nothing may be copied or deleted until an operator says Now.
func (r *Repairer) paused() bool {
	waiting := r.cfg.Waiting()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !waiting {
		r.forced = false
	}
	return waiting && !r.forced
}
