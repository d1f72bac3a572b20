package library

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"shoal/internal/manifest"
)

// edit is what people changed of a video. Each part has a record of its own, so that of two changes at the same time on
// different nodes neither is lost.
type edit struct {
	// title is empty when nobody gave the video another one.
	title string
	// trashed is when the video was put into the trash, zero when it is not there.
	trashed time.Time
	// parts are those that have a record.
	parts uint8
}

// The parts of an edit, and the ends of their records' keys.
const (
	titlePart uint8 = 1 << iota
	trashPart
)

var partNames = map[uint8]string{titlePart: "title", trashPart: "trash"}

func editKey(id manifest.VideoID, part uint8) string { return string(id) + "/" + partNames[part] }

// editVersion is the version of the format that editRow describes.
const editVersion = 1

// editRow is a part of an edit as it is stored; the other parts' fields are absent.
type editRow struct {
	Version int       `json:"version"`
	Title   string    `json:"title,omitempty"`
	Trashed time.Time `json:"trashed,omitzero"`
}

func (ed edit) encode(part uint8) ([]byte, error) {
	r := editRow{Version: editVersion}
	switch part {
	case titlePart:
		r.Title = ed.title
	case trashPart:
		r.Trashed = ed.trashed
	}
	return json.Marshal(r)
}

// decode takes in the record of a part.
func (ed *edit) decode(part string, value []byte) error {
	var r editRow
	err := decodeStrictly(value, &r)
	if err == nil {
		err = checkVersion(r.Version, editVersion)
	}
	if err != nil {
		return fmt.Errorf("decode edit: %w", err)
	}
	switch part {
	case partNames[titlePart]:
		if r.Title, err = checkTitle(r.Title); err != nil {
			return fmt.Errorf("decode edit: %w", err)
		}
		ed.title, ed.parts = r.Title, ed.parts|titlePart
	case partNames[trashPart]:
		ed.trashed, ed.parts = r.Trashed.UTC(), ed.parts|trashPart
	default:
		return errForeign
	}
	return nil
}

// takeEdit takes in a record; mu must be held. A deleted one is followed by the note that its video was purged.
func (l *Library) takeEdit(id manifest.VideoID, part string, value []byte, deleted bool) error {
	if _, gone := l.gone[id]; gone && !deleted { // by somebody who had not heard
		l.follow(id, taskSweep)
		return nil
	}
	if deleted {
		return nil
	}
	ed := l.edits[id]
	if err := ed.decode(part, value); err != nil {
		return err
	}
	if now := l.now().UTC(); ed.trashed.After(now) {
		ed.trashed = now // another clock is wrong
	}
	l.edits[id] = ed
	if e := l.videos[id]; e != nil {
		e.refresh(ed)
		if e.made == Processing && l.own(e) && !ed.trashed.IsZero() {
			l.follow(id, taskCancel)
		}
	}
	return nil
}

// Rename gives a video another title and returns it. Spaces around the title are cut off.
// Errors: ErrNotFound, ErrTitle, ErrState while the file arrives.
func (l *Library) Rename(ctx context.Context, id manifest.VideoID, title string) (Video, error) {
	title, err := checkTitle(title)
	if err != nil {
		return Video{}, err
	}
	return l.edit(ctx, id, titlePart, func(e *entry, ed *edit) (bool, error) {
		if e.video.State == Receiving {
			return false, fmt.Errorf("rename in state %s: %w", e.video.State, ErrState)
		}
		ed.title = title
		return e.video.Title != title, nil
	})
}

// Trash puts a video into the trash: it is listed there only and does not play. When it is this node's to prepare, the caller
// has stopped its import; what was not ready yet cannot become so again and returns as failed. Another node stops its import
// when it hears of it. A video whose file still arrives is forgotten. Errors: ErrNotFound.
func (l *Library) Trash(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	if l.forget(id) {
		return nil
	}
	if err := l.cancelled(ctx, id); err != nil {
		return err
	}
	now := l.now().UTC()
	return l.amend(ctx, id, trashPart, func(_ *entry, ed *edit) (bool, error) {
		if !ed.trashed.IsZero() {
			return false, nil
		}
		ed.trashed = now
		return true, nil
	})
}

// cancelled notes that an import of this node was stopped because its video was deleted; writes must be held.
func (l *Library) cancelled(ctx context.Context, id manifest.VideoID) error {
	return l.failOwn(ctx, id, "cancelled", "The video was deleted before it was ready. Add the file again to watch it.")
}

// Restore takes a video out of the trash and returns it; one that is not there stays as it is.
// Errors: ErrNotFound.
func (l *Library) Restore(ctx context.Context, id manifest.VideoID) (Video, error) {
	return l.edit(ctx, id, trashPart, func(_ *entry, ed *edit) (bool, error) {
		trashed := !ed.trashed.IsZero()
		ed.trashed = time.Time{}
		return trashed, nil
	})
}

// edit makes a durable change and returns the video after it.
func (l *Library) edit(ctx context.Context, id manifest.VideoID, part uint8, f func(*entry, *edit) (bool, error)) (Video, error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	if err := l.amend(ctx, id, part, f); err != nil {
		return Video{}, err
	}
	return l.Get(id)
}

// amend makes a durable change to a part of what people changed of a video; writes must be held. F changes the edit, and tells
// whether there is anything to store.
func (l *Library) amend(ctx context.Context, id manifest.VideoID, part uint8, f func(*entry, *edit) (bool, error)) error {
	l.mu.RLock()
	ed, heard, unreadable := l.edits[id], l.heard, l.unreadable[editsBucket+"/"+editKey(id, part)]
	changed := false
	e, err := l.find(id)
	switch {
	case err == nil && unreadable:
		err = fmt.Errorf("video %s: %w", id, ErrUnreadable)
	case err == nil:
		changed, err = f(e, &ed)
	}
	l.mu.RUnlock()
	if err != nil || !changed {
		return err
	}
	value, err := ed.encode(part)
	if err == nil {
		err = l.records.Save(ctx, editsBucket, editKey(id, part), value)
	}
	if err != nil {
		return fmt.Errorf("save edit of video %s: %w", id, err)
	}
	return l.enact(ctx, heard, editsBucket, editKey(id, part), func(bool) error { return l.takeEdit(id, partNames[part], value, false) })
}
