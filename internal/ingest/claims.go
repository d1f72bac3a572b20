package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"shoal/internal/chunk"
)

// claims knows which chunks the running jobs rely on, so that a job that fails can take its own away
// again without touching one that another job has come to rely on meanwhile.
type claims struct {
	store chunk.Store
	// clearing is held for reading around each put, and for writing while a failed job's chunks go:
	// a put then either counts before the deletion or stores the chunk anew after it.
	clearing sync.RWMutex
	mu       sync.Mutex
	held     map[chunk.Ref]*hold // guarded by mu
}

// hold counts the jobs that rely on a chunk; once shared it outlives the job that brought it.
type hold struct {
	jobs   int
	shared bool
}

func newClaims(store chunk.Store) *claims {
	return &claims{store: store, held: make(map[chunk.Ref]*hold)}
}

// claim is one job's set of chunks; the value is true for chunks that were not stored before.
type claim struct {
	all *claims
	own map[chunk.Ref]bool // guarded by all.mu
}

func (c *claims) open() *claim { return &claim{all: c, own: make(map[chunk.Ref]bool)} }

// put stores data and remembers that this job relies on it.
func (c *claim) put(ctx context.Context, data []byte) (chunk.Info, error) {
	c.all.clearing.RLock()
	defer c.all.clearing.RUnlock()
	stored, err := c.all.store.Put(ctx, data)
	if err != nil {
		return chunk.Info{}, fmt.Errorf("store %d bytes: %w", len(data), err)
	}
	c.hold(stored.Ref, stored.New)
	return stored.Info, nil
}

func (c *claim) hold(ref chunk.Ref, brought bool) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if was, mine := c.own[ref]; mine {
		c.own[ref] = was || brought
		return
	}
	c.own[ref] = brought
	if h := c.all.held[ref]; h != nil {
		h.jobs++
		h.shared = true
		return
	}
	c.all.held[ref] = &hold{jobs: 1}
}

// keep gives up the claim and leaves the chunks where they are.
func (c *claim) keep() { c.release() }

// undo gives up the claim and deletes the chunks that only this job brought.
func (c *claim) undo(ctx context.Context) error {
	c.all.clearing.Lock()
	defer c.all.clearing.Unlock()
	var errs []error
	for _, ref := range c.release() {
		errs = append(errs, c.all.store.Delete(ctx, ref))
	}
	return errors.Join(errs...)
}

// release gives up the claim and returns the chunks that nobody else relies on.
func (c *claim) release() (unwanted []chunk.Ref) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	for ref, brought := range c.own {
		h := c.all.held[ref]
		if brought && !h.shared {
			unwanted = append(unwanted, ref)
		}
		if h.jobs--; h.jobs == 0 {
			delete(c.all.held, ref)
		}
	}
	c.own = make(map[chunk.Ref]bool)
	return unwanted
}
