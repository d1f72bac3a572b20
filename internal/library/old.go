package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"shoal/internal/chunk"
)

// moveAtOnce and moveBytes are how many records are moved together, and how many bytes.
const (
	moveAtOnce = 500
	moveBytes  = 16 << 20
)

// oldRow is a video as version 1 stored it: with its title, and in the trash in place of its state.
type oldRow struct {
	row
	Was     State     `json:"was,omitempty"`
	Trashed time.Time `json:"trashed,omitzero"`
	// Superseded hides that of row.
	Superseded []chunk.Info `json:"superseded,omitempty"`
}

// decodeOld reads a video of version 1 into records of today.
func (l *Library) decodeOld(key string, value []byte) (r *row, ed edit, err error) {
	var old oldRow
	if err := decodeStrictly(value, &old); err != nil {
		return nil, ed, fmt.Errorf("decode old video record: %w", err)
	}
	r = &old.row
	if r.State == Trashed {
		if r.State, ed.trashed = old.Was, old.Trashed; ed.trashed.IsZero() {
			ed.trashed = l.now().UTC()
		}
		ed.parts = trashPart
	} else if old.Was != "" {
		return nil, ed, fmt.Errorf("decode old video record: state %s with a former one", r.State)
	}
	if len(old.Superseded) > 0 {
		r.Superseded = [][]chunk.Info{old.Superseded}
	}
	r.Version, r.Node, r.By = rowVersion, l.opts.Self, l.opts.Self
	if err := r.check(key); err != nil {
		return nil, ed, fmt.Errorf("decode old video record: %w", err)
	}
	if ed.parts != 0 && r.State == Processing {
		return nil, ed, fmt.Errorf("decode old video record: state %s in the trash", r.State)
	}
	return r, ed, nil
}

// moved are records on their way to the form, and the place, of today.
type moved struct {
	to map[string]map[string][]byte // by bucket and key
	// from are the keys of what is to be deleted where it lies, by bucket.
	from         map[string][]string
	count, bytes int
}

func newMoved() *moved {
	return &moved{to: make(map[string]map[string][]byte), from: make(map[string][]string)}
}

func (m *moved) put(bucket, key string, value []byte) {
	if m.to[bucket] == nil {
		m.to[bucket] = make(map[string][]byte)
	}
	m.to[bucket][key] = value
	m.count++
	m.bytes += len(value)
}

func (m *moved) drop(bucket, key string) {
	m.from[bucket] = append(m.from[bucket], key)
	m.count++
}

// migrate turns the records of earlier versions into those of today, and moves what lies in the local records to the shared
// ones. It may be interrupted at any moment. What cannot be read stays where it is.
func (l *Library) migrate(ctx context.Context) error {
	m, total := newMoved(), 0
	flush := func() error {
		total += m.count
		err := l.flush(ctx, m)
		m = newMoved()
		return err
	}
	for _, bucket := range []string{purgedBucket, videosBucket, editsBucket} {
		err := l.opts.Local.Each(ctx, bucket, func(key string, value []byte) error {
			err := l.move(ctx, m, bucket, key, bytes.Clone(value))
			if err == nil && (m.count >= moveAtOnce || m.bytes >= moveBytes) {
				err = flush()
			}
			return err
		})
		if err == nil {
			err = flush()
		}
		if err != nil {
			return fmt.Errorf("take over records of an earlier version: %w", err)
		}
	}
	if total > 0 {
		l.log.Info("records of an earlier version were taken over", "records", total)
	}
	return nil
}

// flush stores what is on its way, and deletes it where it was only then.
func (l *Library) flush(ctx context.Context, m *moved) error {
	// A video comes after its edits, so that what was in the trash never shows outside of it.
	for _, bucket := range []string{purgedBucket, editsBucket, videosBucket} {
		if len(m.to[bucket]) == 0 {
			continue
		}
		if err := saveAll(ctx, l.records, bucket, m.to[bucket]); err != nil {
			return err
		}
	}
	for bucket, keys := range m.from {
		for _, key := range keys {
			if err := l.opts.Local.Delete(ctx, bucket, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// shared tells whether the local records are where all are to be.
func (l *Library) shared() bool { return l.opts.Local == l.records }

// move decides what becomes of one of the local records.
func (l *Library) move(ctx context.Context, m *moved, bucket, key string, value []byte) error {
	old := versionOf(value) == 1
	switch {
	case bucket == purgedBucket && old:
		return l.moveOldNote(ctx, m, key, value)
	case bucket == videosBucket && old:
		return l.moveOldVideo(ctx, m, key, value)
	case l.shared():
		return nil
	}
	return l.place(ctx, m, bucket, key, value)
}

// place puts a record on its way, unless the shared records have it already.
func (l *Library) place(ctx context.Context, m *moved, bucket, key string, value []byte) error {
	if l.shared() {
		m.put(bucket, key, value)
		return nil
	}
	m.drop(bucket, key)
	_, err := l.records.Load(ctx, bucket, key)
	if errors.Is(err, fs.ErrNotExist) {
		m.put(bucket, key, value)
		return nil
	}
	return err
}

func (l *Library) moveOldVideo(ctx context.Context, m *moved, key string, value []byte) error {
	r, ed, err := l.decodeOld(key, value)
	if err != nil {
		l.unread(videosBucket, key, err)
		return nil
	}
	if ed.parts != 0 {
		trash, err := ed.encode(trashPart)
		if err == nil {
			err = l.place(ctx, m, editsBucket, editKey(r.ID, trashPart), trash)
		}
		if err != nil {
			return err
		}
	}
	if value, err = json.Marshal(r); err != nil {
		return err
	}
	return l.place(ctx, m, videosBucket, key, value)
}

// moveOldNote does away with the note of a purged video that is still there: with version 1 a video was purged only when its
// record was gone too.
func (l *Library) moveOldNote(ctx context.Context, m *moved, key string, value []byte) error {
	note, err := decodeOldNote(value)
	if err != nil {
		l.unread(purgedBucket, key, err)
		return nil
	}
	_, err = l.opts.Local.Load(ctx, videosBucket, key)
	if err == nil {
		m.drop(purgedBucket, key)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if value, err = json.Marshal(note); err != nil {
		return err
	}
	return l.place(ctx, m, purgedBucket, key, value)
}

func decodeOldNote(value []byte) (purgedRow, error) {
	var old struct {
		Version    int          `json:"version"`
		Manifest   []chunk.Info `json:"manifest"`
		Superseded []chunk.Info `json:"superseded,omitempty"`
	}
	if err := decodeStrictly(value, &old); err != nil {
		return purgedRow{}, fmt.Errorf("decode old note of a purged video: %w", err)
	}
	note := purgedRow{Version: purgedVersion, Manifest: old.Manifest}
	if len(old.Superseded) > 0 {
		note.Superseded = [][]chunk.Info{old.Superseded}
	}
	return note, nil
}

// unread notes that a record cannot be read and stays where it is. One that lies among the shared ones is met again.
func (l *Library) unread(bucket, key string, err error) {
	if l.shared() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unreadable[bucket+"/"+key] = true
	l.log.Error("record of an earlier version cannot be read and is left out", "bucket", bucket, "video", key, "err", err)
}
