package library

import (
	"cmp"
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
	manifest   []chunk.Info
	superseded [][]chunk.Info
	draft      *manifest.Manifest
	// unsaved is the note of it when there was no room for that.
	unsaved []byte
}

// purgedVersion is the version of the format that purgedRow describes.
const purgedVersion = 2

// purgedRow is the note that a video was purged. It stays, and every node has it: each gives the video's space back by
// itself, and none takes the video in again from a node that was away.
type purgedRow struct {
	Version    int            `json:"version"`
	Manifest   []chunk.Info   `json:"manifest,omitempty"`
	Superseded [][]chunk.Info `json:"superseded,omitempty"`
	// Same is the video that this one was folded into.
	Same manifest.VideoID `json:"same,omitempty"`
}

func decodePurged(value []byte) (r purgedRow, err error) {
	if err = decodeStrictly(value, &r); err == nil {
		err = checkVersion(r.Version, purgedVersion)
	}
	if err == nil && r.Same != "" {
		_, err = manifest.ParseVideoID(string(r.Same))
	}
	if err != nil {
		return purgedRow{}, fmt.Errorf("decode note of a purged video: %w", err)
	}
	return r, nil
}

// Purge forgets a video for good, in whatever state it is and whichever node prepares it; when that is this one, the caller has
// stopped its import. Its chunks stay in the store, and Purged tells of it, until Cleared. Errors: ErrNotFound.
func (l *Library) Purge(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	return l.purge(ctx, id, "")
}

// purge is Purge with writes held. The note of what is left comes first, and with it the video is gone: should the process
// be killed before its other records are deleted, the next start does that.
func (l *Library) purge(ctx context.Context, id, same manifest.VideoID) error {
	if l.forget(id) {
		return nil
	}
	note, parts, err := l.noteOf(id, same)
	if err != nil {
		return err
	}
	err = l.records.Save(ctx, purgedBucket, string(id), note)
	full := errors.Is(err, chunk.ErrFull)
	switch {
	case full: // A full disk must not keep anybody from making room.
		err = l.deleteRows(ctx, id, parts)
	case err != nil: // Perhaps it is stored all the same.
		err = errors.Join(err, l.records.Delete(context.WithoutCancel(ctx), purgedBucket, string(id)))
	}
	if err != nil {
		return fmt.Errorf("purge video %s: %w", id, err)
	}
	l.vanish(id, same, note, full)
	if full {
		return nil
	}
	if err := l.deleteRows(ctx, id, parts); err != nil {
		l.log.Warn("record of a purged video is deleted later", "video", id, "err", err)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.follow(id, taskSweep)
	}
	return nil
}

// noteOf returns the note of a video that is purged, and which parts of its edits have records.
func (l *Library) noteOf(id, same manifest.VideoID) (note []byte, parts uint8, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return nil, 0, err
	}
	parts = l.edits[id].parts
	for part := range partNames {
		if l.unreadable[editsBucket+"/"+editKey(id, part)] {
			parts |= part
		}
	}
	note, err = json.Marshal(purgedRow{Version: purgedVersion, Manifest: e.video.Manifest, Superseded: e.superseded, Same: same})
	return note, parts, err
}

// deleteRows deletes what the records have of a video, of its edits the given parts, and not the note that it was purged.
func (l *Library) deleteRows(ctx context.Context, id manifest.VideoID, parts uint8) error {
	errs := []error{l.records.Delete(ctx, videosBucket, string(id))}
	for part := range partNames {
		if parts&part != 0 {
			errs = append(errs, l.records.Delete(ctx, editsBucket, editKey(id, part)))
		}
	}
	return errors.Join(errs...)
}

// vanish takes a video out of the catalogue; unsaved says that its note is still to be saved.
func (l *Library) vanish(id, same manifest.VideoID, note []byte, unsaved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone[id] = same
	if e := l.videos[id]; e != nil {
		l.drop(e)
	}
	if left := l.purged[id]; unsaved {
		left.unsaved = note
		l.purged[id] = left
	}
	l.forgetEdits(id)
}

// forgetEdits forgets what people changed of a purged video; mu must be held.
func (l *Library) forgetEdits(id manifest.VideoID) {
	delete(l.edits, id)
	for part := range partNames {
		delete(l.unreadable, editsBucket+"/"+editKey(id, part))
	}
}

// takePurged takes in the note of a purged video; mu must be held. That there is one says all that matters.
func (l *Library) takePurged(id manifest.VideoID, value []byte, deleted bool) error {
	if deleted {
		return nil // by a node that could not save it
	}
	note, err := decodePurged(value)
	same, gone := l.gone[id]
	l.gone[id] = cmp.Or(note.Same, same)
	if gone {
		return err
	}
	if e := l.videos[id]; e != nil {
		if l.running(e) {
			l.follow(id, taskStop)
		}
		l.drop(e)
	}
	if left, here := l.purged[id]; here {
		l.purged[id] = left.with(note)
	} else {
		l.follow(id, taskSkip) // this node never had anything of it
	}
	l.forgetEdits(id)
	delete(l.unreadable, videosBucket+"/"+string(id))
	return err
}

// with adds what another node knew of a video.
func (p purged) with(note purgedRow) purged {
	if len(note.Manifest) == 0 || nameOf(note.Manifest) == nameOf(p.manifest) {
		return p
	}
	if len(p.manifest) > 0 {
		p.superseded = append(slices.Clone(p.superseded), p.manifest)
	}
	p.manifest = note.Manifest
	return p
}

// SameAs returns the video that a purged one was folded into, because both were made of the same bytes.
func (l *Library) SameAs(id manifest.VideoID) (same manifest.VideoID, found bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	same = l.gone[id]
	return same, same != ""
}

// PurgeTrashed purges the videos that were put into the trash before the given time, and returns them.
func (l *Library) PurgeTrashed(ctx context.Context, before time.Time) (ids []manifest.VideoID, err error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	for _, id := range l.trashedBefore(before) {
		err := l.purge(ctx, id, "")
		if errors.Is(err, ErrNotFound) {
			continue // another node was faster
		}
		if err != nil {
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

// loadPurged reads the notes of purged videos, and which of those are cleared. A note that cannot be read only keeps the
// video's chunks in the store for longer.
func (l *Library) loadPurged(ctx context.Context) error {
	err := l.records.Each(ctx, purgedBucket, func(key string, value []byte) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		id, err := manifest.ParseVideoID(key)
		if err != nil {
			return nil
		}
		note, err := decodePurged(value)
		if err != nil {
			l.log.Error("record of a purged video cannot be read", "video", key, "err", err)
		}
		l.gone[id] = note.Same
		l.purged[id] = purged{manifest: note.Manifest, superseded: note.Superseded}
		return nil
	})
	if err != nil {
		return err
	}
	return l.opts.Local.Each(ctx, clearedBucket, func(key string, _ []byte) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.purged, manifest.VideoID(key))
		return nil
	})
}

// Purged lists the videos that were purged, on whichever node, and not Cleared on this one.
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

// clearedValue is what stands in clearedBucket: the version of its form, and no more.
var clearedValue = []byte(`{"version":1}`)

// Cleared says that the chunks of a purged video are gone from this node, those that nobody else needs.
func (l *Library) Cleared(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	l.mu.RLock()
	note := l.purged[id].unsaved
	l.mu.RUnlock()
	var err error
	if note != nil {
		err = l.records.Save(ctx, purgedBucket, string(id), note)
	}
	if err == nil {
		err = l.opts.Local.Save(ctx, clearedBucket, string(id), clearedValue)
	}
	if err != nil {
		return fmt.Errorf("note that purged video %s is cleared: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.purged, id)
	return nil
}
