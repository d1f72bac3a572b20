package chunk

import (
	"context"
	"sync"
)

// Locks is a lock for each chunk, so that what is done to one chunk is done in turn. The zero value is ready. It keeps nothing
// of chunks that nobody has locked.
type Locks struct {
	mu sync.Mutex
	// held is guarded by mu; a channel is closed when its chunk is unlocked.
	held map[Ref]chan struct{}
}

// Lock waits until it has the chunk, or returns the error of ctx. Who waits longest does not come first.
func (l *Locks) Lock(ctx context.Context, ref Ref) error {
	for {
		l.mu.Lock()
		busy, taken := l.held[ref]
		if !taken {
			if l.held == nil {
				l.held = make(map[Ref]chan struct{})
			}
			l.held[ref] = make(chan struct{})
		}
		l.mu.Unlock()
		if !taken {
			return nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Unlock gives up a chunk that was locked.
func (l *Locks) Unlock(ref Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[ref])
	delete(l.held, ref)
}
