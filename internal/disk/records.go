package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"
)

const (
	// ownBucket holds what this package keeps for itself.
	ownBucket = "disk"
	// pageRecords and pageBytes bound what Each holds at a time.
	pageRecords = 256
	pageBytes   = 1 << 20
	// allBytes bounds what SaveAll keeps together: it is in memory until it is durable.
	allBytes = 64 << 20
)

// Records keeps bytes by bucket and key. Buckets come to be when they are first saved to; names are
// not empty, and the bucket "disk" is taken. Methods may be called from many goroutines at once.
// Errors: chunk.ErrFull without room, and then nothing changed; ErrSyncFailed, ErrDamaged, ErrClosed.
type Records struct {
	gate *gate
	// db is used through view and update alone.
	db *guarded
}

// Save keeps value under bucket and key, in the place of what was there. It is durable when err is nil.
// Saving takes the time of two fsyncs, one caller after the other.
func (r *Records) Save(ctx context.Context, bucket, key string, value []byte) error {
	return r.change(ctx, "save", bucket, key, func() error { return r.save(bucket, map[string][]byte{key: value}) })
}

// SaveAll keeps all values under their keys, or none of them: they are durable together when err is nil. That takes the time
// of one Save, so it is how many records are kept. Keys and values are at most 64 MiB in all.
func (r *Records) SaveAll(ctx context.Context, bucket string, values map[string][]byte) error {
	size := 0
	for key, value := range values {
		size += len(key) + len(value)
	}
	if size > allBytes {
		return fmt.Errorf("save %d records of %s: %d bytes, at most %d", len(values), bucket, size, allBytes)
	}
	err := r.inTurn(ctx, bucket, func() error { return r.save(bucket, values) })
	if err != nil {
		return fmt.Errorf("save %d records of %s: %w", len(values), bucket, err)
	}
	return nil
}

// Delete forgets what is under bucket and key, durably. To delete what is not there is no error.
func (r *Records) Delete(ctx context.Context, bucket, key string) error {
	return r.change(ctx, "delete", bucket, key, func() error {
		return r.db.update(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(bucket))
			if b == nil {
				return nil
			}
			return b.Delete([]byte(key))
		})
	})
}

// Load returns a copy of what is under bucket and key, or an error that is fs.ErrNotExist.
func (r *Records) Load(ctx context.Context, bucket, key string) ([]byte, error) {
	value, err := r.enterLoad(ctx, bucket, key)
	if err != nil {
		return nil, fmt.Errorf("load record %s/%s: %w", bucket, key, err)
	}
	return value, nil
}

// Each calls visit with a copy of every record of a bucket, in the order of the keys' bytes, until one
// returns an error, which it returns as it is. A bucket that does not exist is empty. Visit may use the
// records itself; what is saved or deleted meanwhile, by anybody, may be visited or not.
func (r *Records) Each(ctx context.Context, bucket string, visit func(key string, value []byte) error) error {
	var last []byte
	for {
		page, err := r.page(ctx, bucket, last)
		if err != nil {
			return fmt.Errorf("read records of %s: %w", bucket, err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, record := range page {
			if err := visit(string(record.key), record.value); err != nil {
				return err
			}
			last = record.key
		}
	}
}

func (r *Records) change(ctx context.Context, verb, bucket, key string, do func() error) error {
	if err := r.inTurn(ctx, bucket, do); err != nil {
		return fmt.Errorf("%s record %s/%s: %w", verb, bucket, key, err)
	}
	return nil
}

// inTurn calls do when nobody else writes.
func (r *Records) inTurn(ctx context.Context, bucket string, do func() error) error {
	if err := r.enter(ctx, bucket); err != nil {
		return err
	}
	defer r.gate.leave()
	if err := take(ctx, r.db.turn); err != nil {
		return err
	}
	defer func() { <-r.db.turn }()
	return do()
}

func (r *Records) enter(ctx context.Context, bucket string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if bucket == ownBucket {
		return errors.New("the bucket is taken")
	}
	return r.gate.enter()
}

func (r *Records) save(bucket string, values map[string][]byte) error {
	if len(values) == 0 {
		return nil
	}
	return r.db.update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		// In the order of the keys, which touches each page once.
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if err := b.Put([]byte(key), values[key]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Records) enterLoad(ctx context.Context, bucket, key string) ([]byte, error) {
	if err := r.enter(ctx, bucket); err != nil {
		return nil, err
	}
	defer r.gate.leave()
	return r.load(bucket, key)
}

func (r *Records) load(bucket, key string) (value []byte, err error) {
	err = r.db.view(func(tx *bolt.Tx) error {
		if b := tx.Bucket([]byte(bucket)); b != nil {
			value = bytes.Clone(b.Get([]byte(key)))
		}
		return nil
	})
	if err == nil && value == nil {
		err = fs.ErrNotExist
	}
	return value, err
}

type record struct{ key, value []byte }

// page copies the next records after last. Visitors run outside the transaction, because a write that
// has to grow the file waits for every reader to end.
func (r *Records) page(ctx context.Context, bucket string, last []byte) (page []record, err error) {
	if err := r.enter(ctx, bucket); err != nil {
		return nil, err
	}
	defer r.gate.leave()
	err = r.db.view(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		size := 0
		cursor := b.Cursor()
		for k, v := seekAfter(cursor, last); k != nil && len(page) < pageRecords && size < pageBytes; k, v = cursor.Next() {
			// Going on from a key that is out of order might never end.
			if last != nil && bytes.Compare(k, last) <= 0 {
				return fmt.Errorf("keys are out of order: %w", ErrDamaged)
			}
			last = bytes.Clone(k)
			page = append(page, record{last, bytes.Clone(v)})
			size += len(k) + len(v)
		}
		return nil
	})
	return page, err
}

// seekAfter goes to the first key after last; nil is before the first.
func seekAfter(cursor *bolt.Cursor, last []byte) (key, value []byte) {
	if last == nil {
		return cursor.First()
	}
	if key, value = cursor.Seek(last); bytes.Equal(key, last) {
		return cursor.Next()
	}
	return key, value
}

// close is called when nobody is inside any more.
func (r *Records) close() error { return r.db.close() }
