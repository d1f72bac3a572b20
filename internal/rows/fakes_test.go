package rows_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"sync"

	"shoal/internal/rows"
)

// memory is a Storage that keeps what it was given and fails when told to.
type memory struct {
	mu    sync.Mutex
	data  map[string]map[string][]byte // guarded by mu
	fail  error                        // guarded by mu
	saves int                          // guarded by mu
}

func newMemory() *memory { return &memory{data: make(map[string]map[string][]byte)} }

func (m *memory) SaveAll(ctx context.Context, bucket string, values map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.fail); err != nil {
		return err
	}
	if m.data[bucket] == nil {
		m.data[bucket] = make(map[string][]byte)
	}
	for key, value := range values {
		m.data[bucket][key] = bytes.Clone(value)
	}
	m.saves++
	return nil
}

func (m *memory) Load(_ context.Context, bucket, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, there := m.data[bucket][key]
	if !there {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(value), nil
}

func (m *memory) Each(_ context.Context, bucket string, visit func(string, []byte) error) error {
	m.mu.Lock()
	all := maps.Clone(m.data[bucket])
	m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if err := visit(key, bytes.Clone(all[key])); err != nil {
			return err
		}
	}
	return nil
}

// person signs by a key that follows from the name.
type person string

func (p person) key() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(p))
	return ed25519.NewKeyFromSeed(seed[:])
}

func (p person) Writer() string                   { return string(p) }
func (p person) Sign(text []byte) ([]byte, error) { return ed25519.Sign(p.key(), text), nil }

// members verifies the signatures of those that it lists.
type members []string

func (m members) Verify(r *rows.Row, signed []byte) error {
	if !slices.Contains(m, r.Writer) {
		return errors.New("not a member")
	}
	if !ed25519.Verify(person(r.Writer).key().Public().(ed25519.PublicKey), signed, r.Proof) {
		return errors.New("the signature is wrong")
	}
	return nil
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// exchange brings a and b to the same rows over a pipe.
func exchange(f failer, a, b *rows.Table) (asked, answered rows.Exchanged) {
	f.Helper()
	done, err := tryExchange(a, b)
	if err != nil {
		f.Fatalf("exchange: %v", err)
	}
	return done[0], done[1]
}

func tryExchange(a, b *rows.Table) (done [2]rows.Exchanged, err error) {
	one, other := net.Pipe()
	defer one.Close()
	var answer sync.WaitGroup
	var answerErr error
	answer.Go(func() {
		defer other.Close()
		done[1], answerErr = b.Answer(context.Background(), other)
	})
	done[0], err = a.Sync(context.Background(), one)
	if err != nil {
		one.Close()
	}
	answer.Wait()
	return done, errors.Join(err, answerErr)
}

// contents returns all records of a bucket.
func contents(f failer, t *rows.Table, bucket string) map[string]string {
	f.Helper()
	all := make(map[string]string)
	err := t.Each(context.Background(), bucket, func(key string, value []byte) error {
		all[key] = string(value)
		return nil
	})
	if err != nil {
		f.Fatalf("read %s: %v", bucket, err)
	}
	return all
}

func open(f failer, name string, storage rows.Storage, config func(*rows.Config)) *rows.Table {
	f.Helper()
	cfg := rows.Config{Storage: storage, Signer: person(name), Verifier: members{"ann", "ben", "cyd", "dot", "eve"}}
	if config != nil {
		config(&cfg)
	}
	t, err := rows.Open(context.Background(), cfg)
	if err != nil {
		f.Fatalf("open %s: %v", name, err)
	}
	return t
}

func save(f failer, t *rows.Table, key, value string) {
	f.Helper()
	if err := t.Save(context.Background(), "videos", key, []byte(value)); err != nil {
		f.Fatalf("save %s: %v", key, err)
	}
}

func remove(f failer, t *rows.Table, key string) {
	f.Helper()
	if err := t.Delete(context.Background(), "videos", key); err != nil {
		f.Fatalf("delete %s: %v", key, err)
	}
}

func videos(n int) map[string]string {
	all := make(map[string]string)
	for i := range n {
		all[fmt.Sprintf("video-%05d", i)] = fmt.Sprintf("title %d", i)
	}
	return all
}

// copy returns all that is kept.
func (m *memory) copy() map[string]map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]map[string][]byte)
	for bucket, values := range m.data {
		all[bucket] = maps.Clone(values)
	}
	return all
}
