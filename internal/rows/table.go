package rows

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// Storage keeps bytes by bucket and key on this node, as disk.Records does. Load of what is not there is fs.ErrNotExist.
type Storage interface {
	// SaveAll keeps all values or none, durably when the error is nil.
	SaveAll(ctx context.Context, bucket string, values map[string][]byte) error
	Load(ctx context.Context, bucket, key string) ([]byte, error)
	Each(ctx context.Context, bucket string, visit func(key string, value []byte) error) error
}

// Signer signs what this node writes.
type Signer interface {
	// Writer is this node's name.
	Writer() string
	Sign(text []byte) (proof []byte, err error)
}

// Verifier tells whether a row may be taken: its proof is its writer's, and that one may write in that bucket. It is called
// from many goroutines at once.
type Verifier interface {
	Verify(r *Row, signed []byte) error
}

// storageBucket holds the rows of all buckets.
const storageBucket = "rows"

// Config says what a Table works with; Storage, Signer and Verifier are needed.
type Config struct {
	Storage  Storage
	Signer   Signer
	Verifier Verifier
	// Changed is told of rows that came from elsewhere and hold now, one call after the other; it may read the table. Nil for nobody.
	Changed func(id ID, value []byte, deleted bool)
	// Wrote is told of each row that this node wrote, after it is durable, to be passed on. It must not block. Nil for nobody.
	Wrote func(encoded []byte)
}

// Table has all rows of this node. Its methods may be called from many goroutines at once.
type Table struct {
	cfg Config
	// writes is held while rows are stored, so that what is in memory follows what is on the disk.
	writes sync.Mutex

	mu    sync.RWMutex
	marks map[ID]mark    // guarded by mu
	parts [Parts]digest  // guarded by mu
	now   uint64         // guarded by mu; the highest logical time seen
	known map[string]int // guarded by mu; records that are not deleted, by bucket
}

// Open reads the table's rows.
func Open(ctx context.Context, cfg Config) (*Table, error) {
	t := &Table{cfg: cfg, marks: make(map[ID]mark), known: make(map[string]int)}
	err := cfg.Storage.Each(ctx, storageBucket, func(key string, value []byte) error {
		r, err := Decode(value)
		if err != nil {
			return err
		}
		if storageKey(r.ID) != key {
			return fmt.Errorf("row %s lies under %q", r.ID, key)
		}
		t.enter(r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	return t, nil
}

func storageKey(id ID) string { return id.Bucket + "/" + id.Key }

// enter takes a row into memory.
func (t *Table) enter(r *Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, there := t.marks[r.ID]; there {
		t.parts[partOf(r.ID)].toggle(old)
		if !old.deleted {
			t.known[r.Bucket]--
		}
	}
	m := markOf(r)
	t.marks[r.ID] = m
	t.parts[partOf(r.ID)].toggle(m)
	t.now = max(t.now, r.Time)
	if !r.Deleted {
		t.known[r.Bucket]++
	}
}

// Save writes a record. It is durable on this node when the error is nil, and on its way to the others.
func (t *Table) Save(ctx context.Context, bucket, key string, value []byte) error {
	return t.write(ctx, ID{bucket, key}, value, false)
}

// Delete writes that there is no such record any more. To delete what never was writes nothing.
func (t *Table) Delete(ctx context.Context, bucket, key string) error {
	id := ID{bucket, key}
	t.mu.RLock()
	m, there := t.marks[id]
	t.mu.RUnlock()
	if !there || m.deleted {
		return ctx.Err()
	}
	return t.write(ctx, id, nil, true)
}

func (t *Table) write(ctx context.Context, id ID, value []byte, deleted bool) error {
	t.writes.Lock()
	defer t.writes.Unlock()
	t.mu.RLock()
	next := t.now + 1
	t.mu.RUnlock()
	r := newRow(id, next, t.cfg.Signer.Writer(), value, deleted)
	encoded, err := t.sign(r)
	if err == nil {
		err = t.cfg.Storage.SaveAll(ctx, storageBucket, map[string][]byte{storageKey(id): encoded})
	}
	if err != nil {
		return fmt.Errorf("write row %s: %w", id, err)
	}
	t.enter(r)
	if t.cfg.Wrote != nil {
		t.cfg.Wrote(encoded)
	}
	return nil
}

func (t *Table) sign(r *Row) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	text, err := r.signed()
	if err != nil {
		return nil, err
	}
	if r.Proof, err = t.cfg.Signer.Sign(text); err != nil {
		return nil, err
	}
	return r.Encode()
}

// Load returns a record's value, or an error that is fs.ErrNotExist.
func (t *Table) Load(ctx context.Context, bucket, key string) ([]byte, error) {
	r, err := t.load(ctx, ID{bucket, key})
	if err == nil && r.Deleted {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("load row %s/%s: %w", bucket, key, err)
	}
	return r.Value, nil
}

func (t *Table) load(ctx context.Context, id ID) (*Row, error) {
	text, err := t.cfg.Storage.Load(ctx, storageBucket, storageKey(id))
	if err != nil {
		return nil, err
	}
	return Decode(text)
}

// Each calls visit with every record of a bucket until one returns an error, which it returns as it is. The value is the
// visitor's own.
func (t *Table) Each(ctx context.Context, bucket string, visit func(key string, value []byte) error) error {
	return t.cfg.Storage.Each(ctx, storageBucket, func(key string, text []byte) error {
		if !strings.HasPrefix(key, bucket+"/") {
			return nil
		}
		r, err := Decode(text)
		if err != nil || r.Deleted {
			return err
		}
		return visit(r.Key, r.Value)
	})
}

// Len returns how many records a bucket has.
func (t *Table) Len(bucket string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.known[bucket]
}

// Merge takes over what is newer of rows from elsewhere, in their encoded form, and returns how many that were. A row that must
// not be taken is passed over and named in the error, which is ErrRefused; the others are taken all the same.
func (t *Table) Merge(ctx context.Context, encoded [][]byte) (taken int, err error) {
	t.writes.Lock()
	defer t.writes.Unlock()
	newer, refused := t.sift(encoded)
	if len(newer) == 0 {
		return 0, refused
	}
	values := make(map[string][]byte, len(newer))
	for id, in := range newer {
		values[storageKey(id)] = in.encoded
	}
	if err := t.cfg.Storage.SaveAll(ctx, storageBucket, values); err != nil {
		return 0, errors.Join(refused, fmt.Errorf("store %d rows: %w", len(values), err))
	}
	for _, in := range newer {
		t.enter(in.row)
	}
	if t.cfg.Changed != nil {
		for id, in := range newer {
			t.cfg.Changed(id, in.row.Value, in.row.Deleted)
		}
	}
	return len(newer), refused
}

type incoming struct {
	row     *Row
	encoded []byte
}

// sift returns those of the rows that are newer than what is here, the newest for each record.
func (t *Table) sift(encoded [][]byte) (newer map[ID]incoming, refused error) {
	newer = make(map[ID]incoming)
	var errs []error
	for _, text := range encoded {
		r, err := Decode(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if best, there := newer[r.ID]; there && r.Compare(best.row.Stamp) <= 0 || !t.lacks(r.ID, r.Stamp) {
			continue
		}
		if err := t.verify(r); err != nil {
			errs = append(errs, err)
			continue
		}
		newer[r.ID] = incoming{r, text}
	}
	return newer, errors.Join(errs...)
}

// lacks tells whether a row with that stamp would replace what is here.
func (t *Table) lacks(id ID, s Stamp) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	m, there := t.marks[id]
	return !there || m.Compare(s) < 0
}

func (t *Table) verify(r *Row) error {
	text, err := r.signed()
	if err == nil {
		err = t.cfg.Verifier.Verify(r, text)
	}
	if err != nil {
		return fmt.Errorf("row %s of %s: %w: %w", r.ID, r.Writer, err, ErrRefused)
	}
	return nil
}
