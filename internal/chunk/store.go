package chunk

import (
	"context"
	"io"
	"iter"
)

// Store keeps chunks. Every method may be called from many goroutines at once. What a store
// promises is checked by chunktest.Run, which every implementation passes. Given a context that
// has ended, every method does nothing and returns the context's error.
type Store interface {
	// Put keeps data under its own hash and returns that. The chunk is durable when err is nil:
	// it survives a power cut. Put of what is there already is cheap, and renews the chunk's age.
	// Errors: ErrSize for 0 or more than MaxSize bytes, ErrFull without room. After any other
	// error the chunk may or may not be stored; putting it again is safe. Data must not change while
	// Put runs, and Put keeps no reference to it.
	Put(ctx context.Context, data []byte) (Stored, error)

	// Open returns a reader over the verified bytes of a chunk; the caller closes it.
	// Errors: ErrNotFound; ErrCorrupt, and then the store has given the chunk up: it can be put again.
	Open(ctx context.Context, ref Ref) (Reader, error)

	// Stat returns the size of a chunk without reading it, or ErrNotFound.
	Stat(ctx context.Context, ref Ref) (Info, error)

	// Delete forgets a chunk. To delete what is not there is no error.
	Delete(ctx context.Context, ref Ref) error

	// List yields every chunk once, in no order; chunks put or deleted meanwhile may be missed.
	// It yields at most one error, as its last pair.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// Stored says what Put did.
type Stored struct {
	Info
	// New is false when the store held the chunk before.
	New bool
}

// Reader reads one chunk. It is used by one goroutine at a time. After Close every read fails.
type Reader interface {
	io.Reader
	io.Seeker
	io.ReaderAt
	io.Closer
	// Size returns the length of the whole chunk in bytes.
	Size() int64
}
