package node

import (
	"context"
	"errors"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/gossip"
	"shoal/internal/httpapi"
	"shoal/internal/placement"
	"shoal/internal/pool"
	"shoal/internal/repair"
)

// members is the pool as httpapi sees it.
type members struct{ pool *pool.Pool }

var states = map[gossip.State]httpapi.NodeState{
	gossip.Alive: httpapi.NodeAlive, gossip.Suspect: httpapi.NodeSuspect, gossip.Dead: httpapi.NodeDead, gossip.Left: httpapi.NodeDead,
}

func (m members) ID() string  { return m.pool.Cluster() }
func (m members) Copies() int { return m.pool.Copies() }

func (m members) Members() (all []httpapi.Member) {
	self := m.pool.ID()
	for _, n := range m.nodes() {
		if n.ID != self || !m.pool.Host().Removed() {
			all = append(all, memberOf(n))
		}
	}
	if m.pool.Host().Removed() {
		all = append(all, httpapi.Member{ID: string(self), State: httpapi.NodeRemoved})
	}
	return all
}

// nodes are none when what is known of them cannot be read, which the log tells.
func (m members) nodes() []pool.Node {
	nodes, err := m.pool.Nodes(context.Background())
	if err != nil {
		return nil
	}
	return nodes
}

func memberOf(n pool.Node) httpapi.Member {
	member := httpapi.Member{
		ID: string(n.ID), Name: n.Name, State: states[n.State], Zone: n.Zone, URL: n.URL, Version: n.Version,
		Capacity: n.Capacity, Used: n.Used, Free: n.Free, LastSeen: n.LastSeen,
	}
	if !n.Draining {
		return member
	}
	if member.State == httpapi.NodeAlive {
		member.State = httpapi.NodeDraining
	}
	member.Drain = &httpapi.Drain{BytesLeft: n.BytesLeft, ETA: n.ETA, Safe: n.Repair == repair.StateDrained}
	if n.Held > 0 {
		member.Drain.Progress = float64(n.Safe) / float64(n.Held)
	}
	if member.Drain.Safe {
		member.Drain.Progress = 1
	}
	return member
}

func (m members) Invite(ctx context.Context, within time.Duration) (string, error) {
	return m.pool.Invite(ctx, within)
}

func (m members) Nearby() (all []httpapi.Nearby) {
	for _, n := range m.pool.Host().Near() {
		if n.Asks && len(n.Addresses) > 0 {
			all = append(all, httpapi.Nearby{ID: string(n.ID), Name: n.Name, Code: n.Code, Address: n.Addresses[0]})
		}
	}
	return all
}

func (m members) Approve(_ context.Context, id string) error {
	return noNode(m.pool.Host().Approve(placement.NodeID(id)))
}

func (m members) Drain(ctx context.Context, id string) error {
	return noNode(m.pool.Drain(ctx, placement.NodeID(id), true))
}

func (m members) Undrain(ctx context.Context, id string) error {
	return noNode(m.pool.Drain(ctx, placement.NodeID(id), false))
}

func (m members) Remove(ctx context.Context, id string) error {
	return noNode(m.pool.Remove(ctx, placement.NodeID(id)))
}

func noNode(err error) error {
	if errors.Is(err, pool.ErrNoNode) {
		return errors.Join(httpapi.ErrNoNode, err)
	}
	return err
}

func (m members) RepairNow(ctx context.Context) error { return m.pool.RepairNow(ctx) }

// Repair adds up what the nodes say that are there.
func (m members) Repair() httpapi.Repair {
	r := httpapi.Repair{State: httpapi.RepairIdle}
	for _, n := range m.nodes() {
		if n.State != gossip.Alive && n.State != gossip.Suspect {
			continue
		}
		r.QueuedChunks += n.QueuedChunks
		r.BytesLeft += n.BytesLeft
		r.UnderCopied += n.UnderCopied
		r.ETA = max(r.ETA, n.ETA)
	}
	switch due := m.pool.Due(); {
	case m.pool.Waiting():
		r.State = httpapi.RepairHeld
	case r.QueuedChunks > 0:
		r.State = httpapi.RepairRunning
	case !due.IsZero():
		r.State, r.Begins = httpapi.RepairWaiting, due
	}
	return r
}

// RepairPlan adds up what the nodes would do, by pairs of them.
func (m members) RepairPlan(ctx context.Context) (httpapi.RepairPlan, error) {
	plans, silent, err := m.pool.Plans(ctx)
	if err != nil {
		return httpapi.RepairPlan{}, err
	}
	out := httpapi.RepairPlan{Silent: plain(silent)}
	moves := make(map[[2]string]*httpapi.Move)
	for _, plan := range plans {
		out.SurplusChunks += int64(plan.Surplus.Chunks)
		out.SurplusBytes += plan.Surplus.Bytes
		out.LostChunks += int64(plan.Lost)
		for _, c := range plan.Copies {
			pair := [2]string{string(c.From[0]), string(plan.Node)}
			if moves[pair] == nil {
				moves[pair] = &httpapi.Move{From: pair[0], To: pair[1]}
			}
			moves[pair].Chunks++
			moves[pair].Bytes += c.Chunk.Size
		}
	}
	for _, move := range moves {
		out.Moves = append(out.Moves, *move)
	}
	return out, nil
}

func (m members) Holders(ctx context.Context, chunks []chunk.Info) ([][]string, error) {
	have, _ := m.pool.Holders(ctx, chunks)
	held := make([][]string, len(chunks))
	for i, info := range chunks {
		held[i] = plain(have[info.Ref])
	}
	return held, ctx.Err()
}

func (m members) Counts() httpapi.ClusterCounts {
	store := m.pool.Store().Stats()
	var wrong int64
	for _, n := range store.WrongBytes {
		wrong += n
	}
	return httpapi.ClusterCounts{RepairBytes: m.pool.Repairer().Status().Copied.Bytes, NodeReads: store.Fetched, NodeFailures: wrong}
}

func plain(ids []placement.NodeID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = string(id)
	}
	return all
}
