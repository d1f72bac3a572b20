package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"shoal/internal/chunk"
)

// clearBatch is how many chunks are deleted together; a job that puts one of those waits for the batch.
const clearBatch = 64

// claims knows which chunks the running jobs rely on, so that others may be deleted while jobs go on putting
// chunks, the same ones perhaps. A chunk is first condemned, and spared when a job puts it meanwhile. What is
// deleted under a job's hands is put again.
type claims struct {
	store  chunk.Store
	shared func() bool
	// clearing is held while a batch is deleted.
	clearing sync.Mutex

	mu        sync.Mutex
	held      map[chunk.Ref]*hold // guarded by mu
	condemned map[chunk.Ref]int   // guarded by mu; by which of the condemnations
	last      int                 // guarded by mu; the number of condemnations
	deleting  map[chunk.Ref]bool  // guarded by mu; the batch that is being deleted
	deleted   chan struct{}       // guarded by mu; closed when that batch is gone
	epoch     uint64              // guarded by mu; changes when deleting a batch begins, and when it ends
}

// hold counts the jobs that rely on a chunk; once shared it outlives the job that brought it.
type hold struct {
	jobs   int
	shared bool
}

func newClaims(store chunk.Store, shared func() bool) *claims {
	return &claims{store: store, shared: shared, held: make(map[chunk.Ref]*hold), condemned: make(map[chunk.Ref]int)}
}

// claim is one job's set of chunks; the value is true for chunks that were not stored before.
type claim struct {
	all *claims
	own map[chunk.Ref]bool // guarded by all.mu
}

func (c *claims) open() *claim { return &claim{all: c, own: make(map[chunk.Ref]bool)} }

// put stores data and remembers that this job relies on it.
func (c *claim) put(ctx context.Context, data []byte) (chunk.Info, error) {
	brought := false
	for {
		epoch := c.all.begin()
		stored, err := c.all.store.Put(ctx, data)
		if err != nil {
			return chunk.Info{}, fmt.Errorf("store %d bytes: %w", len(data), err)
		}
		brought = brought || stored.New
		wait, held := c.hold(stored.Ref, brought, epoch)
		if held {
			return stored.Info, nil
		}
		// It may be deleted by now, so it is put again.
		select {
		case <-wait:
		case <-ctx.Done():
			return chunk.Info{}, ctx.Err()
		}
	}
}

// begin returns the epoch in which a put begins.
func (c *claims) begin() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// hold claims a chunk that was put since the given epoch, unless it may have been deleted since; then the
// caller waits and puts it again.
func (c *claim) hold(ref chunk.Ref, brought bool, epoch uint64) (wait <-chan struct{}, held bool) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.all.deleting[ref] {
		return c.all.deleted, false
	}
	if c.all.epoch != epoch {
		return closed(), false
	}
	delete(c.all.condemned, ref)
	if was, mine := c.own[ref]; mine {
		c.own[ref] = was || brought
		return nil, true
	}
	c.own[ref] = brought
	if h := c.all.held[ref]; h != nil {
		h.jobs++
		h.shared = true
		return nil, true
	}
	c.all.held[ref] = &hold{jobs: 1}
	return nil, true
}

func closed() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// keep gives up the claim and leaves the chunks where they are.
func (c *claim) keep() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.release()
}

// undo gives up the claim and deletes the chunks that only this job brought, unless other nodes may rely on them.
func (c *claim) undo(ctx context.Context) error {
	if c.all.shared() {
		c.keep()
		return nil
	}
	c.all.mu.Lock()
	unwanted := c.release()
	number := c.all.condemn(unwanted)
	c.all.mu.Unlock()
	defer c.all.spare(number, unwanted)
	return c.all.clear(ctx, number, unwanted, c.all.store.Delete)
}

// release gives up the claim and returns the chunks that nobody else relies on; all.mu is held.
func (c *claim) release() (unwanted []chunk.Ref) {
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

// condemn marks those of refs that no job relies on, and returns its number; mu is held.
func (c *claims) condemn(refs []chunk.Ref) int {
	c.last++
	for _, ref := range refs {
		if c.held[ref] == nil {
			c.condemned[ref] = c.last
		}
	}
	return c.last
}

// spare ends a condemnation.
func (c *claims) spare(number int, refs []chunk.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ref := range refs {
		if c.condemned[ref] == number {
			delete(c.condemned, ref)
		}
	}
}

// clear removes those of refs that are still condemned under that number, a few at a time.
func (c *claims) clear(ctx context.Context, number int, refs []chunk.Ref, remove func(context.Context, chunk.Ref) error) error {
	var errs []error
	for batch := range slices.Chunk(refs, clearBatch) {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		errs = append(errs, c.clearSome(ctx, number, batch, remove))
	}
	return errors.Join(errs...)
}

func (c *claims) clearSome(ctx context.Context, number int, batch []chunk.Ref, remove func(context.Context, chunk.Ref) error) error {
	c.clearing.Lock()
	defer c.clearing.Unlock()
	defer c.endDeleting()
	var errs []error
	for _, ref := range c.beginDeleting(number, batch) {
		errs = append(errs, remove(ctx, ref))
	}
	return errors.Join(errs...)
}

// beginDeleting takes what is condemned out of batch: from now on putting it again does not spare it.
func (c *claims) beginDeleting(number int, batch []chunk.Ref) (doomed []chunk.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.deleting, c.deleted = make(map[chunk.Ref]bool), make(chan struct{})
	for _, ref := range batch {
		if c.condemned[ref] == number {
			delete(c.condemned, ref)
			c.deleting[ref] = true
			doomed = append(doomed, ref)
		}
	}
	return doomed
}

func (c *claims) endDeleting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	close(c.deleted)
	c.deleting, c.deleted = nil, nil
}

// Claimed calls visit with every chunk that a job in work relies on. Visit must not block.
func (im *Importer) Claimed(visit func(chunk.Ref)) {
	im.claims.mu.Lock()
	defer im.claims.mu.Unlock()
	for ref := range im.claims.held {
		visit(ref)
	}
}

// Clear deletes chunks while jobs go on. Of refs it passes over those that jobs rely on, calls unwanted to
// choose from the rest, and calls remove with each that was chosen, unless a job has put it since Clear
// began. So what jobs relied on before, and have handed to the catalogue, is for unwanted to know.
func (im *Importer) Clear(ctx context.Context, refs []chunk.Ref, unwanted func(context.Context) ([]chunk.Ref, error),
	remove func(context.Context, chunk.Ref) error,
) error {
	im.claims.mu.Lock()
	number := im.claims.condemn(refs)
	im.claims.mu.Unlock()
	defer im.claims.spare(number, refs)
	doomed, err := unwanted(ctx)
	if err != nil {
		return err
	}
	return im.claims.clear(ctx, number, doomed, remove)
}
