package pool

import (
	"context"
	"fmt"
	"time"

	"shoal/internal/gossip"
	"shoal/internal/placement"
)

// presence is who is counted on, as of the last look.
type presence struct {
	waiting bool
	// next is when that changes by itself, zero for never.
	next time.Time
	// gone says since when nodes are.
	gone map[placement.NodeID]time.Time
	// forced says that an operator gave up who is gone; it holds until somebody comes back.
	forced bool
}

// lookEvery is how often the layout is looked at though nothing was told.
const lookEvery = time.Minute

// Alive tells whether a node is thought to answer. One that is only suspect is asked: it may have been busy, and a second one
// is asked soon in any case.
func (p *Pool) Alive(id placement.NodeID) bool {
	state := p.gossip.State(id)
	return state == gossip.Alive || state == gossip.Suspect
}

func (p *Pool) isFull(id placement.NodeID) bool {
	r, known := p.reportOf(id)
	return known && r.Free == 0
}

func (p *Pool) isWaiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.waiting
}

// reachable names those that rows are sent to. A suspect one stays among them: to begin with it again costs more than a late answer.
func (p *Pool) reachable() (ids []string) {
	for _, peer := range p.gossip.All() {
		if peer.State == gossip.Alive || peer.State == gossip.Suspect && !peer.LastSeen.IsZero() {
			ids = append(ids, string(peer.ID))
		}
	}
	return ids
}

// nodeChanged is told by gossip.
func (p *Pool) nodeChanged(peer gossip.Peer) {
	p.log.Info("a node is "+peer.State.String(), "node", peer.ID, "name", p.nameOf(peer.ID))
	p.mu.Lock()
	if peer.State == gossip.Alive {
		p.state.forced = false
	}
	p.mu.Unlock()
	signal(p.kick)
}

func (p *Pool) nameOf(id placement.NodeID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts[id].Name
}

// follow keeps the layout as the members, what they say, and who is gone make it, until ctx ends.
func (p *Pool) follow(ctx context.Context) error {
	for {
		if err := p.tellFacts(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("the other nodes are not told what this one is", "err", err)
		}
		if err := p.arrange(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("the layout could not be renewed", "err", err)
		}
		wait := time.NewTimer(p.untilNext())
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-p.kick:
			wait.Stop()
		case <-wait.C:
		}
	}
}

func (p *Pool) untilNext() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.next.IsZero() {
		return lookEvery
	}
	return max(10*time.Millisecond, min(lookEvery, time.Until(p.state.next)))
}

// arrange makes the layout that follows from what is known now.
func (p *Pool) arrange(ctx context.Context) error {
	nodes, err := p.layoutNodes(ctx)
	if err != nil {
		return err
	}
	gone := p.gone()
	p.mu.Lock()
	present := placement.Present(nodes, gone, p.cfg.RepairAfter, time.Now(), p.state.forced)
	waited := p.state.waiting
	p.state.waiting, p.state.next, p.state.gone = present.Waiting, present.Next, gone
	p.mu.Unlock()
	if present.Waiting && !waited {
		p.log.Warn("half of the nodes or more are gone at once: nothing is copied until some come back, or somebody says so (shoal repair)")
	}
	layout, err := placement.NewLayout(p.Copies(), present.Nodes)
	if err != nil {
		return err
	}
	news, err := p.layouts.push(ctx, p.cfg.Records, layout)
	if err != nil {
		return err
	}
	if news {
		p.log.Info("the layout changed", "layout", layout.Version(), "nodes", len(present.Nodes), "copies", layout.Copies())
	}
	if p.repair != nil {
		p.repair.Kick()
	}
	return nil
}

// layoutNodes are the members that have said what they promise.
func (p *Pool) layoutNodes(ctx context.Context) (all []placement.Node, err error) {
	leaving := make(map[placement.NodeID]bool)
	err = p.membership.Each(ctx, draining, func(key string, _ []byte) error {
		leaving[placement.NodeID(key)] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read who drains: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.host.Members().All() {
		if f, told := p.facts[id]; told {
			all = append(all, placement.Node{ID: id, Zone: f.Zone, Capacity: f.Capacity, Draining: leaving[id]})
		}
	}
	return all, nil
}

// gone says since when nodes are, as this one noticed.
func (p *Pool) gone() map[placement.NodeID]time.Time {
	gone := make(map[placement.NodeID]time.Time)
	for _, peer := range p.gossip.All() {
		if peer.State == gossip.Dead || peer.State == gossip.Left {
			gone[peer.ID] = peer.Since
		}
	}
	return gone
}

// reportOf returns how a node last said it is.
func (p *Pool) reportOf(id placement.NodeID) (report, bool) {
	if id == p.ID() {
		return p.ownReport(), true
	}
	for _, peer := range p.gossip.All() {
		if peer.ID == id && peer.Facts != nil {
			r, err := readReport(peer.Facts)
			return r, err == nil
		}
	}
	return report{}, false
}
