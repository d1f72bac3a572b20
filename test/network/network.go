// Package network joins nodes in memory: streams that can be delayed, held up in one direction, cut and refused, and that
// run in virtual time (testing/synctest) as well as in real time. What a held link was given arrives when it is freed, as TCP
// would bring it; what a crash cut is lost.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Errors of streams and of opening them.
var (
	ErrRefused = errors.New("connection refused")
	ErrReset   = errors.New("connection reset")
)

// window is how many bytes a stream takes before its reader has read them.
const window = 256 << 10

// Serve answers a stream that another node has opened; the stream is closed when it returns.
type Serve func(ctx context.Context, from, protocol string, conn net.Conn)

// Network is a set of nodes with links between them. Its methods may be called from many goroutines at once.
type Network struct {
	mu      sync.Mutex
	nodes   map[string]*Node             // guarded by mu
	held    map[way]bool                 // guarded by mu
	delay   time.Duration                // guarded by mu; of one way
	changed chan struct{}                // guarded by mu; closed when a link changes
	streams map[*stream]struct{}         // guarded by mu
	dialled map[string]int               // guarded by mu; by protocol
	tap     func(from, to string, n int) // guarded by mu
}

// way is one direction of a link.
type way struct{ from, to string }

// New returns a network without nodes.
func New() *Network {
	return &Network{
		nodes: make(map[string]*Node), held: make(map[way]bool), changed: make(chan struct{}),
		streams: make(map[*stream]struct{}), dialled: make(map[string]int),
	}
}

// Node is one node's place in a network.
type Node struct {
	net   *Network
	id    string
	serve Serve
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup
}

// Join gives a node its place. Join again after Leave or Crash is a restart.
func (n *Network) Join(id string, serve Serve) *Node {
	node := &Node{net: n, id: id, serve: serve}
	node.ctx, node.stop = context.WithCancel(context.Background())
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodes[id] != nil {
		panic(fmt.Sprintf("node %s is there already", id))
	}
	n.nodes[id] = node
	return node
}

// Leave ends the node's streams and waits for what answers them.
func (node *Node) Leave() {
	node.stop()
	node.net.Crash(node.id)
	node.work.Wait()
}

// Crash resets all streams of a node; who dials it is refused until it joins again.
func (n *Network) Crash(id string) {
	n.mu.Lock()
	delete(n.nodes, id)
	n.mu.Unlock()
	n.reset(func(s *stream) bool { return s.dialler == id || s.answerer == id })
}

// Reset breaks all streams between two nodes.
func (n *Network) Reset(a, b string) {
	n.reset(func(s *stream) bool {
		return s.dialler == a && s.answerer == b || s.dialler == b && s.answerer == a
	})
}

func (n *Network) reset(which func(*stream) bool) {
	n.mu.Lock()
	var broken []*stream
	for s := range n.streams {
		if which(s) {
			broken = append(broken, s)
		}
	}
	n.mu.Unlock()
	for _, s := range broken {
		s.breakBoth()
	}
}

// Delay says how long bytes and openings take one way, from now on.
func (n *Network) Delay(one time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = one
}

// Tap has f told of every write.
func (n *Network) Tap(f func(from, to string, bytes int)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tap = f
}

// Dialled returns how many streams of a protocol were opened.
func (n *Network) Dialled(protocol string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialled[protocol]
}

// Hold keeps back what goes from one node to another; Free lets it arrive.
func (n *Network) Hold(from, to string) { n.change(map[way]bool{{from, to}: true}) }

// Free ends what Hold began.
func (n *Network) Free(from, to string) { n.change(map[way]bool{{from, to}: false}) }

// Freeze holds up everything to and from a node.
func (n *Network) Freeze(id string) { n.change(n.around(id, true)) }

// Thaw ends what Freeze began.
func (n *Network) Thaw(id string) { n.change(n.around(id, false)) }

// Split holds up everything between two sides.
func (n *Network) Split(one, other []string) { n.change(between(one, other, true)) }

// Heal ends what Split began.
func (n *Network) Heal(one, other []string) { n.change(between(one, other, false)) }

// FreeAll frees every link.
func (n *Network) FreeAll() {
	n.mu.Lock()
	all := make(map[way]bool)
	for w := range n.held {
		all[w] = false
	}
	n.mu.Unlock()
	n.change(all)
}

func (n *Network) around(id string, held bool) map[way]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	var others []string
	for other := range n.nodes {
		if other != id {
			others = append(others, other)
		}
	}
	return between([]string{id}, others, held)
}

func between(one, other []string, held bool) map[way]bool {
	ways := make(map[way]bool)
	for _, a := range one {
		for _, b := range other {
			ways[way{a, b}], ways[way{b, a}] = held, held
		}
	}
	return ways
}

func (n *Network) change(ways map[way]bool) {
	n.mu.Lock()
	for w, held := range ways {
		n.held[w] = held
	}
	close(n.changed)
	n.changed = make(chan struct{})
	var all []*stream
	for s := range n.streams {
		all = append(all, s)
	}
	n.mu.Unlock()
	for _, s := range all {
		s.there.wakeUp()
		s.back.wakeUp()
	}
}

func (n *Network) holds(w way) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.held[w]
}

// Dial opens a stream to another node. It waits for a held link until ctx ends.
func (node *Node) Dial(ctx context.Context, to, protocol string) (net.Conn, error) {
	n := node.net
	n.mu.Lock()
	delay := n.delay
	n.mu.Unlock()
	if err := sleep(ctx, 2*delay); err != nil {
		return nil, err
	}
	if err := n.open(ctx, node.id, to); err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	other := n.nodes[to]
	if other == nil || n.nodes[node.id] != node {
		return nil, fmt.Errorf("dial %s: %w", to, ErrRefused)
	}
	n.dialled[protocol]++
	s := newStream(n, node.id, to)
	n.streams[s] = struct{}{}
	other.work.Go(func() {
		answering := s.answering()
		defer answering.Close()
		other.serve(other.ctx, node.id, protocol, answering)
	})
	return s.dialling(), nil
}

// open waits until both directions are free.
func (n *Network) open(ctx context.Context, from, to string) error {
	for {
		n.mu.Lock()
		held, changed := n.held[way{from, to}] || n.held[way{to, from}], n.changed
		n.mu.Unlock()
		if !held {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (n *Network) forget(s *stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.streams, s)
}

// sent tells the tap, and returns when what is sent now arrives.
func (n *Network) sent(w way, bytes int) time.Time {
	n.mu.Lock()
	tap, delay := n.tap, n.delay
	n.mu.Unlock()
	if tap != nil {
		tap(w.from, w.to, bytes)
	}
	return time.Now().Add(delay)
}
