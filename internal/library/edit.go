package library

import (
	"context"
	"fmt"
	"time"

	"shoal/internal/manifest"
)

// Rename gives a video another title and returns it. Spaces around the title are cut off.
// Errors: ErrNotFound, ErrTitle, ErrState while the file arrives.
func (l *Library) Rename(ctx context.Context, id manifest.VideoID, title string) (Video, error) {
	title, err := checkTitle(title)
	if err != nil {
		return Video{}, err
	}
	return l.edit(ctx, id, func(e *entry) error {
		if e.video.State == Receiving {
			return fmt.Errorf("rename in state %s: %w", e.video.State, ErrState)
		}
		e.setTitle(title)
		return nil
	})
}

// Trash puts a video into the trash: it is listed there only and does not play. The caller has stopped its
// import; what was not ready yet cannot become so again and returns as failed. A video whose file still
// arrives is forgotten. Errors: ErrNotFound.
func (l *Library) Trash(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	if l.forget(id) {
		return nil
	}
	now := l.now().UTC()
	return l.change(ctx, id, func(e *entry) error {
		if e.video.State == Trashed {
			return nil
		}
		if e.video.State == Processing {
			e.fail("cancelled", "The video was deleted before it was ready. Add the file again to watch it.")
		}
		e.was, e.trashed = e.video.State, now
		e.video.State, e.video.Playable = Trashed, false
		return nil
	})
}

// Restore takes a video out of the trash and returns it; one that is not there stays as it is.
// Errors: ErrNotFound.
func (l *Library) Restore(ctx context.Context, id manifest.VideoID) (Video, error) {
	return l.edit(ctx, id, func(e *entry) error {
		if e.video.State == Trashed {
			e.video.State, e.was, e.trashed = e.was, "", time.Time{}
			e.video.Playable = e.video.State == Ready
		}
		return nil
	})
}

// edit makes a durable change and returns the video after it.
func (l *Library) edit(ctx context.Context, id manifest.VideoID, f func(*entry) error) (Video, error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	if err := l.change(ctx, id, f); err != nil {
		return Video{}, err
	}
	return l.Get(id)
}
