package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"shoal/internal/cache"
	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// DefaultCache is how many bytes of chunks from other nodes are kept in memory.
const DefaultCache = 64 << 20

// Config says what a Store works with. Its functions may be called from many goroutines at once, and do not block.
type Config struct {
	Self placement.NodeID
	// Disk is this node's own, and Groups what it has.
	Disk   Disk
	Groups *Groups
	// Layouts returns the newest layout, and then those before it where chunks may still lie; never none.
	Layouts func() []*placement.Layout
	// Alive tells whether another node is thought to answer. One that is not is not asked.
	Alive func(placement.NodeID) bool
	// Full tells whether another node is known to have no room; nil when that is not known.
	Full func(placement.NodeID) bool
	// Dial reaches other nodes.
	Dial Dial
	// CacheBytes bounds the chunks from other nodes that are kept in memory; 0 is DefaultCache, less is none. As much again may be held by
	// open readers; what goes beyond that, as with a thousand slow viewers, lies in files of the folder Temp until it was read.
	// Chunks on their way come on top. With an empty Temp all is in memory.
	CacheBytes int64
	Temp       string
	// UnderCopied is told of each chunk that was put to fewer nodes than wanted; nil for nobody.
	UnderCopied func(info chunk.Info, copies int)
	// Log is told what an operator should know; nil for nowhere.
	Log *slog.Logger
}

// Store is the chunk.Store of a node among others: what is put is durable on as many nodes as copies are wanted, or on all there are;
// what is opened comes from wherever it lies. Delete is of this node's own copy alone: every node deletes for itself what it need not hold.
// So a chunk is deleted when every node has deleted it. Beside the errors of chunk.Store there is ErrUnreachable, and Missing says more.
type Store struct {
	cfg    Config
	log    *slog.Logger
	client *Client
	// recent holds each block that it keeps; all calls are made with mu held
	recent *cache.Cache[chunk.Ref, *block]
	// putting has a chunk put by one caller at a time, so that one of them learns that it is new.
	putting chunk.Locks
	// life is that of the goroutines in tasks; end ends it.
	life  context.Context
	end   context.CancelFunc
	tasks sync.WaitGroup
	stats storeStats
	// pinned is how many bytes open readers hold in memory.
	pinned atomic.Int64

	mu      sync.Mutex
	closed  bool                  // guarded by mu
	flights map[chunk.Ref]*flight // guarded by mu
}

var _ chunk.Store = (*Store)(nil)

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("store is closed")

// New returns the store of a node. The caller closes it when nobody uses it any more.
func New(cfg Config) *Store {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = DefaultCache
	}
	if cfg.Full == nil {
		cfg.Full = func(placement.NodeID) bool { return false }
	}
	if cfg.UnderCopied == nil {
		cfg.UnderCopied = func(chunk.Info, int) {}
	}
	s := &Store{
		cfg: cfg, log: cfg.Log, client: newClient(cfg.Dial, cfg.Log), recent: cache.NewDropping[chunk.Ref](cfg.CacheBytes, (*block).release),
		flights: make(map[chunk.Ref]*flight),
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Client returns what the store asks other nodes with.
func (s *Store) Client() *Client { return s.client }

// Close gives up what is under way and waits for it. What needs other nodes returns ErrClosed then; the disk is left to the caller.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.tasks.Wait()
	return nil
}

// Open implements chunk.Store: from the own disk, with the disk's own reader, or from memory or another node, verified as a whole before.
// Callers of the same chunk share one transfer, which ends when the last of them gives up.
func (s *Store) Open(ctx context.Context, ref chunk.Ref) (chunk.Reader, error) {
	r, err := s.cfg.Disk.Open(ctx, ref)
	if err == nil {
		s.stats.own.Add(1)
		return r, nil
	}
	if s.alone() {
		return nil, err
	}
	b, err := s.fetch(ctx, ref, err)
	if err != nil {
		return nil, fmt.Errorf("open chunk %s: %w", ref, err)
	}
	return s.newReader(b), nil
}

// Delete implements chunk.Store for this node's own copy; the other nodes keep theirs.
func (s *Store) Delete(ctx context.Context, ref chunk.Ref) error {
	err := s.cfg.Disk.Delete(ctx, ref)
	if err == nil {
		s.forget(ref)
	}
	return err
}

// alone tells whether there are no other nodes.
func (s *Store) alone() bool {
	for _, l := range s.cfg.Layouts() {
		for n := range l.Nodes() {
			if n.ID != s.cfg.Self {
				return false
			}
		}
	}
	return true
}

// sources says which other nodes may have a chunk: those in near, which the last layouts make holders, then those that rest returns.
type sources struct {
	near []placement.NodeID
	rest func() []placement.NodeID
	// silent are nodes that are not alive; rest adds to it.
	silent []placement.NodeID
}

// sources has the holders by the newest layout first, then those by the layouts before. Those in the newest layout's order that took a copy
// because a holder could not come after that, and at last everybody else.
func (s *Store) sources(g placement.Group) *sources {
	layouts, now := s.cfg.Layouts(), time.Now()
	from := &sources{}
	met := map[placement.NodeID]bool{s.cfg.Self: true}
	alive := func(ids []placement.NodeID) (some []placement.NodeID) {
		for _, id := range ids {
			if met[id] {
				continue
			}
			met[id] = true
			if s.cfg.Alive(id) {
				some = append(some, id)
			} else {
				from.silent = append(from.silent, id)
			}
		}
		return some
	}
	from.near = alive(layouts[0].Holders(g))
	s.client.peers.sort(from.near, now)
	var before []placement.NodeID
	for _, l := range layouts[1:] {
		before = append(before, alive(l.Holders(g))...)
	}
	s.client.peers.sort(before, now)
	from.near = append(from.near, before...)
	from.rest = func() []placement.NodeID {
		rest := alive(layouts[0].Rank(g))
		for _, l := range layouts {
			for n := range l.Nodes() {
				rest = append(rest, alive([]placement.NodeID{n.ID})...)
			}
		}
		return rest
	}
	return from
}

// next takes the next node to ask.
func (f *sources) next() (id placement.NodeID, more bool) {
	if len(f.near) == 0 && f.rest != nil {
		f.near, f.rest = f.rest(), nil
	}
	if len(f.near) == 0 {
		return "", false
	}
	id, f.near = f.near[0], f.near[1:]
	return id, true
}

// storeStats are the counters behind StoreStats.
type storeStats struct {
	own, memory, node, shared, spilled, hedges, overtaken, underCopied, healed atomic.Int64
}

// StoreStats counts what a Store did since it was made.
type StoreStats struct {
	// Own, Memory and Node count chunks opened from the own disk, from memory and from other nodes; Shared those that came with a
	// transfer which another caller had begun.
	Own, Memory, Node, Shared int64
	// Spilled counts chunks that were put into files because readers held too much memory.
	Spilled int64
	// Fetched and FetchedBytes count the chunks that came from other nodes, whoever asked for them.
	Fetched, FetchedBytes int64
	// Hedges counts how often a second node was asked because the first was late, Overtaken how often that was of use.
	Hedges, Overtaken int64
	// WrongBytes counts chunks that were not what was asked for, by who sent them.
	WrongBytes map[placement.NodeID]int64
	// UnderCopied counts chunks that were put to fewer nodes than wanted.
	UnderCopied int64
	// Healed counts chunks that went bad on the own disk and were replaced.
	Healed int64
}

// Stats is cheap.
func (s *Store) Stats() StoreStats {
	return StoreStats{
		Own: s.stats.own.Load(), Memory: s.stats.memory.Load(), Node: s.stats.node.Load(), Shared: s.stats.shared.Load(), Spilled: s.stats.spilled.Load(),
		Fetched: s.client.got.Load(), FetchedBytes: s.client.bytes.Load(),
		Hedges: s.stats.hedges.Load(), Overtaken: s.stats.overtaken.Load(), WrongBytes: s.client.peers.lieCounts(),
		UnderCopied: s.stats.underCopied.Load(), Healed: s.stats.healed.Load(),
	}
}
