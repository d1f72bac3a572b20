package httpapi

import (
	"context"
	"errors"
	"io"
	"sync"

	tusd "github.com/tus/tusd/v2/pkg/handler"

	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// tusStore is the importer as the protocol's handler sees it. What goes wrong is kept in the exchange, so that
// it is answered as everywhere else. Nothing is broken off when a client goes away: bytes that came are kept.
type tusStore struct {
	importer Importer
	library  Library
}

// NewUpload begins an upload; what its sender says of it is text.
func (s tusStore) NewUpload(ctx context.Context, info tusd.FileInfo) (tusd.Upload, error) {
	x := exchangeOf(ctx)
	name := info.MetaData["filename"]
	if name == "" {
		name = namelessUpload
	}
	arrival, err := s.importer.Begin(context.WithoutCancel(ctx), ingest.Upload{
		Name: name, Title: info.MetaData["title"], Size: info.Size,
	})
	if err != nil {
		x.cause = err
		return nil, err
	}
	x.arrival = arrival
	return &tusUpload{tusStore: s, x: x, id: arrival.ID}, nil
}

// GetUpload returns an upload that arrives, or one that is a video by now.
func (s tusStore) GetUpload(ctx context.Context, text string) (tusd.Upload, error) {
	x := exchangeOf(ctx)
	id, err := manifest.ParseVideoID(text)
	if err != nil {
		x.cause = ingest.ErrGone
		return nil, x.cause
	}
	arrival, err := s.importer.Arriving(context.WithoutCancel(ctx), id)
	if err == nil {
		x.arrival = arrival
		return &tusUpload{tusStore: s, x: x, id: id}, nil
	}
	v, found := s.library.Get(id)
	if !errors.Is(err, ingest.ErrGone) || found != nil || v.State == library.Receiving {
		x.cause = err
		return nil, err
	}
	x.accepted = &ingest.Accepted{ID: id}
	return &tusUpload{tusStore: s, x: x, id: id, size: v.Size}, nil
}

// AsTerminatableUpload returns what GetUpload did.
func (tusStore) AsTerminatableUpload(u tusd.Upload) tusd.TerminatableUpload { return u.(*tusUpload) }

// tusUpload is one upload within one request.
type tusUpload struct {
	tusStore
	x  *tusExchange
	id manifest.VideoID
	// size is the length of a file that is a video by now.
	size int64
}

// GetInfo tells how far the upload is. One that is here whole and was not finished, for the want of room
// perhaps, is finished first.
func (u *tusUpload) GetInfo(ctx context.Context) (tusd.FileInfo, error) {
	a := u.x.arrival
	if a.ID == "" {
		return tusd.FileInfo{ID: string(u.id), Size: u.size, Offset: u.size}, nil
	}
	if a.Offset == a.Size && u.x.accepted == nil {
		if err := u.FinishUpload(ctx); err != nil {
			return tusd.FileInfo{}, err
		}
	}
	return tusd.FileInfo{
		ID: string(a.ID), Size: a.Size, Offset: a.Offset, MetaData: tusd.MetaData{"filename": a.Name},
	}, nil
}

// WriteChunk appends a piece; the bytes that it counts are durable.
func (u *tusUpload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	ctx = context.WithoutCancel(ctx)
	n, err := u.importer.Append(ctx, u.id, offset, src)
	if err != nil {
		u.x.cause = err
		return n, err
	}
	if arrival, err := u.importer.Arriving(ctx, u.id); err == nil {
		u.x.arrival = arrival
	}
	return n, nil
}

// FinishUpload makes a video of a file that is here whole.
func (u *tusUpload) FinishUpload(ctx context.Context) error {
	accepted, err := u.importer.Finish(context.WithoutCancel(ctx), u.id)
	if err != nil {
		u.x.cause = err
		return err
	}
	u.x.accepted = &accepted
	return nil
}

// Terminate throws away what arrived.
func (u *tusUpload) Terminate(ctx context.Context) error {
	err := u.importer.Abandon(context.WithoutCancel(ctx), u.id)
	u.x.cause = err
	u.x.arrival, u.x.accepted = ingest.Arrival{}, nil
	return err
}

// GetReader is never asked for: uploads are not read back.
func (u *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, errors.New("uploads are not read back")
}

// turns gives each upload to one request at a time. The newer one goes first: the older may hang on a
// connection that is dead and not known to be.
type turns struct {
	mu   sync.Mutex
	held map[string]*turn // guarded by mu
}

func newTurns() *turns { return &turns{held: make(map[string]*turn)} }

// NewLock returns the lock of an upload, not locked yet.
func (t *turns) NewLock(id string) (tusd.Lock, error) { return &turn{all: t, id: id}, nil }

// turn is one request's right to work on an upload.
type turn struct {
	all  *turns
	id   string
	body *guardedBody
	free chan struct{} // closed when the turn is given back
}

// Lock waits for the upload, and asks who has it to let go.
func (t *turn) Lock(ctx context.Context, _ func()) error {
	x := exchangeOf(ctx)
	t.body, t.free = x.body, make(chan struct{})
	for {
		holder := t.all.enter(t)
		if holder == nil {
			return nil
		}
		holder.body.interrupt()
		select {
		case <-holder.free:
		case <-ctx.Done():
			return tusd.ErrFileLocked
		}
	}
}

// enter takes the turn, or returns who has it.
func (t *turns) enter(next *turn) (holder *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if holder = t.held[next.id]; holder == nil {
		t.held[next.id] = next
	}
	return holder
}

// Unlock gives the turn back.
func (t *turn) Unlock() error {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	delete(t.all.held, t.id)
	close(t.free)
	return nil
}
