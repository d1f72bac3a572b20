package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"shoal/internal/manifest"
)

// maxReloads is how often a record is loaded again because others came meanwhile: those come one fsync apart at the least.
const maxReloads = 100

// change makes a durable change to what was made of a video; writes must be held, so that no state changes and no entry goes
// meanwhile by this node's doing. It runs edit on a copy, stores that, and runs edit again on the entry itself: progress and
// drafts may have come in since the copy was taken.
func (l *Library) change(ctx context.Context, id manifest.VideoID, edit func(*entry) error) error {
	l.mu.RLock()
	e, err := l.find(id)
	if err != nil {
		l.mu.RUnlock()
		return err
	}
	next, heard := *e, l.heard
	l.mu.RUnlock()
	if next.newer {
		return fmt.Errorf("video %s: %w", id, ErrUnreadable)
	}
	if err := edit(&next); err != nil {
		return fmt.Errorf("video %s: %w", id, err)
	}
	if err := l.save(ctx, &next); err != nil {
		return err
	}
	return l.enact(ctx, heard, videosBucket, string(id), func(alone bool) error {
		e := l.videos[id]
		if e == nil { // it was purged on another node
			return nil
		}
		if alone {
			if err := edit(e); err != nil {
				return err
			}
		} else { // what e is now is not what was changed and stored
			*e = next
		}
		e.by = l.opts.Self
		e.refresh(l.edits[id])
		return nil
	})
}

func (l *Library) save(ctx context.Context, e *entry) error {
	e.by = l.opts.Self
	value, err := encodeRow(e)
	if err == nil {
		err = l.records.Save(ctx, videosBucket, string(e.video.ID), value)
	}
	if err != nil {
		return fmt.Errorf("save video %s: %w", e.video.ID, err)
	}
	return nil
}

// enact runs do, which brings into memory what was just stored under key. Should records have come from elsewhere since heard,
// one for the same key may be among them, newer or older: then do is told that it is not alone, and what the records hold counts.
func (l *Library) enact(ctx context.Context, heard uint64, bucket, key string, do func(alone bool) error) error {
	l.mu.Lock()
	alone := l.heard == heard
	err := do(alone)
	l.mu.Unlock()
	if alone {
		return err
	}
	// What was changed is durable, so this is no error of the change.
	if err := l.reload(context.WithoutCancel(ctx), bucket, key); err != nil {
		l.log.Error("record cannot be read again", "record", bucket+"/"+key, "err", err)
	}
	return nil
}

// reload takes in what the records hold.
func (l *Library) reload(ctx context.Context, bucket, key string) error {
	for try := range maxReloads {
		l.mu.RLock()
		heard := l.heard
		l.mu.RUnlock()
		value, err := l.records.Load(ctx, bucket, key)
		deleted := errors.Is(err, fs.ErrNotExist)
		if err != nil && !deleted {
			return err
		}
		if l.takeUnless(heard, try+1 == maxReloads, bucket, key, value, deleted) {
			break
		}
	}
	return nil
}

// takeUnless takes a record in, unless others came since heard and it need not be.
func (l *Library) takeUnless(heard uint64, must bool, bucket, key string, value []byte, deleted bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard != heard && !must {
		return false
	}
	l.take(bucket, key, value, deleted)
	return true
}

// saveAll saves many values, together where the records can do that.
func saveAll(ctx context.Context, records Records, bucket string, values map[string][]byte) error {
	if together, can := records.(interface {
		SaveAll(ctx context.Context, bucket string, values map[string][]byte) error
	}); can {
		return together.SaveAll(ctx, bucket, values)
	}
	for key, value := range values {
		if err := records.Save(ctx, bucket, key, value); err != nil {
			return err
		}
	}
	return nil
}
