// Package pool makes the disks and the records of several nodes one. It puts together what the packages below it do each for
// itself: cluster (who belongs, and streams between members), gossip (who is there), rows (records that all have), placement (who
// is to hold what), exchange (chunks on many nodes) and repair. To the rest of a node it is a chunk.Store, a place for records,
// and a list of nodes. A node that stands alone is a pool of one.
package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shoal/internal/chunk"
	"shoal/internal/cluster"
	"shoal/internal/exchange"
	"shoal/internal/gossip"
	"shoal/internal/placement"
	"shoal/internal/repair"
	"shoal/internal/rows"
)

// Records keeps what is this node's alone, and the rows of all; disk.Records has it.
type Records interface {
	rows.Storage
	Save(ctx context.Context, bucket, key string, value []byte) error
	Delete(ctx context.Context, bucket, key string) error
}

// Disk is this node's own store; disk.Chunks has it.
type Disk interface {
	exchange.Disk
	Walk(ctx context.Context, after chunk.Ref, visit func(info chunk.Info, put time.Time) error) error
	DeleteBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (freed int64, err error)
}

// Usage is the state of this node's disk: the bytes of chunks that it promises, that it has, and that it has room for.
type Usage struct{ Capacity, Used, Free int64 }

// Config says what a Pool works with. Dir, Records, Disk, Usage, Wanted and Log are needed.
type Config struct {
	// Dir is where the node's key lies.
	Dir     string
	Records Records
	Disk    Disk
	// Usage is cheap.
	Usage func() Usage
	// Listen is where other nodes reach this one, Advertise has more addresses; each HOST:PORT.
	Listen    string
	Advertise []string
	NoMDNS    bool
	// Join is an invite to use, unless this node is in that cluster already; "" for none.
	Join string
	// Name, Zone and Version are told to the others; so is URL, where browsers reach this node.
	Name, Zone, Version string
	URL                 func() string
	// Copies is how many nodes are to hold each chunk, in the whole cluster; 0 leaves that as it is.
	Copies int
	// RepairAfter is for how long a node may be gone before others take its place; 0 for 10 minutes.
	RepairAfter time.Duration
	// CacheBytes bounds what is kept in memory of other nodes' chunks; 0 for a default.
	CacheBytes int64
	// Temp is a folder that is emptied at a start, for chunks of other nodes that are being read; "" keeps them in memory.
	Temp string
	// RepairRate is how many bytes a second are pulled; 0 for a default.
	RepairRate int64
	// Wanted, Watching and Urgency are those of repair.Config.
	Wanted   func(ctx context.Context, visit func(chunk.Ref)) (young time.Time, err error)
	Watching func() bool
	Urgency  func(chunk.Ref) int
	Log      *slog.Logger
}

// Pool is this node among those that it shares with. Its methods may be called from many goroutines at once.
type Pool struct {
	cfg    Config
	log    *slog.Logger
	host   *cluster.Host
	gossip *gossip.Gossip
	// membership has who belongs and how nodes are to be treated, records what they know together.
	membership, records *rows.Table
	spread              *rows.Spread
	store               *exchange.Store
	server              *exchange.Server
	groups              *exchange.Groups
	repair              *repair.Repairer
	layouts             layouts
	// kick has the layout looked at again.
	kick chan struct{}

	mu      sync.Mutex
	changed func(bucket, key string, value []byte, deleted bool) // guarded by mu
	facts   map[placement.NodeID]facts                           // guarded by mu; what nodes say of themselves in the records
	state   presence                                             // guarded by mu
}

// ErrListen says that Config.Listen could not be listened on. The system's reason is wrapped beside it.
var ErrListen = errors.New("listen for other nodes")

// JoinError is why a node could not become a member by Config.Join, in words for its owner: what is wrong, and after
// a semicolon what to do.
type JoinError struct{ Err error }

func (e *JoinError) Error() string { return "join: " + e.Err.Error() }

// Unwrap returns one of the errors of cluster.Host.Join.
func (e *JoinError) Unwrap() error { return e.Err }

// Open takes this node's place among the others: it reads its key, listens for nodes, and joins when it is to. Nothing goes on
// before Run. Close it in any case. Errors: ErrListen, JoinError.
func Open(ctx context.Context, cfg Config) (*Pool, error) {
	if cfg.RepairAfter == 0 {
		cfg.RepairAfter = 10 * time.Minute
	}
	p := &Pool{cfg: cfg, log: cfg.Log, kick: make(chan struct{}, 1), facts: make(map[placement.NodeID]facts)}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Pool) open(ctx context.Context) (err error) {
	if p.host, err = cluster.Open(ctx, p.hostConfig()); err != nil {
		return err
	}
	if err = p.host.Start(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrListen, err)
	}
	if err = p.join(ctx); err != nil {
		return &JoinError{err}
	}
	p.gossip = gossip.New(gossip.Config{
		Self: p.ID(), Dial: p.host.Dial, Members: p.host.Members().All, Changed: p.nodeChanged, Log: p.log, Now: time.Now,
	})
	if err = p.openTables(ctx); err != nil {
		return err
	}
	if err = p.layouts.load(ctx, p.cfg.Records, p.Cluster()); err != nil {
		return err
	}
	if err = p.introduce(ctx); err != nil {
		return err
	}
	if err = p.arrange(ctx); err != nil {
		return err
	}
	p.openStore()
	return nil
}

func (p *Pool) openStore() {
	p.groups = exchange.NewGroups(p.cfg.Disk)
	p.store = exchange.New(exchange.Config{
		Self: p.ID(), Disk: p.cfg.Disk, Groups: p.groups, Layouts: p.layouts.all, Alive: p.Alive, Full: p.isFull, Dial: p.host.Dial,
		CacheBytes: p.cfg.CacheBytes, Temp: p.cfg.Temp, UnderCopied: func(chunk.Info, int) { p.repair.Kick() }, Log: p.log,
	})
	p.repair = repair.New(repair.Config{
		Self: p.ID(), Local: ownDisk{p.cfg.Disk, p.groups, p.room}, Peers: otherDisks{p.store.Client()}, Layouts: p.layouts.all, Alive: p.Alive,
		Wanted: p.cfg.Wanted, Watching: p.cfg.Watching, Urgency: p.cfg.Urgency, Waiting: p.isWaiting, Rate: p.cfg.RepairRate,
		Log: p.log,
	})
	p.server = exchange.NewServer(exchange.ServerConfig{Disk: p.cfg.Disk, Groups: p.groups, Vouch: p.repair.Vouch, Log: p.log})
}

func (p *Pool) room() int64 { return p.cfg.Usage().Free }

// streams at once, from one node.
const (
	chunkStreams = 128
	fewStreams   = 8
)

// Run answers other nodes, keeps records and liveness, and repairs, until ctx ends. The library must be there to be told of changes:
// see OnChange.
func (p *Pool) Run(ctx context.Context) error {
	p.host.Handle(gossip.Protocol, fewStreams, p.gossip.Serve)
	p.host.Handle(rows.Protocol, fewStreams, p.serveRows)
	p.host.Handle(exchange.ChunkProtocol, chunkStreams, p.server.Serve)
	p.host.Handle(exchange.GroupsProtocol, fewStreams, p.server.ServeGroups)
	p.host.Handle(repairProtocol, fewStreams, p.serveRepair)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return p.watch(both) })
	group.Go(func() error {
		p.spread.Run(both)
		return nil
	})
	for _, run := range []func(context.Context) error{p.repair.Run, p.follow, p.report} {
		group.Go(func() error { return run(both) })
	}
	return group.Wait()
}

// watch keeps an eye on the others until ctx ends, and then tells them that this node goes, so that they need not find out.
func (p *Pool) watch(ctx context.Context) error {
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var leaving sync.WaitGroup
	defer leaving.Wait()
	leaving.Go(func() {
		defer end()
		select {
		case <-ctx.Done():
		case <-watching.Done():
			return
		}
		limited, cancel := context.WithTimeout(watching, farewell)
		defer cancel()
		if err := p.gossip.Leave(limited); err != nil {
			p.log.Debug("nobody was told that this node goes", "err", err)
		}
	})
	err := p.gossip.Run(watching)
	end()
	return err
}

// farewell is how long a node that stops waits for the others to hear of it.
const farewell = time.Second

// Close gives back the port, when Run has returned or instead of it.
func (p *Pool) Close() error {
	var errs []error
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	if p.host != nil {
		errs = append(errs, p.host.Close())
	}
	return errors.Join(errs...)
}

// ID names this node.
func (p *Pool) ID() placement.NodeID { return p.host.ID() }

// Store is where chunks lie.
func (p *Pool) Store() *exchange.Store { return p.store }

// Records is what all nodes know together. It fulfils library.Records.
func (p *Pool) Records() *rows.Table { return p.records }

// Host has the streams to other nodes, for what only they can answer.
func (p *Pool) Host() *cluster.Host { return p.host }

// Repairer sees to what this node holds.
func (p *Pool) Repairer() *repair.Repairer { return p.repair }

// OnChange says who is told of records that other nodes wrote. It is to be called before Run.
func (p *Pool) OnChange(changed func(bucket, key string, value []byte, deleted bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = changed
}

// Shared tells whether there are other nodes.
func (p *Pool) Shared() bool { return len(p.host.Members().All()) > 1 }

// Holds tells whether this node is to hold a chunk.
func (p *Pool) Holds(ref chunk.Ref) bool {
	return p.layouts.all()[0].Holds(p.ID(), placement.GroupOf(ref))
}

// Find looks for a chunk on all nodes that can be reached.
func (p *Pool) Find(ctx context.Context, ref chunk.Ref) (chunk.Info, error) {
	return p.store.Stat(ctx, ref)
}

// Heal brings a chunk that went bad here back from another node.
func (p *Pool) Heal(ctx context.Context, ref chunk.Ref) error {
	r, err := p.store.Open(ctx, ref)
	if err != nil {
		return fmt.Errorf("heal chunk: %w", err)
	}
	return r.Close()
}

// signal tells a goroutine that there is work, unless it knows already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
