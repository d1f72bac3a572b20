// Package gossip tells which members of a cluster are alive. It has hashicorp/memberlist (SWIM with Lifeguard: Das et al., "SWIM",
// 2002; Dadgar et al., "Lifeguard", 2017) speak over the streams that nodes have between them anyway, so that there is one port and
// one identity, and nothing that came by gossip is ever dialled.
//
// What is believed of whom: a stream belongs to the member that it was opened by. What this package notes as heard from a node,
// and a node's facts, come from that node's own streams alone. That a node is suspect, dead, left or alive again may come through
// others, as SWIM has it: the one concerned refutes what is wrong, within moments. So a member that lies can make others look gone
// or back for a while, and no more: it cannot bring in who does not belong, give a node another address, or speak in its name.
// Nobody's word moves data.
package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"shoal/internal/placement"
)

// Protocol names the streams of this package.
const Protocol = "/shoal/gossip/1"

// MaxFacts is how many bytes of facts a node has at most.
const MaxFacts = 512

// State is how a member seems to be.
type State int

// A member that was never heard of is Suspect at first and Dead when it was not found within ten seconds.
const (
	Suspect State = iota
	Alive
	Dead
	// Left is who said that it goes.
	Left
)

func (s State) String() string {
	return [...]string{"suspect", "alive", "dead", "left"}[s]
}

// Peer is what is known of another member.
type Peer struct {
	ID    placement.NodeID
	State State
	// Since is when this node noticed the state.
	Since time.Time
	// LastSeen is when something last came from the member itself; zero for never. In a large cluster that is a while ago for
	// most: who is alive is asked by one member at a time.
	LastSeen time.Time
	// Facts are what the member last told of itself; nil for nothing yet.
	Facts []byte
}

// Config says whom a Gossip is about; all of it is needed.
type Config struct {
	Self placement.NodeID
	// Dial opens a stream to a member; ctx bounds the opening.
	Dial func(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error)
	// Members returns who belongs, with or without this node. It is asked often, so it should cost little.
	Members func() []placement.NodeID
	// Changed is told of each member whose state changed, one call after the other. It may ask the Gossip.
	Changed func(Peer)
	Log     *slog.Logger
	Now     func() time.Time
}

// Gossip watches the members. Its methods may be called from many goroutines at once.
type Gossip struct {
	cfg   Config
	wires *wires
	wake  chan struct{}

	life    sync.Mutex // held while memberlist is started, left, or ended
	swim    *memberlist.Memberlist
	running bool // guarded by life

	// What memberlist believed when it was last asked, which is for Run alone.
	states map[placement.NodeID]State
	asked  time.Time

	mu    sync.Mutex
	peers map[placement.NodeID]*peer // guarded by mu; of all members but this one
	joins int                        // guarded by mu; attempts to find members that are under way

	names atomic.Pointer[map[placement.NodeID]bool]
}

// New returns a Gossip that begins when it is run.
func New(cfg Config) *Gossip {
	g := &Gossip{
		cfg: cfg, wake: make(chan struct{}, 1),
		peers: make(map[placement.NodeID]*peer),
	}
	g.names.Store(&map[placement.NodeID]bool{})
	g.wires = newWires(cfg, g.belongs, g.heard)
	return g
}

// Run watches until ctx ends, once. It returns an error only when it could not begin.
func (g *Gossip) Run(ctx context.Context) error {
	g.enlist()
	if err := g.start(ctx); err != nil {
		return fmt.Errorf("start gossip: %w", err)
	}
	var joining sync.WaitGroup
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		g.look()
		g.seek(&joining)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-g.wake:
		}
	}
	g.end()
	joining.Wait()
	return nil
}

func (g *Gossip) start(ctx context.Context) error {
	g.life.Lock()
	defer g.life.Unlock()
	if g.swim != nil {
		return errors.New("it was run before")
	}
	g.wires.start(ctx)
	swim, err := memberlist.Create(g.settings())
	if err != nil {
		g.wires.stop()
		return err
	}
	g.swim, g.running = swim, true
	return nil
}

// end stops memberlist, which does not wait for its goroutines: once there are no wires and no open questions, nothing holds them.
func (g *Gossip) end() {
	g.life.Lock()
	defer g.life.Unlock()
	g.running = false
	g.wires.stop()
	g.wires.release(func() { _, _ = g.swim.Ping(string(g.cfg.Self), g.wires.sender(g.cfg.Self)) })
	_ = g.swim.Shutdown()
}

// Leave tells the others that this node goes, as long as Run runs. It returns when some were told, or ctx ends.
func (g *Gossip) Leave(ctx context.Context) error {
	g.life.Lock()
	defer g.life.Unlock()
	if !g.running {
		return nil
	}
	patience := leaveWithin
	if by, set := ctx.Deadline(); set {
		patience = max(time.Millisecond, min(patience, time.Until(by)))
	}
	if err := g.swim.Leave(patience); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// SetFacts says what this node tells of itself, at most MaxFacts bytes; the others hear it with what they are sent next.
func (g *Gossip) SetFacts(facts []byte) error {
	if len(facts) > MaxFacts {
		return fmt.Errorf("set facts: %d bytes, at most %d", len(facts), MaxFacts)
	}
	g.wires.tell(slices.Clone(facts))
	return nil
}

// State returns how a member seems to be. This node is alive; who is no member is dead.
func (g *Gossip) State(id placement.NodeID) State {
	if id == g.cfg.Self {
		return Alive
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.peers[id]; p != nil {
		return p.State
	}
	return Dead
}

// All returns all members but this one in the order of their ids.
func (g *Gossip) All() []Peer {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]Peer, 0, len(g.peers))
	for _, p := range g.peers {
		all = append(all, p.Peer)
	}
	slices.SortFunc(all, func(a, b Peer) int { return cmpIDs(a.ID, b.ID) })
	return all
}

// Serve answers a stream that a member has opened.
func (g *Gossip) Serve(ctx context.Context, from placement.NodeID, conn net.Conn) {
	if g.belongs(from) {
		g.wires.serve(ctx, from, conn)
	}
}

// belongs tells whether a node is a member as of the last look.
func (g *Gossip) belongs(id placement.NodeID) bool { return (*g.names.Load())[id] }

// enlist asks who the members are.
func (g *Gossip) enlist() []placement.NodeID {
	names := make(map[placement.NodeID]bool)
	var others []placement.NodeID
	for _, id := range g.cfg.Members() {
		if id != g.cfg.Self && !names[id] {
			others = append(others, id)
		}
		names[id] = true
	}
	names[g.cfg.Self] = true
	g.names.Store(&names)
	return others
}
