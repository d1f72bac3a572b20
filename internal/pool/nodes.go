package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/cluster"
	"shoal/internal/gossip"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// ErrNoNode says that the pool has no such node.
var ErrNoNode = errors.New("no such node")

// Node is a member as this node knows it.
type Node struct {
	ID                       placement.NodeID
	Name, Zone, URL, Version string
	State                    gossip.State
	// LastSeen is when it was last heard, zero for never.
	LastSeen time.Time
	// Capacity is what it promises in bytes, Used what it has, Free what it has room for.
	Capacity, Used, Free int64
	Draining             bool
	// Repair is what it is at; Safe of Held chunks are with others, while it drains.
	Repair                              repair.State
	QueuedChunks, BytesLeft             int64
	ETA                                 time.Duration
	UnderCopied, LostChunks, Safe, Held int64
}

// Nodes lists the members, this node among them, in the order of their ids.
func (p *Pool) Nodes(ctx context.Context) ([]Node, error) {
	inLayout, err := p.layoutNodes(ctx)
	if err != nil {
		return nil, err
	}
	peers := make(map[placement.NodeID]gossip.Peer)
	for _, peer := range p.gossip.All() {
		peers[peer.ID] = peer
	}
	var all []Node
	for _, id := range p.host.Members().All() {
		n := p.describe(id, peers[id])
		n.Draining = slices.ContainsFunc(inLayout, func(l placement.Node) bool { return l.ID == id && l.Draining })
		all = append(all, n)
	}
	return all, nil
}

func (p *Pool) describe(id placement.NodeID, peer gossip.Peer) Node {
	p.mu.Lock()
	f := p.facts[id]
	p.mu.Unlock()
	n := Node{ID: id, Name: f.Name, Zone: f.Zone, URL: f.URL, Version: f.Version, Capacity: f.Capacity, State: peer.State, LastSeen: peer.LastSeen}
	r, err := readReport(peer.Facts)
	if id == p.ID() {
		r, err, n.State, n.LastSeen = p.ownReport(), nil, gossip.Alive, time.Now()
	}
	if err == nil {
		n.Used, n.Free, n.Repair = r.Used, r.Free, repairStates[r.State]
		n.QueuedChunks, n.BytesLeft, n.ETA = r.Queued, r.Left, time.Duration(r.ETA)*time.Second
		n.UnderCopied, n.LostChunks, n.Safe, n.Held = r.Under, r.Lost, r.Safe, r.Held
	}
	return n
}

// Cluster names the pool.
func (p *Pool) Cluster() string { return string(p.host.Members().Cluster()) }

// Invite returns a link with which one node may join, once, within that time.
func (p *Pool) Invite(ctx context.Context, within time.Duration) (string, error) {
	return p.host.Invite(ctx, within)
}

// Waiting says that half of the nodes or more are gone at once, and that nothing is copied until somebody says so.
func (p *Pool) Waiting() bool { return p.isWaiting() }

// Due is when the next node that is gone is given up, zero for none.
func (p *Pool) Due() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.next
}

// Drain has the others take over what a node holds, or not any more. Errors: ErrNoNode.
func (p *Pool) Drain(ctx context.Context, id placement.NodeID, leaves bool) error {
	if !p.host.Members().Has(id) {
		return fmt.Errorf("drain node %s: %w", id, ErrNoNode)
	}
	var err error
	if leaves {
		err = p.membership.Save(ctx, draining, string(id), nil)
	} else {
		err = p.membership.Delete(ctx, draining, string(id))
	}
	if err != nil {
		return fmt.Errorf("drain node %s: %w", id, err)
	}
	signal(p.kick)
	return nil
}

// Remove shuts a node out for good; a new invite would let it in again. Errors: ErrNoNode.
func (p *Pool) Remove(ctx context.Context, id placement.NodeID) error {
	r, err := p.host.Members().Removal(id)
	if errors.Is(err, cluster.ErrNotMember) {
		return fmt.Errorf("remove node %s: %w", id, ErrNoNode)
	}
	if err != nil {
		return err
	}
	if err := p.membership.Save(ctx, removals, removalKey(r), r.Encode()); err != nil {
		return fmt.Errorf("remove node %s: %w", id, err)
	}
	if err := p.membership.Delete(ctx, draining, string(id)); err != nil {
		p.log.Warn("a removed node is still noted as draining", "node", id, "err", err)
	}
	p.host.Members().Remove(r)
	signal(p.kick)
	return nil
}

// Holders tells which nodes have each of the chunks, and which did not answer.
func (p *Pool) Holders(ctx context.Context, infos []chunk.Info) (have map[chunk.Ref][]placement.NodeID, silent []placement.NodeID) {
	return p.store.Holders(ctx, infos)
}
