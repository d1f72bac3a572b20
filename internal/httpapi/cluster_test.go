package httpapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/httpapi"
)

// nodes is a cluster in memory, of which the house is the node nodeID. Every node is up and keeps every chunk unless the test says otherwise.
type nodes struct {
	mu      sync.Mutex
	members []httpapi.Member   // guarded by mu
	nearby  []httpapi.Nearby   // guarded by mu
	repair  httpapi.Repair     // guarded by mu
	plan    httpapi.RepairPlan // guarded by mu
	counts  httpapi.ClusterCounts
	// lacking has the nodes that lack a chunk.
	lacking map[chunk.Ref][]string // guarded by mu
	// done is what was ordered; asked counts the calls of Holders.
	done    []string // guarded by mu
	asked   int      // guarded by mu
	blocked bool     // guarded by mu; whether Holders waits for the end of its context
}

func newNodes(more ...httpapi.Member) *nodes {
	return &nodes{
		members: append([]httpapi.Member{{ID: nodeID, State: httpapi.NodeAlive}}, more...),
		repair:  httpapi.Repair{State: httpapi.RepairIdle}, lacking: make(map[chunk.Ref][]string),
	}
}

// attic and barn are two more nodes.
func attic() httpapi.Member {
	return httpapi.Member{
		ID: "node-two", Name: "attic-pc", State: httpapi.NodeAlive, Zone: "attic", URL: "http://10.0.0.2:3003", Version: "1.2.3",
		Capacity: 2000, Used: 500, Free: 1500, LastSeen: newClock().now(),
	}
}

func barn() httpapi.Member {
	m := attic()
	m.ID, m.Name, m.Zone = "node-three", "barn", "barn"
	return m
}

// join makes the house one of the nodes.
func (n *nodes) join(cfg *httpapi.Config) { cfg.Cluster = n }

func (n *nodes) ID() string  { return "cluster-one" }
func (n *nodes) Copies() int { return 2 }

func (n *nodes) Members() []httpapi.Member {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]httpapi.Member{}, n.members...)
}

// change changes a node.
func (n *nodes) change(id string, how func(*httpapi.Member)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.members {
		if n.members[i].ID == id {
			how(&n.members[i])
			return nil
		}
	}
	return fmt.Errorf("change %s: %w", id, httpapi.ErrNoNode)
}

// set changes anything.
func (n *nodes) set(how func(*nodes)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	how(n)
}

func (n *nodes) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = append(n.done, fmt.Sprintf(format, args...))
}

// orders is what was ordered so far.
func (n *nodes) orders() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.done, ", ")
}

func (n *nodes) Invite(_ context.Context, within time.Duration) (string, error) {
	n.note("invite %s", within)
	return "shoal://10.0.0.1:9004/?secret=once", nil
}

func (n *nodes) Nearby() []httpapi.Nearby {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]httpapi.Nearby{}, n.nearby...)
}

func (n *nodes) Approve(_ context.Context, id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, one := range n.nearby {
		if one.ID == id {
			n.nearby = append(n.nearby[:i:i], n.nearby[i+1:]...)
			n.members = append(n.members, httpapi.Member{ID: id, Name: one.Name, State: httpapi.NodeAlive})
			n.done = append(n.done, "approve "+id)
			return nil
		}
	}
	return fmt.Errorf("approve %s: %w", id, httpapi.ErrNoNode)
}

func (n *nodes) Drain(_ context.Context, id string) error {
	err := n.change(id, func(m *httpapi.Member) { m.State, m.Drain = httpapi.NodeDraining, &httpapi.Drain{BytesLeft: m.Used} })
	if err == nil {
		n.note("drain %s", id)
	}
	return err
}

func (n *nodes) Undrain(_ context.Context, id string) error {
	err := n.change(id, func(m *httpapi.Member) { m.State, m.Drain = httpapi.NodeAlive, nil })
	if err == nil {
		n.note("undrain %s", id)
	}
	return err
}

func (n *nodes) Remove(_ context.Context, id string) error {
	err := n.change(id, func(m *httpapi.Member) { m.State, m.Drain = httpapi.NodeRemoved, nil })
	if err == nil {
		n.note("remove %s", id)
	}
	return err
}

func (n *nodes) Repair() httpapi.Repair {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.repair
}

func (n *nodes) RepairPlan(context.Context) (httpapi.RepairPlan, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plan, nil
}

func (n *nodes) RepairNow(context.Context) error {
	n.set(func(n *nodes) { n.repair.State = httpapi.RepairRunning })
	n.note("repair")
	return nil
}

func (n *nodes) Counts() httpapi.ClusterCounts { return n.counts }

func (n *nodes) Holders(ctx context.Context, chunks []chunk.Info) ([][]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if n.blocked {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	held := make([][]string, len(chunks))
	for i, info := range chunks {
		for _, m := range n.members {
			if m.State != httpapi.NodeDead && m.State != httpapi.NodeRemoved && !slices.Contains(n.lacking[info.Ref], m.ID) {
				held[i] = append(held[i], m.ID)
			}
		}
	}
	return held, nil
}
