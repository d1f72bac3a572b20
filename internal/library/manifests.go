package library

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"shoal/internal/cache"
	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Manifest returns what a video is made of: the newest draft while it is processed, the stored manifest when
// it is ready. It is shared and must not be changed. The first call for a stored one reads its chunks. A draft of another
// node is asked for, at most once a second; when that takes longer than two seconds, the last known one is returned.
// Errors: ErrNotFound, ErrNotReady, ErrFailed, ErrTrashed, and those of the store.
func (l *Library) Manifest(ctx context.Context, id manifest.VideoID) (*manifest.Manifest, error) {
	if err := l.ask(ctx, id); err != nil {
		return nil, fmt.Errorf("manifest of video %s: %w", id, err)
	}
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

// Stored returns what a ready video is made of, as Manifest does, and the chunks that its canonical bytes lie in, which tell
// it from what the video is made of later. Errors: ErrState unless the video is ready, and those of Manifest.
func (l *Library) Stored(ctx context.Context, id manifest.VideoID) (*manifest.Manifest, []chunk.Info, error) {
	_, at, err := l.manifestOf(id)
	if err == nil && at == nil {
		err = fmt.Errorf("video %s: %w", id, ErrState)
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := l.manifests.get(ctx, at)
	if err != nil {
		return nil, nil, fmt.Errorf("manifest of video %s: %w", id, err)
	}
	return m, slices.Clone(at), nil
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
	case e.video.Playable && e.draft != nil:
		return e.draft, nil, nil
	default:
		err = ErrNotReady
	}
	return nil, nil, fmt.Errorf("video %s: %w", id, err)
}

// manifestCache keeps the manifests used last. They are named by their chunks, so none is ever out of date.
type manifestCache struct {
	store chunk.Store
	kept  *cache.Cache[string, *manifest.Manifest]
}

func newManifestCache(store chunk.Store, limit int64) *manifestCache {
	return &manifestCache{store: store, kept: cache.New[string, *manifest.Manifest](limit)}
}

// get returns the manifest in the chunks at.
func (c *manifestCache) get(ctx context.Context, at []chunk.Info) (*manifest.Manifest, error) {
	return c.kept.Get(ctx, nameOf(at), func(ctx context.Context) (*manifest.Manifest, int64, error) {
		m, err := c.read(ctx, at)
		return m, total(at), err
	})
}

// put keeps m as the manifest in the chunks at.
func (c *manifestCache) put(at []chunk.Info, m *manifest.Manifest) {
	c.kept.Put(nameOf(at), m, total(at))
}

// whole tells whether the store holds a manifest and every chunk that it names.
func (c *manifestCache) whole(ctx context.Context, at []chunk.Info) bool {
	m, err := c.get(ctx, at)
	if err != nil {
		return false
	}
	has := func(info chunk.Info) bool {
		got, err := c.store.Stat(ctx, info.Ref)
		return err == nil && got.Size == info.Size
	}
	for info := range m.Chunks() {
		if !has(info) {
			return false
		}
	}
	// The manifest itself may have come from memory.
	return !slices.ContainsFunc(at, func(info chunk.Info) bool { return !has(info) })
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
