package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shoal/internal/placement"
)

const (
	// groupsAtOnce is how many digests one question asks for.
	groupsAtOnce = 1024
	// nodesAtOnce bounds how many nodes are asked for digests together.
	nodesAtOnce = 8
	// askTimeout is how long an answer may take.
	askTimeout = 15 * time.Second
)

// errNonsense says that an answer breaks the rules.
var errNonsense = errors.New("the answer makes no sense")

// comparison has the digests of some groups on this node and on others.
type comparison struct {
	layout *placement.Layout
	self   placement.NodeID
	groups []placement.Group
	mine   []Digest

	mu sync.Mutex
	// theirs are the digests of the nodes that answered and have answered ever since; guarded by mu.
	theirs map[placement.NodeID][]Digest
}

// compare asks this node and others for the digests of groups. A node that does not answer is left out.
func (r *Repairer) compare(ctx context.Context, l *placement.Layout, groups []placement.Group) (*comparison, error) {
	mine, err := r.ownDigests(ctx, groups)
	if err != nil {
		return nil, err
	}
	c := &comparison{layout: l, self: r.cfg.Self, groups: groups, mine: mine, theirs: make(map[placement.NodeID][]Digest)}
	var asking errgroup.Group
	asking.SetLimit(nodesAtOnce)
	for _, node := range r.others() {
		asking.Go(func() error {
			digests, err := r.askDigests(ctx, node, groups)
			if err != nil {
				r.doubt(ctx, node, "digests", err)
				return nil
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.theirs[node] = digests
			return nil
		})
	}
	_ = asking.Wait()
	return c, ctx.Err()
}

// compareStock compares the groups of which this node has something that it is not to hold.
func (r *Repairer) compareStock(ctx context.Context, p place) (*comparison, error) {
	foreign := p.foreign()
	mine, err := r.ownDigests(ctx, foreign)
	if err != nil {
		return nil, err
	}
	var stocked []placement.Group
	for i, g := range foreign {
		if mine[i] != (Digest{}) {
			stocked = append(stocked, g)
		}
	}
	return r.compare(ctx, p.layout, stocked)
}

func (r *Repairer) ownDigests(ctx context.Context, groups []placement.Group) ([]Digest, error) {
	mine, err := r.cfg.Local.Digests(ctx, groups)
	if err == nil && len(mine) != len(groups) {
		err = errNonsense
	}
	if err != nil {
		return nil, fmt.Errorf("digest own chunks: %w", err)
	}
	return mine, nil
}

func (r *Repairer) askDigests(ctx context.Context, node placement.NodeID, groups []placement.Group) ([]Digest, error) {
	digests := make([]Digest, 0, len(groups))
	for some := range slices.Chunk(groups, groupsAtOnce) {
		asked, cancel := context.WithTimeout(ctx, askTimeout)
		answer, err := r.cfg.Peers.Digests(asked, node, some)
		cancel()
		if err == nil && len(answer) != len(some) {
			err = fmt.Errorf("%d digests of %d groups: %w", len(answer), len(some), errNonsense)
		}
		if err != nil {
			return nil, err
		}
		digests = append(digests, answer...)
	}
	return digests, nil
}

// doubt notes that a node did not answer, or not as it should.
func (r *Repairer) doubt(ctx context.Context, node placement.NodeID, asked string, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errNonsense):
		r.log.Warn("node answers what cannot be", "node", node, "asked", asked, "err", err)
		r.cfg.Events(Event{Kind: Nonsense, Node: node})
	default:
		r.log.Info("node does not answer", "node", node, "asked", asked, "err", err)
	}
}

// heard tells whether a node answered, as this one does.
func (c *comparison) heard(node placement.NodeID) bool {
	if node == c.self {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, heard := c.theirs[node]
	return heard
}

func (c *comparison) forget(node placement.NodeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.theirs, node)
}

// silent returns the nodes of the layout that may hold something and did not answer.
func (c *comparison) silent() (ids []placement.NodeID) {
	for n := range c.layout.Nodes() {
		if !n.Draining && n.Capacity > 0 && !c.heard(n.ID) {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// settled tells whether every holder of the i-th group has what this node has, or nobody has anything. With strict, nobody
// else has anything else.
func (c *comparison) settled(i int, strict bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	something := c.mine[i] != (Digest{})
	for _, theirs := range c.theirs {
		something = something || theirs[i] != (Digest{})
		if strict && theirs[i] != (Digest{}) && theirs[i] != c.mine[i] {
			return false
		}
	}
	if !something {
		return true
	}
	holders := c.layout.Holders(c.groups[i])
	for _, id := range holders {
		if theirs, heard := c.theirs[id]; id != c.self && (!heard || theirs[i] != c.mine[i]) {
			return false
		}
	}
	return len(holders) > 0
}

// digests returns what the nodes that answered have of the i-th group.
func (c *comparison) digests(i int) map[placement.NodeID]Digest {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[placement.NodeID]Digest, len(c.theirs))
	for node, theirs := range c.theirs {
		all[node] = theirs[i]
	}
	return all
}
