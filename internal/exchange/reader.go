package exchange

import (
	"bytes"
	"io"
	"io/fs"
	"sync/atomic"

	"shoal/internal/chunk"
)

// block is a chunk in memory that several hold: making room for each anew costs a quarter of what bringing one does. When the last
// one lets go, the room is used for another chunk.
type block struct {
	data []byte
	// held counts all who hold it, readers those among them that are open readers.
	held, readers atomic.Int32
}

// newBlock returns room for a chunk, held by the caller. For a small one it is as large as that.
func newBlock(size int64) *block {
	b := &block{}
	if size > chunk.MaxSize/2 {
		b.data = chunk.Buffer()[:size]
	} else {
		b.data = make([]byte, size)
	}
	b.held.Store(1)
	return b
}

// hold adds one who holds it, while somebody does.
func (b *block) hold() *block {
	b.held.Add(1)
	return b
}

// release lets go; the data is not touched after that.
func (b *block) release() {
	if b.held.Add(-1) == 0 {
		chunk.Release(b.data)
	}
}

// cost is how much memory it takes.
func (b *block) cost() int64 { return int64(cap(b.data)) }

// newReader returns a reader that takes over the caller's hold.
func (s *Store) newReader(b *block) chunk.Reader {
	if b.readers.Add(1) == 1 && s.pinned.Add(b.cost()) > max(s.cfg.CacheBytes, 0) && s.cfg.Temp != "" {
		f, err := newSpilled(s.cfg.Temp, b.data)
		if err == nil {
			s.stats.spilled.Add(1)
			s.unpin(b)
			return f
		}
		s.log.Debug("chunk stays in memory though its readers are many", "err", err)
	}
	return &memoryReader{store: s, block: b, data: bytes.NewReader(b.data), size: int64(len(b.data))}
}

// unpin ends a reader's hold.
func (s *Store) unpin(b *block) {
	if b.readers.Add(-1) == 0 {
		s.pinned.Add(-b.cost())
	}
	b.release()
}

// memoryReader is a chunk.Reader over a block, which it lets go when it is closed.
type memoryReader struct {
	store *Store
	block *block
	data  *bytes.Reader // nil when closed
	size  int64
}

func (r *memoryReader) Read(p []byte) (int, error) {
	if r.data == nil {
		return 0, fs.ErrClosed
	}
	return r.data.Read(p)
}

func (r *memoryReader) ReadAt(p []byte, off int64) (int, error) {
	if r.data == nil {
		return 0, fs.ErrClosed
	}
	return r.data.ReadAt(p, off)
}

func (r *memoryReader) Seek(offset int64, whence int) (int64, error) {
	if r.data == nil {
		return 0, fs.ErrClosed
	}
	return r.data.Seek(offset, whence)
}

// WriteTo implements io.WriterTo: what is left goes out in one piece.
func (r *memoryReader) WriteTo(w io.Writer) (int64, error) {
	if r.data == nil {
		return 0, fs.ErrClosed
	}
	return r.data.WriteTo(w)
}

// Close may be called again, as a file's may; it answers fs.ErrClosed then.
func (r *memoryReader) Close() error {
	if r.data == nil {
		return fs.ErrClosed
	}
	r.data = nil
	r.store.unpin(r.block)
	return nil
}

func (r *memoryReader) Size() int64 { return r.size }
