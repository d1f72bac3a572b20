package ingest

import (
	"context"
	"sync"

	"shoal/internal/manifest"
)

// lane is a row of waiting jobs with workers of its own.
type lane int

const (
	// soon holds jobs up to the moment they can be played: checking, copying, the low rung.
	soon lane = iota
	// later holds what takes long and nobody waits for: the source's quality made anew.
	later
	// spare holds ready videos that lack something; they wait until nothing else is in work.
	spare
	lanes
)

// queue holds the jobs in work, a bounded number, and besides at most one for each ready video. Its methods may be called from many goroutines.
type queue struct {
	max int

	mu       sync.Mutex
	changed  *sync.Cond                // a job came in, or a worker should look at its context
	waiting  [lanes][]*job             // guarded by mu
	jobs     map[manifest.VideoID]*job // waiting or running; guarded by mu
	spares   int                       // of jobs; guarded by mu
	reserved int                       // places promised to files that are arriving; guarded by mu
}

func newQueue(limit int) *queue {
	q := &queue{max: limit, jobs: make(map[manifest.VideoID]*job)}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// reserve promises a place to a file that begins to arrive, or returns false when there is none.
func (q *queue) reserve() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inWork()+q.reserved >= q.max {
		return false
	}
	q.reserved++
	return true
}

func (q *queue) unreserve() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved--
}

// push puts a job at the end of a lane.
func (q *queue) push(j *job, l lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs[j.id] = j
	if l == spare {
		q.spares++
	}
	q.waiting[l] = append(q.waiting[l], j)
	q.changed.Broadcast()
}

// take waits for a job in a lane; it returns nil when ctx ends.
func (q *queue) take(ctx context.Context, l lane) *job {
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})()
	q.mu.Lock()
	defer q.mu.Unlock()
	for (len(q.waiting[l]) == 0 || l == spare && q.inWork() > 0) && ctx.Err() == nil {
		q.changed.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	j := q.waiting[l][0]
	q.waiting[l] = q.waiting[l][1:]
	return j
}

// finish takes a job out of the books.
func (q *queue) finish(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.jobs, j.id)
	if j.spare {
		q.spares--
	}
	close(j.done)
	q.changed.Broadcast()
}

// cancel stops a job for the reason why. One that waits is returned, and is the caller's to discard; for one that runs, done
// is closed when it has ended. Both are nil when there is no such job.
func (q *queue) cancel(id manifest.VideoID, why error) (waiting *job, done <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j := q.jobs[id]
	if j == nil {
		return nil, nil
	}
	for l, row := range q.waiting {
		for i := range row {
			if row[i] == j {
				q.waiting[l] = append(row[:i:i], row[i+1:]...)
				return j, nil
			}
		}
	}
	j.cancel(why)
	return nil, j.done
}

// imports tells whether a video is being prepared or waits for it.
func (q *queue) imports(id manifest.VideoID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	j := q.jobs[id]
	return j != nil && !j.spare
}

// inWork is how many videos are being prepared or wait for it; mu must be held.
func (q *queue) inWork() int { return len(q.jobs) - q.spares }

// count returns how many videos wait or are being prepared.
func (q *queue) count() (waiting, running int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting = len(q.waiting[soon]) + len(q.waiting[later])
	return waiting, q.inWork() - waiting
}
