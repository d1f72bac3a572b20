package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
)

// memoryDisk is a Disk in memory that polices its users, and can be full or slow.
type memoryDisk struct {
	*chunktest.Memory
	full               atomic.Bool
	beforePut          atomic.Pointer[func()]
	verified, renewals atomic.Int64

	// mu is held while a chunk comes or goes and the watcher is told.
	mu      sync.Mutex
	sizes   map[chunk.Ref]int64                      // guarded by mu
	watcher func(ref chunk.Ref, there, certain bool) // guarded by mu
}

var _ exchange.Disk = (*memoryDisk)(nil)

// lenient lets the conformance suite use a closed reader, to see that it is refused.
type lenient struct{ testing.TB }

func (l lenient) Errorf(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !strings.Contains(text, "after its reader was closed") {
		l.TB.Error(text)
	}
}

func newMemoryDisk(t testing.TB) *memoryDisk {
	return &memoryDisk{
		Memory: chunktest.NewMemory(lenient{t}), sizes: make(map[chunk.Ref]int64),
		watcher: func(chunk.Ref, bool, bool) {},
	}
}

func (d *memoryDisk) Put(ctx context.Context, data []byte) (chunk.Stored, error) {
	if before := d.beforePut.Load(); before != nil {
		(*before)()
	}
	if d.full.Load() {
		return chunk.Stored{}, chunk.ErrFull
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	stored, err := d.Memory.Put(ctx, data)
	if err == nil && stored.New {
		d.sizes[stored.Ref] = stored.Size
		d.watcher(stored.Ref, true, true)
	}
	return stored, err
}

func (d *memoryDisk) Open(ctx context.Context, ref chunk.Ref) (chunk.Reader, error) {
	r, err := d.Memory.Open(ctx, ref)
	if errors.Is(err, chunk.ErrCorrupt) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.gone(ref)
	}
	return r, err
}

func (d *memoryDisk) Delete(ctx context.Context, ref chunk.Ref) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.Memory.Delete(ctx, ref)
	if err == nil {
		d.gone(ref)
	}
	return err
}

// gone tells that a chunk is not there any more; mu is held.
func (d *memoryDisk) gone(ref chunk.Ref) {
	if _, there := d.sizes[ref]; there {
		delete(d.sizes, ref)
		d.watcher(ref, false, true)
	}
}

func (d *memoryDisk) Names(ctx context.Context, first byte) (refs []chunk.Ref, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ref := range d.sizes {
		if ref[0] == first {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
	return refs, ctx.Err()
}

func (d *memoryDisk) Watch(changed func(ref chunk.Ref, there, certain bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watcher = changed
}

func (d *memoryDisk) Renew(ctx context.Context, info chunk.Info) error {
	there, err := d.Stat(ctx, info.Ref)
	if err == nil && there.Size != info.Size {
		err = chunk.ErrNotFound
	}
	if err == nil {
		d.renewals.Add(1)
	}
	return err
}

func (d *memoryDisk) Verify(ctx context.Context, ref chunk.Ref) error {
	d.verified.Add(1)
	r, err := d.Open(ctx, ref)
	if err != nil {
		return err
	}
	return r.Close()
}
