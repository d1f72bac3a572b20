package repair

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// queueBound is how many jobs are kept when there are too many: those of several minutes at the usual rate.
const queueBound = 8192

// offer names the nodes that say a chunk is that long. Honest ones agree.
type offer struct {
	size int64
	from []placement.NodeID
}

// job is a chunk that this node is to pull.
type job struct {
	ref chunk.Ref
	// copies is how many nodes were found to have it, urgency what Config said of it.
	copies, urgency int
	// offers begin with the nodes to be asked first.
	offers []offer

	survey uint64 // the last survey that found it missing
	at     int    // its place in the heap
}

func (j *job) size() int64 { return j.offers[0].size }

// inOrder compares jobs: the one with fewer copies left is done first, then the more urgent one.
func inOrder(a, b *job) int {
	return cmp.Or(
		cmp.Compare(a.copies, b.copies),
		-cmp.Compare(a.urgency, b.urgency),
		slices.Compare(a.ref[:], b.ref[:]),
	)
}

// queue has the most pressing of the chunks that this node lacks. Surveys fill it while it is emptied; what the last whole
// survey did not find missing any more is not in it. Its methods may be called from many goroutines at once.
type queue struct {
	bound int
	// filled is told when there is something to take.
	filled chan struct{}

	mu sync.Mutex
	// All below is guarded by mu.
	waiting  jobs
	known    map[chunk.Ref]*job
	busy     map[chunk.Ref]int64 // the sizes of what is being pulled
	bytes    int64               // of waiting and busy
	survey   uint64
	cutoff   *job  // what comes after it finds no room in this survey
	rest     Total // what the last whole survey found beyond what the queue holds
	counting Total // the same of the survey under way
}

func newQueue(bound int) *queue {
	return &queue{bound: bound, filled: make(chan struct{}, 1), known: make(map[chunk.Ref]*job), busy: make(map[chunk.Ref]int64)}
}

// begin starts a survey.
func (q *queue) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.survey++
	q.cutoff, q.counting = nil, Total{}
}

// add puts in a chunk that the survey under way found missing.
func (q *queue) add(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j.survey = q.survey
	if _, busy := q.busy[j.ref]; busy {
		return
	}
	if old := q.known[j.ref]; old != nil {
		q.bytes += j.size() - old.size()
		j.at = old.at
		*old = *j
		heap.Fix(&q.waiting, old.at)
		return
	}
	if q.cutoff != nil && inOrder(q.cutoff, j) < 0 {
		q.counting.add(j.size())
		return
	}
	q.known[j.ref] = j
	q.bytes += j.size()
	heap.Push(&q.waiting, j)
	if len(q.waiting) >= 2*q.bound {
		q.prune()
	}
	signal(q.filled)
}

// prune keeps the more pressing half; q.mu is held.
func (q *queue) prune() {
	slices.SortFunc(q.waiting, inOrder)
	q.cutoff = q.waiting[q.bound-1]
	for _, j := range q.waiting[q.bound:] {
		if j.survey == q.survey {
			q.counting.add(j.size())
		}
	}
	q.keep(q.waiting[:q.bound])
}

// keep leaves only some of the waiting jobs, and in their order; q.mu is held.
func (q *queue) keep(some []*job) {
	clear(q.waiting[len(some):])
	q.waiting = some
	clear(q.known)
	q.bytes = 0
	for _, size := range q.busy {
		q.bytes += size
	}
	for at, j := range q.waiting {
		j.at = at
		q.known[j.ref] = j
		q.bytes += j.size()
	}
}

// end says that the survey looked at everything.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rest, q.counting = q.counting, Total{}
	q.keep(slices.DeleteFunc(q.waiting, func(j *job) bool { return j.survey != q.survey }))
	heap.Init(&q.waiting)
}

// take returns the most pressing job, nil for none. Done must follow. It tells whether a survey should fill the queue again.
func (q *queue) take() (j *job, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, q.rest.Chunks > 0
	}
	j, _ = heap.Pop(&q.waiting).(*job)
	delete(q.known, j.ref)
	q.busy[j.ref] = j.size()
	return j, q.rest.Chunks > 0 && len(q.waiting) < q.bound/4
}

// done says that a job was carried out, or failed.
func (q *queue) done(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= q.busy[j.ref]
	delete(q.busy, j.ref)
}

// left returns what is still to be pulled, as far as it is known.
func (q *queue) left() Total {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Total{Chunks: len(q.waiting) + len(q.busy) + q.rest.Chunks, Bytes: q.bytes + q.rest.Bytes}
}

// jobs is a heap with the most pressing job first.
type jobs []*job

func (h jobs) Len() int           { return len(h) }
func (h jobs) Less(i, j int) bool { return inOrder(h[i], h[j]) < 0 }
func (h jobs) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *jobs) Push(x any) {
	if j, ok := x.(*job); ok {
		j.at = len(*h)
		*h = append(*h, j)
	}
}

// Pop implements heap.Interface.
func (h *jobs) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return j
}
