package repair_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errUnreachable = errors.New("no way to that node")

// world is a cluster in memory: nodes with disks, ways between them that can be cut, and what videos need.
type world struct {
	t      testing.TB
	random *rand.Rand

	mu     sync.Mutex
	nodes  map[placement.NodeID]*node
	cut    map[[2]placement.NodeID]bool // ways that are cut, in one direction
	wanted map[chunk.Ref][]byte
	// fetched counts the transfers of a chunk to a node.
	fetched map[placement.NodeID]map[chunk.Ref]int
	// young and unknown are what Wanted answers.
	young   time.Time
	unknown error
}

// node is one of them. All below mu is guarded by it.
type node struct {
	w    *world
	id   placement.NodeID
	disk *memory
	cfg  repair.Config
	// away names the nodes that it did not reach when that was looked at last.
	away string

	*repair.Repairer
	stop func()

	mu       sync.Mutex
	up       bool
	layouts  []*placement.Layout
	waiting  bool
	watching bool
	events   []repair.Event
	lie      lies
}

// lies change what a node answers to others; nil ones change nothing.
type lies struct {
	digests func([]repair.Digest) ([]repair.Digest, error)
	list    func([]chunk.Info) ([]chunk.Info, error)
	fetch   func([]byte) ([]byte, error)
	verify  func(error) error
}

func newWorld(t testing.TB, seed uint64) *world {
	t.Logf("seed %d", seed)
	return &world{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), nodes: make(map[placement.NodeID]*node), cut: make(map[[2]placement.NodeID]bool),
		wanted: make(map[chunk.Ref][]byte), fetched: make(map[placement.NodeID]map[chunk.Ref]int),
	}
}

// in runs a test in a bubble with fake time, and stops all nodes at its end.
func in(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rand.Uint64())
		defer w.stopAll()
		f(t, w)
	})
}

func (w *world) stopAll() {
	for _, n := range w.nodes {
		n.crash()
	}
}

func name(i int) placement.NodeID { return placement.NodeID(fmt.Sprintf("node-%d", i)) }

// add makes a node with an empty disk, which does not run yet.
func (w *world) add(id placement.NodeID) *node {
	n := &node{w: w, id: id, disk: newMemory()}
	n.cfg = repair.Config{
		Self: id, Local: n.disk, Peers: peers{n: n}, Wanted: w.Wanted, Every: 6 * time.Hour,
		Alive: func(other placement.NodeID) bool { return w.reaches(id, other) },
		Layouts: func() []*placement.Layout {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Clone(n.layouts)
		},
		Waiting: func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.waiting
		},
		Watching: func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.watching
		},
		Events: func(e repair.Event) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.events = append(n.events, e)
		},
		Log: slog.New(slog.DiscardHandler),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes[id] = n
	return n
}

// build makes n nodes that run, and one layout of them.
func (w *world) build(n, copies int) *placement.Layout {
	var members []placement.Node
	for i := range n {
		w.add(name(i))
		members = append(members, member(name(i)))
	}
	l := layout(w.t, copies, members)
	w.learn(l)
	for _, n := range w.nodes {
		n.start()
	}
	return l
}

func member(id placement.NodeID) placement.Node { return placement.Node{ID: id, Capacity: 1 << 40} }

func leaving(id placement.NodeID) placement.Node {
	return placement.Node{ID: id, Capacity: 1 << 40, Draining: true}
}

func layout(t testing.TB, copies int, members []placement.Node) *placement.Layout {
	t.Helper()
	l, err := placement.NewLayout(copies, members)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// learn tells a new layout to some nodes, or to all that are up.
func (w *world) learn(l *placement.Layout, who ...placement.NodeID) {
	for id, n := range w.nodes {
		if len(who) == 0 || slices.Contains(who, id) {
			n.mu.Lock()
			n.layouts = append([]*placement.Layout{l}, n.layouts[:min(2, len(n.layouts))]...)
			n.mu.Unlock()
		}
	}
	w.kick()
}

// kick tells all nodes that something changed.
func (w *world) kick() {
	for _, n := range w.nodes {
		if n.running() {
			n.Kick()
		}
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) reaches(from, to placement.NodeID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.nodes[to]
	return n != nil && n.running() && !w.cut[[2]placement.NodeID{from, to}] && !w.cut[[2]placement.NodeID{to, from}]
}

// fill puts chunks where a layout wants them, and makes videos need them.
func (w *world) fill(l *placement.Layout, count int) (refs []chunk.Ref) {
	for range count {
		data := make([]byte, 16+w.random.IntN(100))
		for i := range data {
			data[i] = byte(w.random.Uint32())
		}
		refs = append(refs, w.write(data, l.Holders(placement.GroupOf(chunk.Sum(data)))...))
	}
	return refs
}

// write puts a chunk that videos need on some nodes.
func (w *world) write(data []byte, on ...placement.NodeID) chunk.Ref {
	w.mu.Lock()
	w.wanted[chunk.Sum(data)] = data
	w.mu.Unlock()
	for _, id := range on {
		if _, err := w.nodes[id].disk.Put(context.Background(), data); err != nil {
			w.t.Fatal(err)
		}
	}
	return chunk.Sum(data)
}

// Wanted is repair.Config.Wanted.
func (w *world) Wanted(_ context.Context, visit func(chunk.Ref)) (time.Time, error) {
	w.mu.Lock()
	refs := slices.Collect(maps.Keys(w.wanted))
	young, unknown := w.young, w.unknown
	w.mu.Unlock()
	for _, ref := range refs {
		visit(ref)
	}
	return young, unknown
}

// copies returns how many disks have a chunk, those of nodes that are down only with all.
func (w *world) copies(ref chunk.Ref, all bool) (count int) {
	for _, n := range w.nodes {
		if (all || n.running()) && n.disk.has(ref) {
			count++
		}
	}
	return count
}

// settled fails the test unless each wanted chunk lies with its holders and nowhere else.
func (w *world) settled(l *placement.Layout) {
	w.t.Helper()
	bad := 0
	for ref := range w.wanted {
		for id, n := range w.nodes {
			if want := l.Holds(id, placement.GroupOf(ref)); n.running() && n.disk.has(ref) != want {
				if bad++; bad < 5 {
					w.t.Errorf("%s has chunk %.6s: %v, want %v; holders %v", id, ref, !want, want, l.Holders(placement.GroupOf(ref)))
				}
			}
		}
	}
	if bad > 0 {
		w.t.Fatalf("%d copies are not as they should be", bad)
	}
}

// moved returns how many chunks were transferred to each node, and fails the test for one that was twice.
func (w *world) moved() map[placement.NodeID]int {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := make(map[placement.NodeID]int)
	for id, refs := range w.fetched {
		for ref, times := range refs {
			counts[id] += times
			if times > 1 {
				w.t.Errorf("chunk %.6s was fetched %d times by %s", ref, times, id)
			}
		}
	}
	return counts
}

func sum(counts map[placement.NodeID]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

func (n *node) running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.up
}

// start runs a new Repairer over the node's disk, as a new process does.
func (n *node) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Repairer = repair.New(n.cfg)
	n.run()
}

// startBounded is start with a small queue.
func (n *node) startBounded(bound int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Repairer = repair.New(n.cfg)
	n.BoundQueue(bound)
	n.run()
}

// run runs the Repairer that is there; n.mu is held.
func (n *node) run() {
	n.up = true
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.w.t.Errorf("run of %s: %v", n.id, err)
		}
	})
}

// crash stops a node at whatever it is doing; its disk stays.
func (n *node) crash() {
	n.mu.Lock()
	n.up = false
	stop := n.stop
	n.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (n *node) set(change func(*node)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func (n *node) told(kind repair.Kind) (some []repair.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.Kind == kind {
			some = append(some, e)
		}
	}
	return some
}

// peers are the other nodes as one sees them. Careless ones break the promise that what they fetch is verified.
type peers struct {
	n        *node
	careless bool
}

// reach takes the time of a way there and back.
func (p peers) reach(ctx context.Context, id placement.NodeID) (*node, lies, error) {
	select {
	case <-ctx.Done():
		return nil, lies{}, ctx.Err()
	case <-time.After(time.Millisecond):
	}
	if !p.n.w.reaches(p.n.id, id) {
		return nil, lies{}, fmt.Errorf("reach %s: %w", id, errUnreachable)
	}
	other := p.n.w.nodes[id]
	other.mu.Lock()
	defer other.mu.Unlock()
	return other, other.lie, nil
}

func (p peers) Digests(ctx context.Context, id placement.NodeID, groups []placement.Group) ([]repair.Digest, error) {
	other, lie, err := p.reach(ctx, id)
	if err != nil {
		return nil, err
	}
	digests, err := other.disk.Digests(ctx, groups)
	if err == nil && lie.digests != nil {
		return lie.digests(digests)
	}
	return digests, err
}

func (p peers) List(ctx context.Context, id placement.NodeID, groups ...placement.Group) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		other, lie, err := p.reach(ctx, id)
		var infos []chunk.Info
		for _, g := range groups {
			if err == nil {
				infos = append(infos, other.disk.list(g)...)
			}
		}
		if err == nil && lie.list != nil {
			infos, err = lie.list(infos)
		}
		for _, info := range infos {
			if !yield(info, nil) {
				return
			}
		}
		if err != nil {
			yield(chunk.Info{}, err)
		}
	}
}

func (p peers) Fetch(ctx context.Context, from []placement.NodeID, info chunk.Info) ([]byte, error) {
	var failed error = errors.New("nobody was asked")
	for _, id := range from {
		other, lie, err := p.reach(ctx, id)
		if err != nil {
			failed = err
			continue
		}
		_ = other.disk.Verify(ctx, info.Ref) // One that went bad is put aside when it is read.
		data := bytes.Clone(other.disk.read(info.Ref))
		if data == nil || int64(len(data)) != info.Size {
			failed = fmt.Errorf("fetch from %s: %w", id, chunk.ErrNotFound)
			continue
		}
		if lie.fetch != nil {
			data, err = lie.fetch(data)
		}
		if err == nil && !p.careless {
			err = chunk.Verify(info.Ref, data)
		}
		if err != nil {
			failed = err
			continue
		}
		p.n.w.mu.Lock()
		if p.n.w.fetched[p.n.id] == nil {
			p.n.w.fetched[p.n.id] = make(map[chunk.Ref]int)
		}
		p.n.w.fetched[p.n.id][info.Ref]++
		p.n.w.mu.Unlock()
		return data, nil
	}
	return nil, failed
}

func (p peers) Verify(ctx context.Context, id placement.NodeID, ref chunk.Ref) error {
	other, lie, err := p.reach(ctx, id)
	if err != nil {
		return err
	}
	other.mu.Lock()
	r := other.Repairer
	other.mu.Unlock()
	err = r.Vouch(ctx, ref)
	if lie.verify != nil {
		return lie.verify(err)
	}
	return err
}
