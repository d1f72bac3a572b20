package disk

import (
	"fmt"
	"sync"
	"sync/atomic"

	"shoal/internal/chunk"
)

// absent is the size of a chunk that is not there.
const absent = -1

// Totals are the running totals of a chunk store.
type Totals struct {
	// Chunks is a number of files, Bytes the sum of their lengths.
	Chunks, Bytes int64
	// Exact is false from an unclean stop until Run has counted again.
	Exact bool
}

// usage counts chunks as they come and go, so that nobody has to walk over them.
type usage struct {
	capacity int64
	shards   [shardCount]shard
	// watcher is told what comes and goes, under the shard's mu; nil for nobody.
	watcher atomic.Pointer[func(ref chunk.Ref, there, certain bool)]

	mu sync.Mutex
	// guarded by mu: the sums over all shards, and the bytes of writes under way
	chunks, bytes, pledged int64
	// guarded by mu: the counts are in doubt unless as many doubts are settled as were raised
	doubts, settled int64
	// guarded by mu: whether something changed since the last save
	unsaved bool
}

// shard counts the chunks of one folder.
type shard struct {
	// mu is held while a file gets or loses its name, so that a recount sees that as one change.
	mu sync.Mutex
	// guarded by mu
	chunks, bytes int64
	// touched is the size, or absent, of what changed since a recount of this folder began; nil when
	// there is none under way; guarded by mu.
	touched map[chunk.Ref]int64
}

// change carries out do, after which the size of ref is after instead of before. It takes the place
// of promise, if that is not nil.
func (u *usage) change(ref chunk.Ref, before, after int64, promise *promise, do func() error) error {
	s := &u.shards[ref[0]]
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := do(); err != nil {
		// It may have happened all the same, so only a recount can tell.
		u.doubt()
		u.tell(ref, false, false)
		return err
	}
	if count(before) != count(after) {
		u.tell(ref, after != absent, true)
	}
	if s.touched != nil {
		s.touched[ref] = after
	}
	u.add(s, count(after)-count(before), max(after, 0)-max(before, 0), promise)
	return nil
}

func (u *usage) tell(ref chunk.Ref, there, certain bool) {
	if watcher := u.watcher.Load(); watcher != nil {
		(*watcher)(ref, there, certain)
	}
}

func count(size int64) int64 {
	if size == absent {
		return 0
	}
	return 1
}

// add changes the counts of a shard, whose mu is held, and the sums, and redeems a promise.
func (u *usage) add(s *shard, chunks, bytes int64, redeemed *promise) {
	s.chunks += chunks
	s.bytes += bytes
	u.mu.Lock()
	defer u.mu.Unlock()
	u.chunks += chunks
	u.bytes += bytes
	u.unsaved = true
	if redeemed != nil {
		u.pledged -= redeemed.bytes
		redeemed.bytes = 0
	}
}

func (u *usage) doubt() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.doubts++
	u.unsaved = true
}

func (u *usage) totals() Totals {
	u.mu.Lock()
	defer u.mu.Unlock()
	return Totals{Chunks: u.chunks, Bytes: u.bytes, Exact: u.doubts == u.settled}
}

// promise is room kept for a chunk while it is written.
type promise struct {
	usage *usage
	// guarded by usage.mu
	bytes int64
}

// promise keeps room for size bytes, or returns ErrFull where that goes over the capacity.
func (u *usage) promise(size int64) (*promise, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.capacity > 0 && u.bytes+u.pledged+size > u.capacity {
		return nil, fmt.Errorf("%w: %d of %d bytes are taken", chunk.ErrFull, u.bytes+u.pledged, u.capacity)
	}
	u.pledged += size
	return &promise{usage: u, bytes: size}, nil
}

// end gives the room back, unless the chunk has taken it.
func (p *promise) end() {
	p.usage.mu.Lock()
	defer p.usage.mu.Unlock()
	p.usage.pledged -= p.bytes
	p.bytes = 0
}

// under tells how many bytes are left below the capacity, limit when there is none.
func (u *usage) under(limit int64) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.capacity == 0 {
		return limit
	}
	return max(0, min(limit, u.capacity-u.bytes-u.pledged))
}

// promised returns the bytes that are promised and not written yet.
func (u *usage) promised() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.pledged
}
