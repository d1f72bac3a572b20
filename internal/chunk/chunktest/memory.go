package chunktest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"shoal/internal/chunk"
)

// Op names what a Fault is asked about.
type Op string

// The operations of Memory and, as OpRead, those of its readers: Read and ReadAt.
const (
	OpPut    Op = "put"
	OpOpen   Op = "open"
	OpStat   Op = "stat"
	OpDelete Op = "delete"
	OpList   Op = "list"
	OpRead   Op = "read"
)

// Fault decides before each operation what becomes of it: whether it is carried out, and the error it
// returns. So (true, nil) is no fault, (false, err) an error and nothing stored, and (true, err) an
// error although it was stored. Ctx is the operation's own, and the test's for reads; ref is zero for
// a list. A fault may block, as a slow store does, and is called from many goroutines at once.
type Fault func(ctx context.Context, op Op, ref chunk.Ref) (apply bool, err error)

// Memory is a chunk.Store for tests. It keeps the promises of one, verifies what it opens, and fails
// the test when its user breaks a rule: data that changes while Put runs, a reader that is never
// closed, is used after Close, or is used by two goroutines at once.
type Memory struct {
	t testing.TB

	mu sync.Mutex
	// guarded by mu; the slices themselves never change.
	chunks map[chunk.Ref][]byte
	// guarded by mu
	fault Fault
	// open says where each reader that is not closed yet was opened; guarded by mu.
	open map[*memoryReader]string
}

// NewMemory returns an empty store. At the end of the test it checks that every reader was closed.
func NewMemory(t testing.TB) *Memory {
	m := &Memory{t: t, chunks: make(map[chunk.Ref][]byte), open: make(map[*memoryReader]string)}
	t.Cleanup(m.checkClosed)
	return m
}

// SetFault replaces the fault for all operations that begin from now on; nil is none.
func (m *Memory) SetFault(fault Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

// Corrupt changes a byte of a stored chunk, so that opening it answers ErrCorrupt.
func (m *Memory) Corrupt(ref chunk.Ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := bytes.Clone(m.chunks[ref])
	if data == nil {
		m.t.Errorf("chunktest: no chunk %s to corrupt", ref)
		return
	}
	data[len(data)/2] ^= 1
	m.chunks[ref] = data
}

// Len returns the number of chunks.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.chunks)
}

// Put implements chunk.Store.
func (m *Memory) Put(ctx context.Context, data []byte) (chunk.Stored, error) {
	if err := chunk.CheckSize(int64(len(data))); err != nil {
		return chunk.Stored{}, fmt.Errorf("put chunk: %w", err)
	}
	ref := chunk.Sum(data)
	stored := chunk.Stored{Info: chunk.Info{Ref: ref, Size: int64(len(data))}}
	err := m.do(ctx, OpPut, ref, func() error {
		_, found := m.chunks[ref]
		stored.New = !found
		if !found {
			m.chunks[ref] = bytes.Clone(data)
		}
		return nil
	})
	if chunk.Sum(data) != ref {
		m.t.Errorf("chunktest: the data of chunk %s changed while Put ran", ref)
	}
	if err != nil {
		return chunk.Stored{}, err
	}
	return stored, nil
}

// Open implements chunk.Store.
func (m *Memory) Open(ctx context.Context, ref chunk.Ref) (chunk.Reader, error) {
	_, file, line, _ := runtime.Caller(1)
	var r *memoryReader
	err := m.do(ctx, OpOpen, ref, func() error {
		data, found := m.chunks[ref]
		if !found {
			return chunk.ErrNotFound
		}
		if err := chunk.Verify(ref, data); err != nil {
			delete(m.chunks, ref)
			return err
		}
		r = &memoryReader{store: m, ref: ref, data: bytes.NewReader(data)}
		m.open[r] = fmt.Sprintf("%s:%d", file, line)
		return nil
	})
	if err != nil {
		if r != nil {
			m.forget(r)
		}
		return nil, err
	}
	return r, nil
}

// Stat implements chunk.Store.
func (m *Memory) Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error) {
	var info chunk.Info
	err := m.do(ctx, OpStat, ref, func() error {
		data, found := m.chunks[ref]
		if !found {
			return chunk.ErrNotFound
		}
		info = chunk.Info{Ref: ref, Size: int64(len(data))}
		return nil
	})
	if err != nil {
		return chunk.Info{}, err
	}
	return info, nil
}

// Delete implements chunk.Store.
func (m *Memory) Delete(ctx context.Context, ref chunk.Ref) error {
	return m.do(ctx, OpDelete, ref, func() error {
		delete(m.chunks, ref)
		return nil
	})
}

// List implements chunk.Store. A fault that applies lets every chunk come before its error.
func (m *Memory) List(ctx context.Context) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		var all []chunk.Ref
		listErr := m.do(ctx, OpList, chunk.Ref{}, func() error {
			all = slices.Collect(maps.Keys(m.chunks))
			return nil
		})
		for _, ref := range all {
			if ctx.Err() != nil {
				listErr = ctx.Err()
				break
			}
			m.mu.Lock()
			data, found := m.chunks[ref]
			m.mu.Unlock()
			if found && !yield(chunk.Info{Ref: ref, Size: int64(len(data))}, nil) {
				return
			}
		}
		if listErr != nil {
			yield(chunk.Info{}, listErr)
		}
	}
}

// do asks the fault and, if it says so, applies the operation under mu.
func (m *Memory) do(ctx context.Context, op Op, ref chunk.Ref, apply func() error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s chunk %s: %w", op, ref, err)
	}
	yes, err := m.ask(ctx, op, ref)
	if yes {
		m.mu.Lock()
		applyErr := apply()
		m.mu.Unlock()
		if err == nil {
			err = applyErr
		}
	}
	if err != nil {
		return fmt.Errorf("%s chunk %s: %w", op, ref, err)
	}
	return nil
}

// ask returns the fault's answer; what is lost without an error would be a store that lies.
func (m *Memory) ask(ctx context.Context, op Op, ref chunk.Ref) (apply bool, err error) {
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	if fault == nil {
		return true, nil
	}
	apply, err = fault(ctx, op, ref)
	if !apply && err == nil {
		m.t.Errorf("chunktest: the fault would skip %s of chunk %s without an error", op, ref)
		return true, nil
	}
	return apply, err
}

func (m *Memory) forget(r *memoryReader) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, r)
}

func (m *Memory) checkClosed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r, where := range m.open {
		m.t.Errorf("chunktest: the reader of chunk %s opened at %s was never closed", r.ref, where)
	}
}
