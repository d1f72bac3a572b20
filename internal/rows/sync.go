package rows

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// The exchange of two tables, over one stream:
//
//	caller    → the digests of all parts
//	answerer  → for each part that differs, the stamps of all its rows; an empty frame ends them
//	caller    → the rows that the answerer lacks, then an empty frame; the names of those it wants, then an empty frame
//	answerer  → the rows asked for, then an empty frame
//
// Only one side speaks at a time, so that neither can wait for the other. Every frame is four bytes of length and so many bytes.
// The answerer tells of as many parts as it may; a stamp of a part that there is not says that there are more.

const (
	// batchBytes and batchRows are how much is stored together.
	batchBytes = 1 << 20
	batchRows  = 512
	// tellBytes is how many bytes of stamps an answer has room for; a part that has more is told all the same.
	tellBytes = 4 << 20
	// morePart stands in the place of a part's number.
	morePart = Parts + 1
)

// Exchanged says what an exchange did. More says that the tables differed in more than one exchange has room for.
type Exchanged struct {
	Sent, Taken int
	More        bool
}

// Sync brings this table and the one that answers at the other end of stream to the same rows. The caller closes the stream, also to end
// an exchange early; what was taken until then stays. Rows that must not be taken are passed over and named in the error.
func (t *Table) Sync(ctx context.Context, stream io.ReadWriter) (Exchanged, error) {
	return t.sync(ctx, newLink(stream))
}

func (t *Table) sync(ctx context.Context, l *link) (Exchanged, error) {
	var done Exchanged
	if err := l.send(t.digests()); err != nil {
		return done, fmt.Errorf("send digests: %w", err)
	}
	theirs, err := l.stamps()
	if err != nil {
		return done, fmt.Errorf("receive stamps: %w", err)
	}
	_, done.More = theirs[partID(morePart)]
	ahead, behind := t.compare(theirs)
	if done.Sent, err = t.sendRows(ctx, l, ahead); err != nil {
		return done, err
	}
	if err := l.sendIDs(behind); err != nil {
		return done, fmt.Errorf("ask for rows: %w", err)
	}
	done.Taken, err = t.takeRows(ctx, l)
	return done, err
}

// Answer is the other side of Sync.
func (t *Table) Answer(ctx context.Context, stream io.ReadWriter) (Exchanged, error) {
	return t.answer(ctx, newLink(stream))
}

func (t *Table) answer(ctx context.Context, l *link) (Exchanged, error) {
	var done Exchanged
	theirs, err := l.receive()
	if err != nil {
		return done, fmt.Errorf("receive digests: %w", err)
	}
	if len(theirs) != Parts*len(digest{}) {
		return done, fmt.Errorf("receive digests: %d bytes: %w", len(theirs), ErrRefused)
	}
	if err := t.sendStamps(l, theirs); err != nil {
		return done, fmt.Errorf("send stamps: %w", err)
	}
	var refused error
	if done.Taken, err = t.takeRows(ctx, l); err != nil {
		if !errors.Is(err, ErrRefused) {
			return done, err
		}
		refused = err
	}
	wanted, err := l.stamps()
	if err != nil {
		return done, errors.Join(refused, fmt.Errorf("receive names: %w", err))
	}
	ids := make([]ID, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	done.Sent, err = t.sendRows(ctx, l, ids)
	return done, errors.Join(refused, err)
}

// digests returns the digests of all parts, one after the other.
func (t *Table) digests() []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	text := make([]byte, 0, Parts*len(digest{}))
	for i := range t.parts {
		text = append(text, t.parts[i][:]...)
	}
	return text
}

// sendStamps sends the stamps of the rows in the parts that differ. A part that is empty there and here does not.
func (t *Table) sendStamps(l *link, theirs []byte) error {
	told, more := t.tell(theirs)
	stamps := make([]wireStamp, 0, 64)
	for i, is := range told {
		if is { // a stamp without a name says that the part's rows are all told
			stamps = append(stamps, wireStamp{Time: uint64(i) + 1})
		}
	}
	if more {
		stamps = append(stamps, wireStamp{Time: morePart})
	}
	t.mu.RLock()
	for bucket, marks := range t.marks {
		for key, m := range marks {
			if told[m.part] {
				stamps = append(stamps, wireStamp{Bucket: bucket, Key: key, Time: m.Time, Writer: m.Writer, Print: m.Print})
			}
		}
	}
	t.mu.RUnlock()
	return l.sendStamps(stamps)
}

// tell chooses parts that differ, as many as there is room for, beginning with another one each time.
func (t *Table) tell(theirs []byte) (told [Parts]bool, more bool) {
	ours := t.digests()
	if bytes.Equal(ours, theirs) {
		return told, false
	}
	sizes, first := t.partSizes()
	room := tellBytes
	for i := range Parts {
		part := (first + i) % Parts
		from, to := part*len(digest{}), (part+1)*len(digest{})
		if bytes.Equal(ours[from:to], theirs[from:to]) {
			continue
		}
		if room < tellBytes && sizes[part] > room {
			return told, true
		}
		told[part] = true
		room -= sizes[part]
	}
	return told, false
}

// partSizes returns how many bytes the stamps of each part have at most, and the part to begin with.
func (t *Table) partSizes() (sizes [Parts]int, first int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for bucket, marks := range t.marks {
		for key, m := range marks {
			sizes[m.part] += stampBytes + len(bucket) + len(key) + len(m.Writer)
		}
	}
	first = t.turn
	t.turn = (t.turn + Parts/3) % Parts
	return sizes, first
}

// compare returns the rows of the parts in question that are newer here, or only here, and those that are newer there.
func (t *Table) compare(theirs map[ID]Stamp) (ahead, behind []ID) {
	var asked [Parts]bool
	for i := range asked {
		_, asked[i] = theirs[partID(i+1)]
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for bucket, marks := range t.marks {
		for key, m := range marks {
			if !asked[m.part] {
				continue
			}
			id := ID{bucket, key}
			if s, there := theirs[id]; !there || m.Compare(s) > 0 {
				ahead = append(ahead, id)
			}
		}
	}
	for id, s := range theirs {
		if m, here := t.marks[id.Bucket][id.Key]; id.Bucket != "" && (!here || m.Compare(s) < 0) {
			behind = append(behind, id)
		}
	}
	return ahead, behind
}

func (t *Table) sendRows(ctx context.Context, l *link, ids []ID) (sent int, err error) {
	for _, id := range ids {
		text, err := t.cfg.Storage.Load(ctx, t.cfg.Bucket, storageKey(id))
		if err != nil {
			return sent, fmt.Errorf("send row %s: %w", id, err)
		}
		if err := l.send(text); err != nil {
			return sent, fmt.Errorf("send row %s: %w", id, err)
		}
		sent++
	}
	if err := l.send(nil); err != nil {
		return sent, fmt.Errorf("send rows: %w", err)
	}
	return sent, nil
}

// takeRows merges rows as they come, many at a time. Refused ones do not end it; once all others are there, they are looked at again,
// since one of those may say that a writer may write.
func (t *Table) takeRows(ctx context.Context, l *link) (taken int, err error) {
	var refused error
	var notYet [][]byte
	room := batchBytes
	for ended := false; !ended; {
		var batch [][]byte
		if batch, ended, err = l.batch(); err != nil {
			return taken, errors.Join(refused, fmt.Errorf("receive rows: %w", err))
		}
		n, later, err := t.merge(ctx, batch)
		taken += n
		if err != nil && !errors.Is(err, ErrRefused) {
			return taken, err
		}
		if err != nil {
			refused = err // the last is enough to tell what is wrong
		}
		for _, text := range later {
			if room -= len(text); room >= 0 {
				notYet = append(notYet, text)
			}
		}
	}
	if taken > 0 && len(notYet) > 0 {
		n, err := t.Merge(ctx, notYet)
		return taken + n, err
	}
	return taken, refused
}
