package repair

import (
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// State says what a Repairer is at.
type State string

// The states, the strongest first: a node that waits says so although it drains.
const (
	// Waiting nodes copy and delete nothing until Now.
	StateWaiting State = "waiting"
	// Draining nodes are to leave; of drained ones, others hold all.
	StateDraining State = "draining"
	StateDrained  State = "drained"
	// Repairing nodes pull chunks, checking ones compare theirs with those of others.
	StateRepairing State = "repairing"
	StateChecking  State = "checking"
	StateIdle      State = "idle"
)

// Total is a number of chunks and the sum of their sizes.
type Total struct {
	Chunks int   `json:"chunks"`
	Bytes  int64 `json:"bytes"`
}

func (t *Total) add(size int64) { t.Chunks, t.Bytes = t.Chunks+1, t.Bytes+size }

func (t *Total) sum(other Total) { t.Chunks, t.Bytes = t.Chunks+other.Chunks, t.Bytes+other.Bytes }

// Status says how far a node is.
type Status struct {
	State State `json:"state"`
	// Queued and BytesLeft are what this node is still to pull or, while it drains, what others are still to.
	Queued    int   `json:"queued_chunks"`
	BytesLeft int64 `json:"bytes_left"`
	// Rate is in bytes a second over the last ten seconds; ETA is 0 when it is not known.
	Rate int64         `json:"rate"`
	ETA  time.Duration `json:"eta"`
	// UnderCopied counts the chunks of which fewer copies are alive than wanted, in the groups that this node counts: those
	// whose first holder it is, of the holders that answer. So the sum over all nodes counts each chunk once.
	UnderCopied int `json:"under_copied"`
	// Least is how many copies of one of those are alive at least; 0 when there are none.
	Least int `json:"least"`
	// Lost counts the wanted chunks of those groups that nobody has; LostChunks names some of them.
	Lost       int         `json:"lost"`
	LostChunks []chunk.Ref `json:"lost_chunks,omitempty"`
	// Failing is how many chunks could not be pulled and are tried again later; Full, that the disk has no room.
	Failing int  `json:"failing"`
	Full    bool `json:"full"`
	// Silent are the nodes that were not heard in the last round, which ended at LastRound; zero before the first.
	Silent    []placement.NodeID `json:"silent,omitempty"`
	LastRound time.Time          `json:"last_round,omitzero"`
	// Safe is what others hold of this node's Held chunks; counted while it drains.
	Safe int `json:"safe"`
	Held int `json:"held"`
	// Copied and Freed are what was pulled and given back since the start.
	Copied Total `json:"copied"`
	Freed  Total `json:"freed"`
}

// Status returns how far this node is. It is cheap.
func (r *Repairer) Status() Status {
	paused, left := r.paused(), r.queue.left()
	p, _ := r.place()
	now := time.Now()
	failing := r.failing.count(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{
		State: StateIdle, Queued: left.Chunks, BytesLeft: left.Bytes, Rate: r.meter.rate(now),
		UnderCopied: r.last.under, Least: r.last.least, Lost: r.last.lost, LostChunks: r.last.lostChunks,
		Failing: failing, Full: r.full, Silent: r.last.silent, LastRound: r.ended, Copied: r.total, Freed: r.freed,
	}
	switch {
	case p.draining:
		r.drain.tell(&s, p.layout.Version())
	case left.Chunks > 0:
		s.State = StateRepairing
	case r.checking:
		s.State = StateChecking
	}
	if paused {
		s.State = StateWaiting
	}
	if s.Rate > 0 && s.BytesLeft > 0 {
		s.ETA = time.Duration(float64(s.BytesLeft) / float64(s.Rate) * float64(time.Second)).Round(time.Second)
	}
	return s
}
