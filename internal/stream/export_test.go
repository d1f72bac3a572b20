package stream

// LimitIndex bounds the segments that s remembers the places of.
func LimitIndex(s *Streams, limit int) { s.index.max = limit }

// Indexed returns how many segments s remembers the places of.
func Indexed(s *Streams) int {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	sum := 0
	for _, t := range s.index.tables {
		sum += len(t.at)
	}
	if sum != s.index.total {
		return -1
	}
	return sum
}
