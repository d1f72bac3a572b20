package rows

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// incoming is a row that may be taken.
type incoming struct {
	row     *Row
	encoded []byte
}

// Merge takes over what is newer of rows from elsewhere, in their encoded form, and returns how many that were. A row that must
// not be taken is passed over and named in the error, which is ErrRefused; the others are taken all the same.
func (t *Table) Merge(ctx context.Context, encoded [][]byte) (taken int, err error) {
	taken, _, err = t.merge(ctx, encoded)
	return taken, err
}

// merge also returns the rows that were refused for who wrote them, or when: later they may be taken.
func (t *Table) merge(ctx context.Context, encoded [][]byte) (taken int, notYet [][]byte, err error) {
	good, notYet, refused := t.sift(encoded)
	if len(good) == 0 {
		return 0, notYet, refused
	}
	t.writes.Lock()
	defer t.writes.Unlock()
	newer := t.newest(good)
	if len(newer) == 0 {
		return 0, notYet, refused
	}
	values := make(map[string][]byte, len(newer))
	for _, in := range newer {
		values[storageKey(in.row.ID)] = in.encoded
	}
	if err := t.cfg.Storage.SaveAll(ctx, t.cfg.Bucket, values); err != nil {
		return 0, notYet, errors.Join(refused, fmt.Errorf("store %d rows: %w", len(values), err))
	}
	for _, in := range newer {
		t.enter(in.row)
	}
	if t.cfg.Changed != nil {
		for _, in := range newer {
			t.cfg.Changed(in.row.ID, in.row.Value, in.row.Deleted)
		}
	}
	return len(newer), notYet, refused
}

// sift returns those of the rows that are newer than what is here and rightly signed, in the order of their times.
func (t *Table) sift(encoded [][]byte) (good []incoming, notYet [][]byte, refused error) {
	var read []incoming
	var errs []error
	for _, text := range encoded {
		r, err := Decode(text)
		if err != nil {
			errs = append(errs, err)
		} else if t.lacks(r.ID, r.Stamp) {
			read = append(read, incoming{r, text})
		}
	}
	slices.SortStableFunc(read, func(a, b incoming) int { return a.row.Compare(b.row.Stamp) })
	for _, in := range read {
		if err := t.verify(in.row); err != nil {
			errs, notYet = append(errs, err), append(notYet, in.encoded)
			continue
		}
		good = append(good, in)
	}
	return good, notYet, joinFew(errs)
}

// joinFew joins a few errors: whoever sends rubbish is not to fill the log.
func joinFew(errs []error) error {
	const few = 3
	if len(errs) > few {
		errs = append(errs[:few:few], fmt.Errorf("%d more: %w", len(errs)-few, ErrRefused))
	}
	return errors.Join(errs...)
}

// newest returns one row for each record, where it is newer than what is here. It is called with writes held.
func (t *Table) newest(good []incoming) (newer []incoming) {
	last := make(map[ID]int, len(good))
	for i, in := range good {
		last[in.row.ID] = i // they are in order
	}
	for i, in := range good {
		if last[in.row.ID] == i && t.lacks(in.row.ID, in.row.Stamp) {
			newer = append(newer, in)
		}
	}
	return newer
}

// lacks tells whether a row with that stamp would replace what is here.
func (t *Table) lacks(id ID, s Stamp) bool {
	m, there := t.mark(id)
	return !there || m.Compare(s) < 0
}

// verify checks a row, and has the time of this node follow one that is rightly signed.
func (t *Table) verify(r *Row) error {
	text, err := r.signed()
	if err == nil {
		err = t.cfg.Verifier.Verify(r, text)
	}
	if err == nil {
		limit := t.Now() + maxAhead
		t.follow(r.Time)
		if r.Time > limit {
			err = fmt.Errorf("its time %d is too far ahead", r.Time)
		}
	}
	if err != nil {
		return fmt.Errorf("row %s of %s: %w: %w", r.ID, r.Writer, err, ErrRefused)
	}
	return nil
}
