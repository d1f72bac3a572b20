package ingest

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// writersAtOnce is how many chunks of a job are on their way to the disk together: each waits for its
// fsync, so one at a time leaves the disk idle.
const writersAtOnce = 8

// storer puts chunks in the background, writersAtOnce at a time.
type storer struct {
	ctx   context.Context // ends with the first error
	group *errgroup.Group
	claim *claim
}

func newStorer(ctx context.Context, c *claim) *storer {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writersAtOnce)
	return &storer{ctx: ctx, group: group, claim: c}
}

// wait returns when nothing is on its way any more, with the first error.
func (s *storer) wait() error { return s.group.Wait() }

// blobWriter cuts one blob into chunks while it is written. It is used by one goroutine.
type blobWriter struct {
	*chunk.Splitter
	store *storer
	hash  hash.Hash
	blob  *pendingBlob
}

// pendingBlob is a blob whose chunks may still be on their way.
type pendingBlob struct {
	size   int64
	hash   chunk.Ref
	chunks []*chunk.Info
	flying sync.WaitGroup
	store  *storer
}

func (s *storer) newBlob() *blobWriter {
	w := &blobWriter{store: s, hash: sha256.New(), blob: &pendingBlob{store: s}}
	w.Splitter = chunk.NewSplitter(w.put)
	return w
}

// put blocks while too many chunks are on their way, which in the end slows ffmpeg down.
func (w *blobWriter) put(data []byte) error {
	w.hash.Write(data)
	info := new(chunk.Info)
	w.blob.chunks = append(w.blob.chunks, info)
	w.blob.size += int64(len(data))
	w.blob.flying.Add(1)
	w.store.group.Go(func() (err error) {
		defer w.blob.flying.Done()
		defer chunk.Release(data)
		*info, err = w.store.claim.put(w.store.ctx, data)
		return err
	})
	return context.Cause(w.store.ctx)
}

// finish ends the blob; wait on what it returns.
func (w *blobWriter) finish() (*pendingBlob, error) {
	if err := w.Close(); err != nil {
		return nil, err
	}
	w.hash.Sum(w.blob.hash[:0])
	return w.blob, nil
}

// wait returns the blob when all of it is durable.
func (p *pendingBlob) wait() (manifest.Blob, error) {
	p.flying.Wait()
	if err := context.Cause(p.store.ctx); err != nil {
		return manifest.Blob{}, err
	}
	b := manifest.Blob{Hash: p.hash, Size: p.size, Chunks: make([]chunk.Info, len(p.chunks))}
	for i, info := range p.chunks {
		b.Chunks[i] = *info
	}
	return b, nil
}

// storeBlob stores a small blob at once.
func (s *storer) storeBlob(r io.Reader) (manifest.Blob, error) {
	w := s.newBlob()
	if _, err := io.Copy(w, r); err != nil {
		return manifest.Blob{}, err
	}
	pending, err := w.finish()
	if err != nil {
		return manifest.Blob{}, err
	}
	return pending.wait()
}
