package rows_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"shoal/internal/rows"
)

// file is a Storage as a node's records are: one bbolt file, synced before a write returns.
type file struct{ db *bolt.DB }

func newFile(b *testing.B) file {
	b.Helper()
	db, err := bolt.Open(filepath.Join(b.TempDir(), "rows"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return file{db}
}

func (f file) SaveAll(_ context.Context, bucket string, values map[string][]byte) error {
	return f.db.Update(func(tx *bolt.Tx) error {
		in, err := tx.CreateBucketIfNotExists([]byte(bucket))
		for key, value := range values {
			if err == nil {
				err = in.Put([]byte(key), value)
			}
		}
		return err
	})
}

func (f file) Load(_ context.Context, bucket, key string) (value []byte, err error) {
	err = f.db.View(func(tx *bolt.Tx) error {
		if in := tx.Bucket([]byte(bucket)); in != nil {
			value = bytes.Clone(in.Get([]byte(key)))
		}
		return nil
	})
	if err == nil && value == nil {
		err = fs.ErrNotExist
	}
	return value, err
}

func (f file) Each(_ context.Context, bucket string, visit func(key string, value []byte) error) error {
	return f.db.View(func(tx *bolt.Tx) error {
		in := tx.Bucket([]byte(bucket))
		if in == nil {
			return nil
		}
		return in.ForEach(func(k, v []byte) error { return visit(string(k), bytes.Clone(v)) })
	})
}

const catchUp = 10_000

// full returns a table with records of 700 bytes.
func full(b *testing.B) *rows.Table {
	b.Helper()
	table := open(b, "ann", newMemory(), nil)
	for i := range catchUp {
		save(b, table, fmt.Sprintf("video-%05d", i), fmt.Sprintf("%-700d", i))
	}
	return table
}

// BenchmarkCatchingUp takes 10,000 records over from another node, durably; rows are signed by Ed25519.
func BenchmarkCatchingUp(b *testing.B) {
	ann := full(b)
	for b.Loop() {
		b.StopTimer()
		ben := open(b, "ben", newFile(b), nil)
		b.StartTimer()
		if asked, _ := exchange(b, ben, ann); asked.Taken != catchUp {
			b.Fatalf("took %d", asked.Taken)
		}
	}
}

// BenchmarkEqual compares two tables of 10,000 records that are alike, which happens every few minutes.
func BenchmarkEqual(b *testing.B) {
	ann, ben := full(b), open(b, "ben", newMemory(), nil)
	exchange(b, ben, ann)
	for b.Loop() {
		exchange(b, ben, ann)
	}
}

// BenchmarkOpening reads 10,000 records at the start, and each of them once.
func BenchmarkOpening(b *testing.B) {
	storage := newFile(b)
	exchange(b, open(b, "ben", storage, nil), full(b))
	for b.Loop() {
		begun := time.Now()
		table := open(b, "ben", storage, nil)
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms/open")
		if n := len(contents(b, table, "videos")); n != catchUp {
			b.Fatal(n)
		}
	}
}
