package library

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Manifest returns what a video is made of: the newest draft while it is processed, the stored manifest when
// it is ready. It is shared and must not be changed. The first call for a stored one reads its chunks.
// Errors: ErrNotFound, ErrNotReady, ErrFailed, ErrTrashed, and those of the store.
func (l *Library) Manifest(ctx context.Context, id manifest.VideoID) (*manifest.Manifest, error) {
	draft, at, err := l.manifestOf(id)
	if err != nil || draft != nil {
		return draft, err
	}
	m, err := l.manifests.get(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("manifest of video %s: %w", id, err)
	}
	return m, nil
}

// manifestOf returns a draft or where the stored manifest lies.
func (l *Library) manifestOf(id manifest.VideoID) (*manifest.Manifest, []chunk.Info, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return nil, nil, err
	}
	switch state := e.video.State; {
	case state == Ready:
		return nil, e.video.Manifest, nil
	case state == Failed:
		err = ErrFailed
	case state == Trashed:
		err = ErrTrashed
	case e.video.Playable:
		return e.draft, nil, nil
	default:
		err = ErrNotReady
	}
	return nil, nil, fmt.Errorf("video %s: %w", id, err)
}

// manifestCache keeps the manifests used last. They are named by their chunks, so none is ever out of date.
type manifestCache struct {
	store chunk.Store
	limit int64

	mu      sync.Mutex
	used    int64                    // guarded by mu
	recent  *list.List               // guarded by mu; of *cached, the last used first
	byName  map[string]*list.Element // guarded by mu
	loading map[string]*load         // guarded by mu
}

type cached struct {
	name string
	m    *manifest.Manifest
	size int64
}

// load is a manifest on its way in; m and err are set when done is closed.
type load struct {
	done chan struct{}
	m    *manifest.Manifest
	err  error
}

func newManifestCache(store chunk.Store, limit int64) *manifestCache {
	return &manifestCache{
		store: store, limit: limit, recent: list.New(),
		byName: make(map[string]*list.Element), loading: make(map[string]*load),
	}
}

// get returns the manifest in the chunks at. Calls for the same one at the same time load it once; when the
// call that loads is given up, another one takes over.
func (c *manifestCache) get(ctx context.Context, at []chunk.Info) (*manifest.Manifest, error) {
	name := nameOf(at)
	for {
		m, l, first := c.begin(name)
		switch {
		case m != nil:
			return m, nil
		case first:
			return c.finish(ctx, name, at, l)
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, context.DeadlineExceeded) {
			return l.m, l.err
		}
	}
}

// begin returns the manifest if it is there, else the load under way; first tells whether it is the caller's.
func (c *manifestCache) begin(name string) (m *manifest.Manifest, l *load, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.byName[name]; el != nil {
		c.recent.MoveToFront(el)
		return el.Value.(*cached).m, nil, false
	}
	if l = c.loading[name]; l != nil {
		return nil, l, false
	}
	l = &load{done: make(chan struct{}), err: errors.New("loading a manifest ended early")}
	c.loading[name] = l
	return nil, l, true
}

// finish carries out the load l; those who wait are released even when reading panics.
func (c *manifestCache) finish(ctx context.Context, name string, at []chunk.Info, l *load) (*manifest.Manifest, error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.loading, name)
		close(l.done)
	}()
	l.m, l.err = c.read(ctx, at)
	if l.err == nil {
		c.put(at, l.m)
	}
	return l.m, l.err
}

// put keeps m as the manifest in the chunks at, and drops the manifests used longest ago to make room.
func (c *manifestCache) put(at []chunk.Info, m *manifest.Manifest) {
	entry := &cached{name: nameOf(at), m: m, size: total(at)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName[entry.name] != nil || entry.size > c.limit {
		return
	}
	c.byName[entry.name] = c.recent.PushFront(entry)
	c.used += entry.size
	for c.used > c.limit {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.byName, oldest.name)
		c.used -= oldest.size
	}
}

// read fetches, verifies and decodes the manifest in the chunks at.
func (c *manifestCache) read(ctx context.Context, at []chunk.Info) (*manifest.Manifest, error) {
	if size := total(at); size < 1 || size > manifest.MaxEncoded {
		return nil, fmt.Errorf("manifest of %d bytes: %w", size, chunk.ErrSize)
	}
	data := make([]byte, 0, total(at))
	for _, info := range at {
		var err error
		if data, err = c.appendChunk(ctx, data, info); err != nil {
			return nil, err
		}
	}
	return manifest.Decode(data)
}

func (c *manifestCache) appendChunk(ctx context.Context, data []byte, info chunk.Info) ([]byte, error) {
	r, err := c.store.Open(ctx, info.Ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Size() != info.Size {
		return nil, fmt.Errorf("chunk %s has %d bytes, not %d: %w", info.Ref, r.Size(), info.Size, chunk.ErrCorrupt)
	}
	from := len(data)
	data = data[:from+int(info.Size)]
	if _, err := io.ReadFull(r, data[from:]); err != nil {
		return nil, fmt.Errorf("read chunk %s: %w", info.Ref, err)
	}
	return data, chunk.Verify(info.Ref, data[from:])
}

// total sums up the sizes of chunks; -1 when one of them cannot be.
func total(at []chunk.Info) int64 {
	var sum int64
	for _, info := range at {
		if info.Size < 1 || info.Size > chunk.MaxSize {
			return -1
		}
		sum += info.Size
	}
	return sum
}

// nameOf makes a map key of a list of chunks.
func nameOf(at []chunk.Info) string {
	var b strings.Builder
	for _, info := range at {
		b.Write(info.Ref[:])
	}
	return b.String()
}
