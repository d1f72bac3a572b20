package rows

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The exchange of two tables, over one stream:
//
//	caller    → the digests of all parts
//	answerer  → for each part that differs, the stamps of all its rows; an empty frame ends them
//	caller    → the rows that the answerer lacks, then an empty frame; the names of those it wants, then an empty frame
//	answerer  → the rows asked for, then an empty frame
//
// Only one side speaks at a time, so that neither can wait for the other. Every frame is four bytes of length and so many bytes.

const (
	maxFrame = 2 << 20
	// batchBytes and batchRows are how much is stored together.
	batchBytes = 1 << 20
	batchRows  = 512
	// maxStamps bounds what a side believes of the other's rows.
	maxStamps = 4 << 20
)

// Exchanged says what an exchange did.
type Exchanged struct{ Sent, Taken int }

// wireStamp is a row's name and stamp.
type wireStamp struct {
	_      struct{} `cbor:",toarray"`
	Bucket string
	Key    string
	Time   uint64
	Writer string
	Print  uint64
}

// Sync brings this table and the one that answers at the other end of stream to the same rows. The caller closes the stream, also to end
// an exchange early; what was taken until then stays. Rows that must not be taken are passed over and named in the error.
func (t *Table) Sync(ctx context.Context, stream io.ReadWriter) (Exchanged, error) {
	l := newLink(stream)
	var done Exchanged
	if err := l.send(t.digests()); err != nil {
		return done, fmt.Errorf("send digests: %w", err)
	}
	theirs, err := l.stamps()
	if err != nil {
		return done, fmt.Errorf("receive stamps: %w", err)
	}
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
	l := newLink(stream)
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
	var differ [Parts]bool
	ours := t.digests()
	for i := range differ {
		from, to := i*len(digest{}), (i+1)*len(digest{})
		differ[i] = !bytes.Equal(ours[from:to], theirs[from:to])
	}
	t.mu.RLock()
	stamps := make([]wireStamp, 0, 64)
	for id, m := range t.marks {
		if differ[partOf(id)] {
			stamps = append(stamps, wireStamp{Bucket: id.Bucket, Key: id.Key, Time: m.Time, Writer: m.Writer, Print: m.Print})
		}
	}
	t.mu.RUnlock()
	var parts []wireStamp
	for i, differs := range differ {
		if differs { // a stamp without a name says that the part's rows are all told
			parts = append(parts, wireStamp{Time: uint64(i) + 1})
		}
	}
	return l.sendStamps(append(parts, stamps...))
}

// compare returns the rows of the parts in question that are newer here, or only here, and those that are newer there.
func (t *Table) compare(theirs map[ID]Stamp) (ahead, behind []ID) {
	var asked [Parts]bool
	for id, s := range theirs {
		if id.Bucket == "" {
			asked[(s.Time-1)%Parts] = true
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for id, m := range t.marks {
		if !asked[partOf(id)] {
			continue
		}
		if s, there := theirs[id]; !there || m.Compare(s) > 0 {
			ahead = append(ahead, id)
		}
	}
	for id, s := range theirs {
		if m, here := t.marks[id]; id.Bucket != "" && (!here || m.Compare(s) < 0) {
			behind = append(behind, id)
		}
	}
	return ahead, behind
}

func (t *Table) sendRows(ctx context.Context, l *link, ids []ID) (sent int, err error) {
	for _, id := range ids {
		text, err := t.cfg.Storage.Load(ctx, storageBucket, storageKey(id))
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

// takeRows merges rows as they come, many at a time. Refused ones do not end it.
func (t *Table) takeRows(ctx context.Context, l *link) (taken int, err error) {
	var refused []error
	for ended := false; !ended; {
		var batch [][]byte
		for size := 0; size < batchBytes && len(batch) < batchRows; {
			text, err := l.receive()
			if err != nil {
				return taken, errors.Join(append(refused, fmt.Errorf("receive rows: %w", err))...)
			}
			if ended = len(text) == 0; ended {
				break
			}
			batch = append(batch, text)
			size += len(text)
		}
		n, err := t.Merge(ctx, batch)
		taken += n
		if err != nil && !errors.Is(err, ErrRefused) {
			return taken, err
		}
		if err != nil && len(refused) < batchRows {
			refused = append(refused, err)
		}
	}
	return taken, errors.Join(refused...)
}

// link sends and receives frames.
type link struct {
	r *bufio.Reader
	w *bufio.Writer
}

func newLink(stream io.ReadWriter) *link {
	return &link{bufio.NewReader(stream), bufio.NewWriter(stream)}
}

// send writes a frame; an empty one ends what this side has to say, and is flushed.
func (l *link) send(text []byte) error {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(text)))
	if _, err := l.w.Write(head[:]); err != nil {
		return err
	}
	if _, err := l.w.Write(text); err != nil {
		return err
	}
	if len(text) == 0 || len(text) == Parts*len(digest{}) {
		return l.w.Flush()
	}
	return nil
}

func (l *link) receive() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(l.r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes: %w", size, ErrRefused)
	}
	// Room is made as bytes come, not as many as were claimed.
	var text bytes.Buffer
	if n, err := io.CopyN(&text, l.r, int64(size)); err != nil {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	return text.Bytes(), nil
}

const stampsInFrame = 1024

func (l *link) sendStamps(stamps []wireStamp) error {
	for some := range slices.Chunk(stamps, stampsInFrame) {
		text, err := canonical.Marshal(some)
		if err != nil {
			return err
		}
		if err := l.send(text); err != nil {
			return err
		}
	}
	return l.send(nil)
}

func (l *link) sendIDs(ids []ID) error {
	stamps := make([]wireStamp, len(ids))
	for i, id := range ids {
		stamps[i] = wireStamp{Bucket: id.Bucket, Key: id.Key}
	}
	return l.sendStamps(stamps)
}

// stamps receives what sendStamps sent. Parts come as names without a bucket, their number as the key.
func (l *link) stamps() (map[ID]Stamp, error) {
	found := make(map[ID]Stamp)
	for {
		text, err := l.receive()
		if err != nil || len(text) == 0 {
			return found, err
		}
		var some []wireStamp
		if err := stampsIn.Unmarshal(text, &some); err != nil {
			return nil, fmt.Errorf("%w: %w", err, ErrRefused)
		}
		if len(some) > stampsInFrame || len(found)+len(some) > maxStamps {
			return nil, fmt.Errorf("%d stamps: %w", len(found)+len(some), ErrRefused)
		}
		for _, s := range some {
			id := ID{s.Bucket, s.Key}
			if s.Bucket == "" {
				if s.Time == 0 || s.Time > Parts {
					return nil, fmt.Errorf("part %d: %w", s.Time, ErrRefused)
				}
				id.Key = string(binary.BigEndian.AppendUint16(nil, uint16(s.Time)))
			}
			found[id] = Stamp{s.Time, s.Writer, s.Print}
		}
	}
}
