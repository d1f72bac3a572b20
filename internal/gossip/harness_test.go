package gossip_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shoal/internal/gossip"
	"shoal/internal/placement"
	"shoal/test/network"
)

// cluster is a number of members on one network.
type cluster struct {
	members atomic.Pointer[[]placement.NodeID]
	net     *network.Network
	names   []placement.NodeID // of those that were there first
	nodes   map[placement.NodeID]*node
}

type node struct {
	*gossip.Gossip
	place *network.Node
	stop  context.CancelFunc
	ended chan error

	mu      sync.Mutex
	changes []gossip.Peer // guarded by mu
}

func named(n int) (names []placement.NodeID) {
	for i := range n {
		names = append(names, placement.NodeID(fmt.Sprintf("node-%02d", i)))
	}
	return names
}

func newCluster(names ...placement.NodeID) *cluster {
	c := &cluster{net: network.New(), names: names, nodes: make(map[placement.NodeID]*node)}
	c.members.Store(&names)
	for _, id := range names {
		c.start(id)
	}
	return c
}

func texts(ids []placement.NodeID) (all []string) {
	for _, id := range ids {
		all = append(all, string(id))
	}
	return all
}

// belong says who the members are from now on.
func (c *cluster) belong(names ...placement.NodeID) { c.members.Store(&names) }

// start begins a node's life; its members are the cluster's, whatever those are at the time.
func (c *cluster) start(id placement.NodeID) *node {
	n := &node{ended: make(chan error, 1)}
	n.Gossip = gossip.New(gossip.Config{
		Self: id,
		Dial: func(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error) {
			return n.place.Dial(ctx, string(to), protocol)
		},
		Members: func() []placement.NodeID { return *c.members.Load() },
		Changed: n.note,
		Log:     logTo(),
		Now:     time.Now,
	})
	n.place = c.net.Join(string(id), func(ctx context.Context, from, protocol string, conn net.Conn) {
		if protocol == gossip.Protocol {
			n.Serve(ctx, placement.NodeID(from), conn)
		}
	})
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	go func() { n.ended <- n.Run(ctx) }()
	c.nodes[id] = n
	return n
}

func logTo() *slog.Logger {
	if os.Getenv("GOSSIP_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (n *node) note(p gossip.Peer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changes = append(n.changes, p)
}

// count returns how often a node was said to have come to be so.
func (n *node) count(s gossip.State) (times int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.changes {
		if p.State == s {
			times++
		}
	}
	return times
}

// end stops a node and waits for it; others learn of it only by its silence.
func (c *cluster) end(id placement.NodeID) {
	n := c.nodes[id]
	delete(c.nodes, id)
	n.stop()
	if err := <-n.ended; err != nil {
		panic(err)
	}
	n.place.Leave()
}

func (c *cluster) close() {
	for id := range c.nodes {
		c.nodes[id].stop()
	}
	for id := range c.nodes {
		c.end(id)
	}
}

// crash ends a node without a word.
func (c *cluster) crash(id placement.NodeID) {
	c.net.Crash(string(id))
	c.end(id)
}

// until waits for something to be so, and returns how long that took.
func until(t testing.TB, what string, within time.Duration, so func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !so() {
		if time.Since(begun) > within {
			t.Fatalf("after %v still not: %s", within, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(begun)
}

// all tells whether every node but those named sees the state of a node.
func (c *cluster) all(id placement.NodeID, s gossip.State) bool {
	for other, n := range c.nodes {
		if other != id && n.State(id) != s {
			return false
		}
	}
	return true
}

// whole tells whether all see all alive.
func (c *cluster) whole() bool {
	for id := range c.nodes {
		if !c.all(id, gossip.Alive) {
			return false
		}
	}
	return true
}
