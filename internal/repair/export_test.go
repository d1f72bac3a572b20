package repair

import (
	"context"

	"shoal/internal/chunk"
)

// BoundQueue makes the queue small, before Run.
func (r *Repairer) BoundQueue(bound int) { r.queue = newQueue(bound) }

// Spare gives back now what may be.
func (r *Repairer) Spare(ctx context.Context) (Total, error) { return r.spare(ctx) }

// Waiting returns how many jobs wait in the queue.
func (r *Repairer) Waiting() int {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	return len(r.queue.waiting)
}

// Queue is a queue without a Repairer.
type Queue struct{ q *queue }

// NewQueue returns an empty queue.
func NewQueue(bound int) Queue { return Queue{newQueue(bound)} }

// Survey fills the queue as one whole survey does that found these chunks missing, by their copies.
func (q Queue) Survey(missing map[chunk.Ref]int) {
	q.q.begin()
	for ref, copies := range missing {
		q.q.add(&job{ref: ref, copies: copies, offers: []offer{{size: 1}}})
	}
	q.q.end()
}

// Take returns the next chunk, and whether a survey should follow; ok is false for none.
func (q Queue) Take() (ref chunk.Ref, more, ok bool) {
	j, more := q.q.take()
	if j == nil {
		return ref, more, false
	}
	q.q.done(j)
	return j.ref, more, true
}

// Left returns what is still to be pulled.
func (q Queue) Left() Total { return q.q.left() }
