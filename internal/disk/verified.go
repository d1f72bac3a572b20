package disk

import (
	"sync"

	"shoal/internal/chunk"
)

// maxVerified bounds the memory of what was verified: about 6 MiB.
const maxVerified = 1 << 18

// refSet is a set of chunks that forgets some when it is full.
type refSet struct {
	max int

	mu sync.RWMutex
	// guarded by mu; half of a hash is name enough for a hint that only saves work
	refs map[halfRef]struct{}
}

type halfRef [16]byte

func newRefSet(limit int) *refSet {
	return &refSet{max: limit, refs: make(map[halfRef]struct{})}
}

func (s *refSet) has(ref chunk.Ref) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, found := s.refs[half(ref)]
	return found
}

func (s *refSet) add(ref chunk.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.refs[half(ref)]; !found && len(s.refs) >= s.max {
		for old := range s.refs {
			delete(s.refs, old)
			break
		}
	}
	s.refs[half(ref)] = struct{}{}
}

func (s *refSet) remove(ref chunk.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refs, half(ref))
}

func half(ref chunk.Ref) halfRef { return halfRef(ref[:16]) }
