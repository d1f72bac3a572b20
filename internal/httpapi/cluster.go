package httpapi

import (
	"context"
	"errors"
	"time"

	"shoal/internal/chunk"
)

// Cluster is the nodes that keep one library together. Methods without a context answer at once, from what is known. All of them may be called
// from many goroutines at once. Nodes are named by their ids; that of this one is Config.Node.ID.
type Cluster interface {
	// ID is the same on all nodes of a cluster, and on those of no other.
	ID() string
	// Copies is how many nodes are to keep each chunk.
	Copies() int
	// Members lists the nodes, this one among them, in an order that stays. A node that is gone stays listed until it is removed.
	Members() []Member
	// Invite makes a link that lets one machine join within that time.
	Invite(ctx context.Context, within time.Duration) (link string, err error)
	// Nearby lists the machines on this network that ask to join. Approve lets one in. Errors: ErrNoNode.
	Nearby() []Nearby
	Approve(ctx context.Context, id string) error
	// Drain has the others take over what a node keeps, Undrain has it keep that again; both return when that is decided, and
	// are no error where it was before. Errors: ErrNoNode.
	Drain(ctx context.Context, id string) error
	Undrain(ctx context.Context, id string) error
	// Remove shuts a node out for good. Errors: ErrNoNode.
	Remove(ctx context.Context, id string) error
	// Repair says how far the chunks are from their number of copies, and RepairPlan what is to be done about it.
	Repair() Repair
	RepairPlan(ctx context.Context) (RepairPlan, error)
	// RepairNow waits for no node to come back, and for no operator.
	RepairNow(ctx context.Context) error
	// Holders tells for each of the chunks which nodes have it. Those that do not answer soon are left out; it fails only with ctx.
	Holders(ctx context.Context, chunks []chunk.Info) ([][]string, error)
	// Counts are of this node, since its start.
	Counts() ClusterCounts
}

// Errors of a Cluster.
var (
	// ErrNoNode says that the cluster has no such node, or that no such machine asks to join.
	ErrNoNode = errors.New("no such node")
	// ErrNoCluster says that this node can be in no cluster.
	ErrNoCluster = errors.New("this node is in no cluster")
)

// Unreachable is among the errors of a Streams when a chunk cannot be read because the nodes that may have it do not answer.
type Unreachable interface {
	error
	// Holders are the ids of those nodes, none when that is not known.
	Holders() []string
}

// NodeState is how a node is.
type NodeState string

// The states of a node.
const (
	NodeAlive NodeState = "alive"
	// NodeSuspect nodes do not answer just now, NodeDead ones have not for so long that nobody asks them any more.
	NodeSuspect NodeState = "suspect"
	NodeDead    NodeState = "dead"
	// NodeDraining nodes answer, and get nothing new to keep.
	NodeDraining NodeState = "draining"
	NodeRemoved  NodeState = "removed"
)

// Member is a node of the cluster. For this node itself ID and State are enough.
type Member struct {
	ID, Name string
	State    NodeState
	Zone     string
	// URL is where browsers reach the node, "" when unknown.
	URL, Version string
	// Capacity is how many bytes it may keep, Used how many it keeps, Free how many its disk has room for.
	Capacity, Used, Free int64
	// LastSeen is when it answered last.
	LastSeen time.Time
	// Drain is nil unless the node is being drained; it may be so while it is dead.
	Drain *Drain
}

// Drain says how far others have taken over what a node keeps.
type Drain struct {
	// Progress is from 0 to 1.
	Progress  float64
	BytesLeft int64
	// ETA is 0 when unknown.
	ETA time.Duration
	// Safe is true once the node can be switched off and nothing is lost.
	Safe bool
}

// Nearby is a machine that asks to join. Nothing of it is certain but its id.
type Nearby struct {
	ID, Name string
	// Code is short enough to be compared with what that machine shows.
	Code    string
	Address string
}

// RepairState is what is being done about missing copies.
type RepairState string

// The states of a repair.
const (
	RepairIdle RepairState = "idle"
	// RepairWaiting waits for a node to come back, RepairHeld for an operator, because so many are gone at once.
	RepairWaiting RepairState = "waiting"
	RepairHeld    RepairState = "held"
	RepairRunning RepairState = "running"
)

// Repair says how far the chunks are from their number of copies.
type Repair struct {
	State RepairState
	// QueuedChunks and BytesLeft are what is to be copied.
	QueuedChunks, BytesLeft int64
	// ETA is 0 when unknown.
	ETA time.Duration
	// UnderCopied is how many chunks have fewer live copies than wanted.
	UnderCopied int64
	// Begins is when copying begins if the repair is waiting, zero when unknown.
	Begins time.Time
}

// RepairPlan says what a repair would do.
type RepairPlan struct {
	Moves []Move
	// Surplus counts the chunks that more nodes keep than need to.
	SurplusChunks, SurplusBytes int64
	// LostChunks is how many chunks no node has, though all that should were asked.
	LostChunks int64
	// Silent are the nodes that could not be asked.
	Silent []string
}

// Move is what one node is to copy from another.
type Move struct {
	From, To      string
	Chunks, Bytes int64
}

// ClusterCounts are numbers that only grow.
type ClusterCounts struct {
	// RepairBytes is how much was copied to this node to bring chunks back to their number of copies.
	RepairBytes int64
	// NodeReads is how many chunks were read from other nodes, NodeFailures how many of those had the wrong bytes.
	NodeReads, NodeFailures int64
}

// solo is the cluster of a node that stands alone and can be joined by nobody.
type solo struct{ cfg Config }

func (s solo) ID() string        { return "" }
func (s solo) Copies() int       { return s.cfg.Copies }
func (s solo) Members() []Member { return []Member{{ID: s.cfg.Node.ID, State: NodeAlive}} }
func (s solo) Nearby() []Nearby  { return nil }

func (s solo) Invite(context.Context, time.Duration) (string, error) { return "", ErrNoCluster }
func (s solo) Approve(context.Context, string) error                 { return ErrNoNode }
func (s solo) Drain(context.Context, string) error                   { return ErrNoNode }
func (s solo) Undrain(context.Context, string) error                 { return ErrNoNode }
func (s solo) Remove(context.Context, string) error                  { return ErrNoNode }
func (s solo) RepairPlan(context.Context) (p RepairPlan, err error)  { return p, nil }
func (s solo) RepairNow(context.Context) error                       { return nil }
func (s solo) Counts() (c ClusterCounts)                             { return c }

func (s solo) Repair() Repair {
	repair := Repair{State: RepairIdle}
	if s.cfg.Copies > 1 {
		repair.UnderCopied = s.cfg.Disk.Usage().Chunks // each has one copy, the one on this node
	}
	return repair
}

func (s solo) Holders(_ context.Context, chunks []chunk.Info) ([][]string, error) {
	held := make([][]string, len(chunks))
	for i := range held {
		held[i] = []string{s.cfg.Node.ID}
	}
	return held, nil
}
