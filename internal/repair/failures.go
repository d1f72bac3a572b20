package repair

import (
	"slices"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// firstBackoff is how long a chunk rests that could not be pulled; each time twice as long, up to maxBackoff.
	firstBackoff = time.Minute
	maxBackoff   = 64 * time.Minute
	// maxFailures bounds how many chunks are remembered to have failed. Others are tried again in the next round.
	maxFailures = 10_000
)

// failures remembers which chunks could not be pulled, and when they may be tried again.
type failures struct {
	mu   sync.Mutex
	byID map[chunk.Ref]failure // guarded by mu
}

type failure struct {
	tries int
	until time.Time
	from  []placement.NodeID
}

// add notes that a job failed, and returns how often it has.
func (f *failures) add(j *job, now time.Time) (tries int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = make(map[chunk.Ref]failure)
	}
	old, known := f.byID[j.ref]
	if !known && len(f.byID) >= maxFailures {
		return 1
	}
	wait := min(firstBackoff<<min(old.tries, 6), maxBackoff)
	f.byID[j.ref] = failure{old.tries + 1, now.Add(wait), j.nodes()}
	return old.tries + 1
}

// nodes returns all that are said to have the chunk.
func (j *job) nodes() (ids []placement.NodeID) {
	for _, o := range j.offers {
		ids = append(ids, o.from...)
	}
	return ids
}

// rests tells whether a job is to wait. It is not when somebody has the chunk who was not asked before.
func (f *failures) rests(j *job, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, known := f.byID[j.ref]
	return known && now.Before(old.until) && !slices.ContainsFunc(j.nodes(), func(id placement.NodeID) bool {
		return !slices.Contains(old.from, id)
	})
}

// remove forgets a chunk that is here now.
func (f *failures) remove(ref chunk.Ref) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, ref)
}

func (f *failures) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.byID)
}

// next returns when the first chunk may be tried again of those that may be after a time; zero for none.
func (f *failures) next(after time.Time) (first time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, old := range f.byID {
		if old.until.After(after) && (first.IsZero() || old.until.Before(first)) {
			first = old.until
		}
	}
	return first
}

// count returns how many chunks failed. It forgets those that nobody asked for since.
func (f *failures) count(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ref, old := range f.byID {
		if now.Sub(old.until) > maxBackoff {
			delete(f.byID, ref)
		}
	}
	return len(f.byID)
}
