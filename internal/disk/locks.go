package disk

import (
	"context"
	"sync"
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

// take takes a place in slots; whoever has it gives it back by receiving.
func take(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
