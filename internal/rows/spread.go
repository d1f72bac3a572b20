package rows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// Protocol names the streams of a Spread.
const Protocol = "/shoal/rows/1"

const (
	// lookEvery is how often a Spread looks who is alive.
	lookEvery = 500 * time.Millisecond
	// reconcileEvery is how often a node exchanges all rows with some other one, and reconcileWithin how long no other one is
	// left out, each give or take a quarter.
	reconcileEvery  = time.Minute
	reconcileWithin = 4 * time.Minute
	// exchangeWithin bounds what one exchange may take. What came until then stays.
	exchangeWithin = 10 * time.Minute
	dialWithin     = 5 * time.Second
	// pauseFirst and pauseLast are how long to wait after an exchange that failed.
	pauseFirst = time.Second
	pauseLast  = time.Minute
	// oweWithin is how soon after the last exchange there is another when something could not be passed on.
	oweWithin = 5 * time.Second
)

// Named is a table by the name that it has on all nodes.
type Named struct {
	Name  string
	Table *Table
}

// SpreadConfig says what a Spread keeps alike, and with whom; all of it is needed.
type SpreadConfig struct {
	// Tables are exchanged in this order: who may write in a table may be told by the one before.
	Tables []Named
	// Peers returns the other nodes that are alive. It is asked often, so it should cost little.
	Peers func() []string
	// Dial opens a stream to another node; ctx bounds the opening. Closing the stream before its end was read gives it up.
	Dial func(ctx context.Context, to, protocol string) (net.Conn, error)
	Log  *slog.Logger
}

// Spread keeps tables alike on many nodes: what this node writes is pushed to all others that are alive, and with each all rows are
// exchanged when it appears and every few minutes, so that a push may fail. Its methods may be called from many goroutines at once.
type Spread struct {
	cfg      SpreadConfig
	asking   lanes
	answered lanes
	work     sync.WaitGroup

	mu       sync.Mutex
	partners map[string]*partner // guarded by mu; those that are alive
	served   map[string]int      // guarded by mu; streams by who opened them
	total    int                 // guarded by mu
}

// partner is another node that is alive.
type partner struct {
	id       string
	queue    queue
	exchange func()
	stop     context.CancelFunc

	// What follows is guarded by the Spread's mu.
	due   time.Time // of the next exchange
	last  time.Time // when one began
	pause time.Duration
	busy  bool
	// refused says that rows from it were not taken because of who wrote them, which may change.
	refused bool
}

// NewSpread returns a Spread that is told from now on what its tables write, and spreads it when it is run.
func NewSpread(cfg SpreadConfig) *Spread {
	s := &Spread{cfg: cfg, partners: make(map[string]*partner), served: make(map[string]int)}
	for i, named := range cfg.Tables {
		pass := func(encoded []byte) { s.pass(i, encoded) }
		named.Table.wrote.Store(&pass)
	}
	return s
}

// Run spreads until ctx ends, and then waits for all that it has begun; what waits to be pushed has a second to go.
func (s *Spread) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.look(ctx, time.Now())
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	s.work.Wait()
}

// look begins with those that appeared, ends with those that went, and starts the exchanges that are due.
func (s *Spread) look(ctx context.Context, now time.Time) {
	alive := make(map[string]bool)
	for _, id := range s.cfg.Peers() {
		alive[id] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, p := range s.partners {
		if !alive[id] {
			p.stop()
			delete(s.partners, id)
		}
	}
	for id := range alive {
		p := s.partners[id]
		if p == nil {
			p = s.begin(ctx, id, now)
		}
		if !p.busy && !now.Before(p.due) {
			p.busy = true
			s.work.Go(p.exchange)
		}
	}
}

// begin is called with mu held. Two that appear to each other do not ask at the same moment.
func (s *Spread) begin(ctx context.Context, id string, now time.Time) *partner {
	p := &partner{id: id, due: now.Add(rand.N(lookEvery))}
	p.queue.parcels = make(chan parcel, queuedRows)
	ctx, p.stop = context.WithCancel(ctx)
	p.exchange = func() { s.reconcile(ctx, p) }
	s.partners[id] = p
	s.work.Go(func() { s.push(ctx, p) })
	return p
}

// pass queues a row for everybody. It is called with the table's writes held, and does not block.
func (s *Spread) pass(table int, encoded []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.partners {
		if !p.queue.add(parcel{table, encoded}) {
			s.oweLocked(p)
		}
	}
	if table < len(s.cfg.Tables)-1 {
		s.hopeLocked()
	}
}

// owe says that a node lacks something, or has what is lacking here, and an exchange is to come soon.
func (s *Spread) owe(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.partners[id]; p != nil {
		s.oweLocked(p)
	}
}

func (s *Spread) oweLocked(p *partner) {
	soon := time.Now().Add(pauseFirst)
	if least := p.last.Add(oweWithin); least.After(soon) {
		soon = least
	}
	if p.pause == 0 && soon.Before(p.due) || p.busy {
		p.due = soon
	}
}

// hopeLocked gives those another chance whose rows were refused, when there is news of who may write.
func (s *Spread) hopeLocked() {
	for _, p := range s.partners {
		if p.refused {
			p.refused = false
			s.oweLocked(p)
		}
	}
}

// merged notes what came of rows from a node.
func (s *Spread) merged(from, table string, taken int, err error) {
	refused := errors.Is(err, ErrRefused)
	hope := taken > 0 && table != s.lastTable()
	if !refused && !hope {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if hope {
		s.hopeLocked()
	}
	if p := s.partners[from]; p != nil && refused {
		p.refused = true
	}
}

func (s *Spread) lastTable() string { return s.cfg.Tables[len(s.cfg.Tables)-1].Name }

// reconcile exchanges all tables with a partner.
func (s *Spread) reconcile(ctx context.Context, p *partner) {
	err := s.reconcileAll(ctx, p)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("rows were not exchanged", "node", p.id, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.busy = false
	if err != nil && !errors.Is(err, ErrRefused) {
		p.pause = min(max(pauseFirst, 2*p.pause), pauseLast)
		p.due = time.Now().Add(p.pause/2 + rand.N(p.pause))
	}
}

func (s *Spread) reconcileAll(ctx context.Context, p *partner) error {
	lane, err := s.asking.enter(ctx)
	if err != nil {
		return err
	}
	defer s.asking.leave(lane)
	if !s.start(p) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeWithin)
	defer cancel()
	var refused error
	for _, named := range s.cfg.Tables {
		err := s.reconcileTable(ctx, p, named, lane)
		if err != nil && !errors.Is(err, ErrRefused) {
			return fmt.Errorf("exchange %s: %w", named.Name, err)
		}
		if err != nil {
			refused = fmt.Errorf("exchange %s: %w", named.Name, err)
		}
	}
	return refused
}

// start notes that an exchange begins, unless the partner has made it needless while it waited for its lane.
func (s *Spread) start(p *partner) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(p.due) {
		return false
	}
	s.settleLocked(p, now)
	return true
}

// settleLocked sets when the next exchange is due after one that begins now, or was answered.
func (s *Spread) settleLocked(p *partner, now time.Time) {
	every := min(time.Duration(len(s.partners))*reconcileEvery, reconcileWithin)
	p.last, p.pause = now, 0
	p.due = now.Add(every*3/4 + rand.N(every/2+1))
}

// reconcileTable exchanges a table until it is alike, which takes more than one stream only when very much differs.
func (s *Spread) reconcileTable(ctx context.Context, p *partner, named Named, lane *lane) error {
	for {
		done, err := s.exchange(ctx, p.id, named, lane)
		s.merged(p.id, named.Name, done.Taken, err)
		if done != (Exchanged{}) {
			s.cfg.Log.Debug("rows were exchanged", "table", named.Name, "node", p.id, "sent", done.Sent, "taken", done.Taken)
		}
		if err != nil || !done.More || done.Sent+done.Taken == 0 {
			return err
		}
	}
}

func (s *Spread) exchange(ctx context.Context, id string, named Named, lane *lane) (Exchanged, error) {
	conn, err := s.dial(ctx, id, lane.move)
	if err != nil {
		return Exchanged{}, err
	}
	defer conn.Close()
	l := newLink(conn)
	if err := l.send(hello{forExchange, named.Name}.encode()); err != nil {
		return Exchanged{}, err
	}
	return named.Table.sync(ctx, l)
}

func (s *Spread) dial(ctx context.Context, id string, moved func()) (net.Conn, error) {
	opening, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	conn, err := s.cfg.Dial(opening, id, Protocol)
	if err != nil {
		return nil, err
	}
	return newBound(ctx, conn, moved), nil
}

// table returns the table of a name.
func (s *Spread) table(name string) (*Table, bool) {
	i := slices.IndexFunc(s.cfg.Tables, func(n Named) bool { return n.Name == name })
	if i < 0 {
		return nil, false
	}
	return s.cfg.Tables[i].Table, true
}
