package repair_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// chaos is a cluster to which anything may happen. Each node knows members from those that it reaches, and leaves out whom
// it has not reached for ten minutes, so that nodes may well work towards different layouts at the same time.
type chaos struct {
	*world
	copies int
	// known is what each node knows of who is a member, with a number that grows with each change.
	known  map[placement.NodeID]membership
	newest membership
	// away is since when a node has not reached another one.
	away map[[2]placement.NodeID]time.Time
	gone map[placement.NodeID]bool // nodes that left for good
	log  []string
}

type membership struct {
	number  int
	members map[placement.NodeID]placement.Node
}

const repairAfter = 10 * time.Minute

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{
		world: newWorld(t, seed), known: make(map[placement.NodeID]membership), away: make(map[[2]placement.NodeID]time.Time),
		gone: make(map[placement.NodeID]bool),
	}
	c.copies = 1 + c.random.IntN(3)
	for range 3 + c.random.IntN(3) {
		c.join()
	}
	c.learnAll()
	for _, id := range c.ids() {
		c.nodes[id].start()
	}
	return c
}

func (c *chaos) note(format string, args ...any) {
	c.log = append(c.log, time.Now().Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (c *chaos) ids() []placement.NodeID { return slices.Sorted(maps.Keys(c.nodes)) }

// some returns a random node that is so, or nil.
func (c *chaos) some(is func(*node) bool) *node {
	var fitting []*node
	for _, id := range c.ids() {
		if n := c.nodes[id]; !c.gone[id] && is(n) {
			fitting = append(fitting, n)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	return fitting[c.random.IntN(len(fitting))]
}

// change changes who is a member, and how; at first only one node knows of it.
func (c *chaos) change(at placement.NodeID, change func(map[placement.NodeID]placement.Node)) {
	members := maps.Clone(c.newest.members)
	if members == nil {
		members = make(map[placement.NodeID]placement.Node)
	}
	change(members)
	c.newest = membership{c.newest.number + 1, members}
	c.known[at] = c.newest
}

func (c *chaos) join() *node {
	id := name(len(c.nodes))
	n := c.add(id)
	n.disk.onDelete = func(ref chunk.Ref) { c.deleting(n, ref) }
	c.change(id, func(m map[placement.NodeID]placement.Node) {
		m[id] = placement.Node{ID: id, Capacity: int64(1+c.random.IntN(4)) << 40, Zone: []string{"", "attic", "cellar"}[c.random.IntN(3)]}
	})
	return n
}

// learnAll has nodes hear from those they reach, and makes their layouts of it.
func (c *chaos) learnAll() {
	for range len(c.nodes) {
		for _, a := range c.ids() {
			for _, b := range c.ids() {
				if c.reaches(a, b) && c.known[b].number > c.known[a].number {
					c.known[a] = c.known[b]
				}
			}
		}
	}
	for _, id := range c.ids() {
		c.relayout(c.nodes[id])
	}
}

// relayout gives a node the layout that follows from what it knows and whom it reaches.
func (c *chaos) relayout(n *node) {
	known := c.known[n.id]
	var silent []placement.NodeID
	if known.number == 0 {
		known = c.newest // It starts with what its invite tells.
	}
	var members []placement.Node
	for _, id := range slices.Sorted(maps.Keys(known.members)) {
		key := [2]placement.NodeID{n.id, id}
		if id == n.id || c.reaches(n.id, id) {
			delete(c.away, key)
		} else {
			if silent = append(silent, id); c.away[key].IsZero() {
				c.away[key] = time.Now()
			}
		}
		if since := c.away[key]; since.IsZero() || time.Since(since) < repairAfter {
			members = append(members, known.members[id])
		}
	}
	// Who is alive changed when the nodes that are away did.
	changed := n.away != fmt.Sprint(silent)
	n.away = fmt.Sprint(silent)
	waiting := 2*len(silent) >= len(known.members)
	if waiting {
		members = slices.Collect(maps.Values(known.members))
	}
	l := layout(c.t, c.copies, members)
	n.mu.Lock()
	n.waiting = waiting
	if len(n.layouts) == 0 || n.layouts[0].Version() != l.Version() {
		n.layouts = append([]*placement.Layout{l}, n.layouts[:min(2, len(n.layouts))]...)
		changed = true
	}
	up := n.up
	n.mu.Unlock()
	if changed && up {
		n.Kick()
	}
}

// wait lets time pass, while nodes hear of each other every minute at first, and then less often.
func (c *chaos) wait(d time.Duration) {
	for tick := time.Second; d > 0; tick = min(2*tick, 4*time.Hour) {
		c.learnAll()
		c.pass(min(tick, d))
		d -= tick
	}
	c.learnAll()
}

// deleting checks that a node does not delete the last copy.
func (c *chaos) deleting(n *node, ref chunk.Ref) {
	c.mu.Lock()
	_, wanted := c.wanted[ref]
	c.mu.Unlock()
	if !wanted {
		return
	}
	for id, other := range c.nodes {
		if id != n.id && !c.gone[id] && other.disk.whole(ref) {
			return
		}
	}
	c.t.Errorf("%s deletes the last copy of %s", n.id, ref)
}

// alive fails the test when a chunk that videos need is nowhere any more.
func (c *chaos) alive() {
	for ref := range c.wanted {
		if !c.elsewhere(ref, "") {
			c.t.Errorf("chunk %s is nowhere", ref)
		}
	}
	if c.t.Failed() {
		for _, line := range c.log {
			c.t.Log(line)
		}
		c.t.FailNow()
	}
}

// elsewhere tells whether a node other than one has a whole copy.
func (c *chaos) elsewhere(ref chunk.Ref, than placement.NodeID) bool {
	for id, n := range c.nodes {
		if id != than && !c.gone[id] && n.disk.whole(ref) {
			return true
		}
	}
	return false
}

// import puts chunks from one node to the first that it reaches and that have room, as an import does.
func (c *chaos) add20(n *node) {
	l := n.cfg.Layouts()[0]
	for range 20 {
		data := fmt.Append(nil, c.random.Uint64())
		ref := chunk.Sum(data)
		put := 0
		for _, id := range l.Rank(placement.GroupOf(ref)) {
			if put == c.copies {
				break
			}
			if id != n.id && !c.reaches(n.id, id) {
				continue
			}
			if _, err := c.nodes[id].disk.Put(context.Background(), data); err == nil {
				put++
			}
		}
		if put > 0 {
			c.mu.Lock()
			c.wanted[ref] = data
			c.mu.Unlock()
		}
	}
}

// happen makes something happen.
func (c *chaos) happen() {
	up := func(n *node) bool { return n.running() }
	n := c.some(up)
	if n == nil {
		n = c.some(func(*node) bool { return true })
		n.start()
	}
	switch what := c.random.IntN(15); what {
	case 0, 1, 2:
		c.note("%s writes", n.id)
		c.add20(n)
	case 3, 4:
		c.note("%s crashes", n.id)
		n.crash()
	case 5, 6:
		if down := c.some(func(n *node) bool { return !n.running() }); down != nil {
			c.note("%s starts", down.id)
			down.start()
		}
	case 7:
		if other := c.some(up); other != nil {
			c.note("%s and %s are cut", n.id, other.id)
			c.mu.Lock()
			c.cut[[2]placement.NodeID{n.id, other.id}] = true
			c.mu.Unlock()
		}
	case 8:
		c.note("the network splits")
		c.mu.Lock()
		for i, a := range c.ids() {
			for _, b := range c.ids()[i+1:] {
				c.cut[[2]placement.NodeID{a, b}] = c.random.IntN(2) == 0
			}
		}
		c.mu.Unlock()
	case 9:
		c.note("the network is whole")
		c.mu.Lock()
		clear(c.cut)
		c.mu.Unlock()
	case 10:
		if len(c.nodes) < 7 {
			n := c.join()
			c.note("%s joins", n.id)
			c.relayout(n)
			n.start()
		}
	case 11:
		c.change(n.id, func(m map[placement.NodeID]placement.Node) {
			one := m[n.id]
			one.Draining = !one.Draining
			m[n.id] = one
			c.note("%s drains: %v", n.id, one.Draining)
		})
	case 12:
		n.disk.mu.Lock()
		if n.disk.room = 1 << 40; c.random.IntN(2) == 0 {
			n.disk.room = 0
		}
		c.note("%s has %d bytes of room", n.id, n.disk.room)
		n.disk.mu.Unlock()
	case 13:
		c.rot(n)
	case 14:
		c.leave()
	}
}

// rot lets chunks of a node go bad, of each chunk one copy at most.
func (c *chaos) rot(n *node) {
	c.note("chunks of %s go bad", n.id)
	for ref := range c.wanted {
		whole, bad := 0, 0
		for id, other := range c.nodes {
			switch {
			case id == n.id || c.gone[id] || !other.disk.has(ref):
			case !other.disk.whole(ref):
				bad++
			case !c.newest.members[id].Draining:
				whole++
			}
		}
		if bad == 0 && whole > 0 && c.random.IntN(4) == 0 && n.disk.has(ref) {
			n.disk.spoil(ref)
		}
	}
}

// leave switches a node off for good that says that it is safe, or one whose every chunk lies elsewhere.
func (c *chaos) leave() {
	n := c.some(func(n *node) bool { return n.running() && n.Status().State == repair.StateDrained })
	if n == nil || len(c.newest.members) <= 2 {
		return
	}
	c.note("%s is drained and leaves", n.id)
	for ref := range c.wanted {
		if n.disk.whole(ref) && !c.elsewhere(ref, n.id) {
			c.t.Errorf("%s was said to be safe to switch off and has the last copy of %s", n.id, ref)
		}
	}
	n.crash()
	c.gone[n.id] = true
	other := c.some(func(*node) bool { return true })
	c.change(other.id, func(m map[placement.NodeID]placement.Node) { delete(m, n.id) })
}

// mend ends all trouble, as a scrub and an operator would, and returns the layout that everybody ends with.
func (c *chaos) mend() *placement.Layout {
	c.note("all is mended")
	c.mu.Lock()
	clear(c.cut)
	c.mu.Unlock()
	c.change(c.some(func(*node) bool { return true }).id, func(m map[placement.NodeID]placement.Node) {
		for id, one := range m {
			one.Draining = false
			m[id] = one
		}
	})
	for _, id := range c.ids() {
		n := c.nodes[id]
		n.disk.mend()
		if !n.running() && !c.gone[id] {
			n.start()
		}
	}
	c.wait(80 * time.Hour)
	for _, id := range c.ids() {
		if !c.gone[id] {
			return c.nodes[id].cfg.Layouts()[0]
		}
	}
	return nil
}

func TestWhateverHappensNothingIsLostAndAllEndsAsWanted(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChaos(t, seed)
				defer c.stopAll()
				c.wait(time.Minute)
				c.add20(c.nodes[name(0)])
				pauses := []time.Duration{time.Second, 10 * time.Second, time.Minute, 12 * time.Minute, 2 * time.Hour, 26 * time.Hour}
				for range 25 {
					c.happen()
					c.wait(pauses[c.random.IntN(len(pauses))])
					c.alive()
				}
				l := c.mend()
				c.alive()
				for _, id := range c.ids() {
					if n := c.nodes[id]; n.running() && n.cfg.Layouts()[0].Version() != l.Version() {
						t.Errorf("%s knows another layout in the end", id)
					}
				}
				c.settled(l)
				deleted, fetched := 0, 0
				for id, n := range c.nodes {
					deleted += n.disk.gone()
					for _, times := range c.fetched[id] {
						fetched += times
					}
				}
				t.Logf("%d copies: %d nodes, %d left for good; %d chunks were copied, %d deleted", c.copies, len(c.nodes), len(c.gone), fetched, deleted)
			})
		})
	}
}
