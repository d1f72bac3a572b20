package library

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Contents is what a video is made of, as far as the store has to keep it.
type Contents struct {
	ID    manifest.VideoID
	Title string
	// Stored lists the chunks of the stored manifest.
	Stored []chunk.Info
	// Manifest is the stored manifest or the newest draft; nil when there is none, or when Err says why it
	// cannot be read. It is shared and must not be changed.
	Manifest *manifest.Manifest
	Err      error
	// superseded lists the chunks of older manifests of a purged video.
	superseded []chunk.Info
}

// Chunks yields every chunk of the contents, those of the stored manifest last; one that is used twice comes
// twice.
func (c Contents) Chunks() iter.Seq[chunk.Info] {
	return func(yield func(chunk.Info) bool) {
		if c.Manifest != nil {
			for info := range c.Manifest.Chunks() {
				if !yield(info) {
					return
				}
			}
		}
		for _, info := range slices.Concat(c.superseded, c.Stored) {
			if !yield(info) {
				return
			}
		}
	}
}

// Live calls visit with the contents of every video that was there when it began and is not purged, those in the
// trash included; rarely more than once for one. Stored manifests are read one at a time and not kept in memory. It ends with the error of
// visit as it is, or with ErrUnreadable, after all visits, when there may be more videos than it knows.
func (l *Library) Live(ctx context.Context, visit func(Contents) error) error {
	for _, id := range l.ids() {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, c := range l.contents(id) {
			l.read(ctx, &c)
			if err := visit(c); err != nil {
				return err
			}
		}
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if n := l.unreadableVideos(); n > 0 {
		return fmt.Errorf("%w: %d", ErrUnreadable, n)
	}
	return nil
}

// PurgedContents returns what a purged video was made of, as far as it can still be read.
func (l *Library) PurgedContents(ctx context.Context, id manifest.VideoID) Contents {
	l.mu.RLock()
	left := l.purged[id]
	l.mu.RUnlock()
	c := Contents{ID: id, Stored: left.manifest, Manifest: left.draft, superseded: slices.Concat(left.superseded...)}
	l.read(ctx, &c)
	return c
}

func (l *Library) ids() []manifest.VideoID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	ids := make([]manifest.VideoID, 0, len(l.videos))
	for id := range l.videos {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// contents returns what a video is made of, and what this node published of it and is to be put together with that yet.
func (l *Library) contents(id manifest.VideoID) []Contents {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e := l.videos[id]
	if e == nil {
		return nil
	}
	all := []Contents{{ID: id, Title: e.video.Title, Stored: e.video.Manifest, Manifest: e.draft}}
	for _, p := range l.lost[id] {
		all = append(all, Contents{ID: id, Title: e.video.Title, Stored: p.manifest})
	}
	return all
}

// read fetches the stored manifest, past the cache.
func (l *Library) read(ctx context.Context, c *Contents) {
	if len(c.Stored) == 0 {
		return
	}
	if c.Manifest, c.Err = l.manifests.read(ctx, c.Stored); c.Err != nil {
		c.Manifest, c.Err = nil, fmt.Errorf("manifest of video %s: %w", c.ID, c.Err)
	}
}
