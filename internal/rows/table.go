package rows

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
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

const (
	// storageBucket holds the rows of all buckets when nothing else is said.
	storageBucket = "rows"
	// maxAhead is how far a row's time may be ahead of all that is known here. Nobody has written as often unseen: a row that is
	// further ahead is a mad writer's, who would leave no later time for others.
	maxAhead = 1 << 40
	// maxStride is how far one row moves this node's time, so that what such a writer did within maxAhead cannot put the
	// times of others out of reach of a node that was away.
	maxStride = 1 << 20
)

// Config says what a Table works with; Storage, Signer and Verifier are needed.
type Config struct {
	// Storage keeps the rows under Bucket, which is "rows" when it is empty. Two tables have two buckets.
	Storage  Storage
	Bucket   string
	Signer   Signer
	Verifier Verifier
	// Changed is told of rows that came from elsewhere and hold now, one call after the other; it may read the table. Nil for nobody.
	Changed func(id ID, value []byte, deleted bool)
}

// Table has all rows of this node. Its methods may be called from many goroutines at once.
type Table struct {
	cfg Config
	// wrote is told of each row that this node wrote, after it is durable. It does not block.
	wrote atomic.Pointer[func(encoded []byte)]
	// writes is held while rows are stored, so that what is in memory follows what is on the disk.
	writes sync.Mutex

	mu    sync.RWMutex
	marks map[string]map[string]mark // guarded by mu; by bucket and key
	parts [Parts]digest              // guarded by mu
	now   uint64                     // guarded by mu; no earlier than what this node knows, as far as it is believed
	known map[string]int             // guarded by mu; records that are not deleted, by bucket
	turn  int                        // guarded by mu; the part that the next answer begins with
}

// Open reads the table's rows.
func Open(ctx context.Context, cfg Config) (*Table, error) {
	cfg.Bucket = cmp.Or(cfg.Bucket, storageBucket)
	t := &Table{cfg: cfg, marks: make(map[string]map[string]mark), known: make(map[string]int)}
	var times []uint64
	err := cfg.Storage.Each(ctx, cfg.Bucket, func(key string, value []byte) error {
		r, err := Decode(value)
		if err != nil {
			return err
		}
		if storageKey(r.ID) != key {
			return fmt.Errorf("row %s lies under %q", r.ID, key)
		}
		t.enter(r)
		times = append(times, r.Time)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	slices.Sort(times) // so that the time follows as it did when they were written
	for _, time := range times {
		t.follow(time)
	}
	return t, nil
}

func storageKey(id ID) string { return id.Bucket + "/" + id.Key }

// enter takes a row into memory.
func (t *Table) enter(r *Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bucket := t.marks[r.Bucket]
	if bucket == nil {
		bucket = make(map[string]mark)
		t.marks[r.Bucket] = bucket
	}
	m := markOf(r)
	part := &t.parts[m.part]
	if old, there := bucket[r.Key]; there {
		part.toggle(old)
		if !old.deleted {
			t.known[r.Bucket]--
		}
	}
	bucket[r.Key] = m
	part.toggle(m)
	if !r.Deleted {
		t.known[r.Bucket]++
	}
}

// follow moves this node's time after one that it has seen.
func (t *Table) follow(time uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time > t.now {
		t.now = min(time, t.now+maxStride)
	}
}

// Now returns this node's logical time: what it writes next is later, and later than what it knows of the same record.
func (t *Table) Now() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.now
}

// mark returns what is known of a record.
func (t *Table) mark(id ID) (mark, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	m, there := t.marks[id.Bucket][id.Key]
	return m, there
}

// Save writes a record. It is durable on this node when the error is nil, and on its way to the others.
func (t *Table) Save(ctx context.Context, bucket, key string, value []byte) error {
	return t.write(ctx, ID{bucket, key}, value, false)
}

// Delete writes that there is no such record any more. To delete what never was writes nothing.
func (t *Table) Delete(ctx context.Context, bucket, key string) error {
	id := ID{bucket, key}
	if m, there := t.mark(id); !there || m.deleted {
		return ctx.Err()
	}
	return t.write(ctx, id, nil, true)
}

func (t *Table) write(ctx context.Context, id ID, value []byte, deleted bool) error {
	t.writes.Lock()
	defer t.writes.Unlock()
	return t.writeNext(ctx, id, value, deleted)
}

// writeNext is called with writes held.
func (t *Table) writeNext(ctx context.Context, id ID, value []byte, deleted bool) error {
	old, _ := t.mark(id)
	r := newRow(id, max(t.Now(), old.Time)+1, t.cfg.Signer.Writer(), value, deleted)
	encoded, err := t.sign(r)
	if err == nil {
		err = t.cfg.Storage.SaveAll(ctx, t.cfg.Bucket, map[string][]byte{storageKey(id): encoded})
	}
	if err != nil {
		return fmt.Errorf("write row %s: %w", id, err)
	}
	t.enter(r)
	t.follow(r.Time)
	if tell := t.wrote.Load(); tell != nil {
		(*tell)(encoded)
	}
	return nil
}

// Adopt writes anew, in this node's name, the rows that late points out, and returns how many: what a writer wrote that may not
// write any more, and that others would refuse from it. It holds from then on because this node says so.
func (t *Table) Adopt(ctx context.Context, late func(id ID, s Stamp) bool) (adopted int, err error) {
	t.writes.Lock()
	defer t.writes.Unlock()
	for _, id := range t.chosen(late) {
		r, err := t.load(ctx, id)
		if err == nil {
			err = t.writeNext(ctx, id, r.Value, r.Deleted)
		}
		if err != nil {
			return adopted, fmt.Errorf("adopt rows: %w", err)
		}
		adopted++
	}
	return adopted, nil
}

func (t *Table) chosen(which func(id ID, s Stamp) bool) (ids []ID) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for bucket, marks := range t.marks {
		for key, m := range marks {
			if id := (ID{bucket, key}); which(id, m.Stamp) {
				ids = append(ids, id)
			}
		}
	}
	return ids
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
	text, err := t.cfg.Storage.Load(ctx, t.cfg.Bucket, storageKey(id))
	if err != nil {
		return nil, err
	}
	return Decode(text)
}

// Each calls visit with every record of a bucket, in the order of the keys' bytes, until one returns an error, which it returns as
// it is. The value is the visitor's own. What is written meanwhile may be visited or not.
func (t *Table) Each(ctx context.Context, bucket string, visit func(key string, value []byte) error) error {
	return t.Rows(ctx, bucket, func(r *Row) error { return visit(r.Key, r.Value) })
}

// Rows is Each with all that is known of a record.
func (t *Table) Rows(ctx context.Context, bucket string, visit func(r *Row) error) error {
	for _, key := range t.keys(bucket) {
		r, err := t.load(ctx, ID{bucket, key})
		if err != nil {
			return fmt.Errorf("read rows of %s: %w", bucket, err)
		}
		if r.Deleted {
			continue
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}

// keys returns the names of a bucket's records in order.
func (t *Table) keys(bucket string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	keys := make([]string, 0, t.known[bucket])
	for key, m := range t.marks[bucket] {
		if !m.deleted {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Len returns how many records a bucket has.
func (t *Table) Len(bucket string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.known[bucket]
}

// Deleted returns how many rows say that a record is gone, in all buckets. They are kept, a few hundred bytes each: without one the
// record would come back from a node that was away.
func (t *Table) Deleted() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := 0
	for bucket, marks := range t.marks {
		n += len(marks) - t.known[bucket]
	}
	return n
}
