package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// purged is what is left of a video that was purged, until its chunks are gone too.
type purged struct {
	manifest, superseded []chunk.Info
	draft                *manifest.Manifest
}

// purgedRow is a purged video as it is stored.
type purgedRow struct {
	Version    int          `json:"version"`
	Manifest   []chunk.Info `json:"manifest"`
	Superseded []chunk.Info `json:"superseded,omitempty"`
}

// Purge forgets a video for good, in whatever state it is; the caller has stopped its import. Its chunks stay in
// the store, and Purged tells of it, until Cleared. Errors: ErrNotFound.
func (l *Library) Purge(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	return l.purge(ctx, id)
}

// purge is Purge with writes held. The note of what is left comes before the row goes: should the process
// be killed in between, the note names a video that is still there, and whoever clears it finds that out.
func (l *Library) purge(ctx context.Context, id manifest.VideoID) error {
	if l.forget(id) {
		return nil
	}
	left, err := l.leftOf(id)
	if err != nil {
		return err
	}
	if len(left.manifest) > 0 {
		value, err := json.Marshal(purgedRow{Version: rowVersion, Manifest: left.manifest, Superseded: left.superseded})
		if err == nil {
			err = l.records.Save(ctx, purgedBucket, string(id), value)
		}
		if err != nil && !errors.Is(err, chunk.ErrFull) { // A full disk must not keep anybody from making room.
			return fmt.Errorf("purge video %s: %w", id, err)
		}
	}
	if err := l.records.Delete(ctx, bucket, string(id)); err != nil {
		return fmt.Errorf("purge video %s: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.videos, id)
	l.purged[id] = left
	return nil
}

func (l *Library) leftOf(id manifest.VideoID) (purged, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return purged{}, err
	}
	return purged{manifest: e.video.Manifest, superseded: e.superseded, draft: e.draft}, nil
}

// PurgeTrashed purges the videos that were put into the trash before the given time, and returns them.
func (l *Library) PurgeTrashed(ctx context.Context, before time.Time) (ids []manifest.VideoID, err error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	for _, id := range l.trashedBefore(before) {
		if err := l.purge(ctx, id); err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (l *Library) trashedBefore(before time.Time) (ids []manifest.VideoID) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for id, e := range l.videos {
		if e.video.State == Trashed && e.trashed.Before(before) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// loadPurged takes in one row. One that cannot be read only keeps its chunks in the store for longer.
func (l *Library) loadPurged(key string, value []byte) error {
	var row purgedRow
	id, err := manifest.ParseVideoID(key)
	if err == nil {
		err = json.Unmarshal(value, &row)
	}
	if err == nil && row.Version != rowVersion {
		err = fmt.Errorf("version %d, want %d", row.Version, rowVersion)
	}
	if err != nil {
		l.log.Error("record of a purged video cannot be read", "video", key, "err", err)
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.purged[id] = purged{manifest: row.Manifest, superseded: row.Superseded}
	return nil
}

// Purged lists the videos that were purged and not Cleared.
func (l *Library) Purged() []manifest.VideoID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	ids := make([]manifest.VideoID, 0, len(l.purged))
	for id := range l.purged {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Cleared says that the chunks of a purged video are gone, those that nobody else needs.
func (l *Library) Cleared(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	if err := l.records.Delete(ctx, purgedBucket, string(id)); err != nil {
		return fmt.Errorf("forget purged video %s: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.purged, id)
	return nil
}
