package disk

import (
	"context"
	"sync"

	"shoal/internal/chunk"
)

// gate lets calls in until it is shut.
type gate struct {
	mu sync.Mutex
	// guarded by mu; idle is closed when the last call leaves a shut gate
	inside int
	closed bool
	idle   chan struct{}
}

func newGate() *gate { return &gate{idle: make(chan struct{})} }

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.idle)
	}
}

// shut keeps new calls out and waits for those inside. It returns false when it was shut before.
func (g *gate) shut() bool {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	if first && g.inside == 0 {
		close(g.idle)
	}
	g.mu.Unlock()
	<-g.idle
	return first
}

// refLocks is a lock for each chunk, so that what is done to one chunk is done in turn.
type refLocks struct {
	mu sync.Mutex
	// held is guarded by mu; a channel is closed when its chunk is unlocked.
	held map[chunk.Ref]chan struct{}
}

func (l *refLocks) lock(ctx context.Context, ref chunk.Ref) error {
	for {
		l.mu.Lock()
		busy, taken := l.held[ref]
		if !taken {
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

func (l *refLocks) unlock(ref chunk.Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[ref])
	delete(l.held, ref)
}

// take takes a place in slots; whoever has it gives it back by receiving.
func take(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
