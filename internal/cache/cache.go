// Package cache keeps what is dear to make: values by key, within a total size, the ones used last.
// It knows nothing of what it keeps.
package cache

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// Cache keeps values that never change. Its methods may be called from many goroutines at once.
type Cache[K comparable, V any] struct {
	limit int64
	// dropped is called with each value that was kept and goes; nil for never.
	dropped func(V)

	mu      sync.Mutex
	used    int64               // guarded by mu
	recent  *list.List          // guarded by mu; of *entry[K, V], the last used first
	entries map[K]*list.Element // guarded by mu
	making  map[K]*making[V]    // guarded by mu
}

type entry[K comparable, V any] struct {
	key   K
	value V
	size  int64
}

// making is a value on its way; value and err are set when done is closed.
type making[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// New returns a cache for values of limit bytes in all.
func New[K comparable, V any](limit int64) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, recent: list.New(), entries: make(map[K]*list.Element), making: make(map[K]*making[V])}
}

// NewDropping is New for values that somebody has to see off: dropped is called with each that was kept and goes. It must be
// quick, and call nothing of the cache.
func NewDropping[K comparable, V any](limit int64, dropped func(V)) *Cache[K, V] {
	c := New[K, V](limit)
	c.dropped = dropped
	return c
}

// Get returns the value of key; fill makes it, and says how large it is in bytes, when it is not there. Calls
// for the same key at the same time fill once; when the call that fills is given up, another takes over.
// An error of fill is returned to all who wait, and not kept.
func (c *Cache[K, V]) Get(ctx context.Context, key K, fill func(context.Context) (value V, size int64, err error)) (V, error) {
	for {
		value, m, state := c.begin(key)
		switch state {
		case present:
			return value, nil
		case mine:
			return c.fill(ctx, key, m, fill)
		}
		select {
		case <-m.done:
		case <-ctx.Done():
			return value, ctx.Err()
		}
		if !errors.Is(m.err, context.Canceled) && !errors.Is(m.err, context.DeadlineExceeded) {
			return m.value, m.err
		}
	}
}

// Lookup returns the value of key if it is there, which then counts as used.
func (c *Cache[K, V]) Lookup(key K) (value V, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		return value, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// Remove drops the value of key if it is there; one that is being made is kept when it is done.
func (c *Cache[K, V]) Remove(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		c.drop(e)
	}
}

// drop takes out an entry; mu is held.
func (c *Cache[K, V]) drop(e *list.Element) {
	old := c.recent.Remove(e).(*entry[K, V])
	delete(c.entries, old.key)
	c.used -= old.size
	if c.dropped != nil {
		c.dropped(old.value)
	}
}

// state tells who makes a value.
type state int

const (
	present state = iota
	mine
	others
)

func (c *Cache[K, V]) begin(key K) (value V, m *making[V], s state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		c.recent.MoveToFront(e)
		return e.Value.(*entry[K, V]).value, nil, present
	}
	if m = c.making[key]; m != nil {
		return value, m, others
	}
	m = &making[V]{done: make(chan struct{}), err: errors.New("making a value ended early")}
	c.making[key] = m
	return value, m, mine
}

// fill makes a value; those who wait are released even when that panics.
func (c *Cache[K, V]) fill(ctx context.Context, key K, m *making[V], fill func(context.Context) (V, int64, error)) (V, error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.making, key)
		close(m.done)
	}()
	var size int64
	if m.value, size, m.err = fill(ctx); m.err == nil {
		c.Put(key, m.value, size)
	}
	return m.value, m.err
}

// Put keeps a value, unless there is one for key, and drops the ones used longest ago to make room. A value
// that is larger than the cache is not kept. It tells whether the value was.
func (c *Cache[K, V]) Put(key K, value V, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] != nil || size > c.limit {
		return false
	}
	c.entries[key] = c.recent.PushFront(&entry[K, V]{key, value, size})
	c.used += size
	for c.used > c.limit {
		c.drop(c.recent.Back())
	}
	return true
}
