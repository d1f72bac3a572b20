package chunktest

import (
	"bytes"
	"io/fs"
	"sync"

	"shoal/internal/chunk"
)

// memoryReader is a reader of Memory that tells on its user.
type memoryReader struct {
	store *Memory
	ref   chunk.Ref
	busy  sync.Mutex
	// guarded by busy, which is held during each call
	data   *bytes.Reader
	closed bool
}

func (r *memoryReader) Read(p []byte) (int, error) {
	if err := r.begin("read"); err != nil {
		return 0, err
	}
	defer r.busy.Unlock()
	return r.read(func() (int, error) { return r.data.Read(p) })
}

func (r *memoryReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.begin("read"); err != nil {
		return 0, err
	}
	defer r.busy.Unlock()
	return r.read(func() (int, error) { return r.data.ReadAt(p, off) })
}

func (r *memoryReader) Seek(offset int64, whence int) (int64, error) {
	if err := r.begin("seek"); err != nil {
		return 0, err
	}
	defer r.busy.Unlock()
	return r.data.Seek(offset, whence)
}

func (r *memoryReader) Size() int64 { return r.data.Size() }

// Close may be called again, as a file's may; it answers fs.ErrClosed then.
func (r *memoryReader) Close() error {
	r.busy.Lock()
	defer r.busy.Unlock()
	if r.closed {
		return fs.ErrClosed
	}
	r.closed = true
	r.store.forget(r)
	return nil
}

// begin takes busy, and fails the test when the reader is closed or in use elsewhere.
func (r *memoryReader) begin(what string) error {
	if !r.busy.TryLock() {
		r.store.t.Errorf("chunktest: %s of chunk %s while another goroutine uses the reader", what, r.ref)
		r.busy.Lock()
	}
	if r.closed {
		r.busy.Unlock()
		r.store.t.Errorf("chunktest: %s of chunk %s after its reader was closed", what, r.ref)
		return fs.ErrClosed
	}
	return nil
}

// read passes a fault's error on as it is, as a failing disk would give it.
func (r *memoryReader) read(apply func() (int, error)) (int, error) {
	yes, err := r.store.ask(r.store.t.Context(), OpRead, r.ref)
	if !yes {
		return 0, err
	}
	n, readErr := apply()
	if err == nil {
		err = readErr
	}
	return n, err
}
