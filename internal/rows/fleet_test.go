package rows_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"shoal/internal/rows"
	"shoal/test/network"
)

// fleet is a number of nodes with two tables each, on one network.
type fleet struct {
	t     failer
	net   *network.Network
	nodes map[string]*replica

	mu   sync.Mutex
	dead map[string]map[string]bool // guarded by mu; whom each node thinks gone
}

// replica is one node.
type replica struct {
	name             string
	storage          *memory
	members, records *rows.Table
	place            *network.Node
	stop             context.CancelFunc
	ended            chan struct{}
}

func newFleet(t failer, names ...string) *fleet {
	f := &fleet{t: t, net: network.New(), nodes: make(map[string]*replica), dead: make(map[string]map[string]bool)}
	for _, name := range names {
		f.start(name, newMemory())
	}
	return f
}

// listed verifies the rows of those that the table of members has, beside the first.
type listed struct{ r *replica }

func (l listed) Verify(r *rows.Row, signed []byte) error {
	if r.Writer != "ann" {
		if _, err := l.r.members.Load(context.Background(), "admissions", r.Writer); err != nil {
			return err
		}
	}
	return members{r.Writer}.Verify(r, signed)
}

func (f *fleet) start(name string, storage *memory) *replica {
	r := &replica{name: name, storage: storage, ended: make(chan struct{})}
	r.members = f.table(r, "members")
	r.records = f.table(r, "records")
	spread := rows.NewSpread(rows.SpreadConfig{
		Tables: []rows.Named{{Name: "members", Table: r.members}, {Name: "records", Table: r.records}},
		Peers:  func() []string { return f.alive(name) },
		Dial: func(ctx context.Context, to, protocol string) (net.Conn, error) {
			return r.place.Dial(ctx, to, protocol)
		},
		Log: logTo(),
	})
	r.place = f.net.Join(name, func(ctx context.Context, from, protocol string, conn net.Conn) {
		if protocol == rows.Protocol {
			spread.Serve(ctx, from, conn)
		}
	})
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	f.mu.Lock()
	f.nodes[name] = r
	f.mu.Unlock()
	go func() {
		defer close(r.ended)
		spread.Run(ctx)
	}()
	return r
}

func (f *fleet) table(r *replica, name string) *rows.Table {
	f.t.Helper()
	cfg := rows.Config{Storage: r.storage, Bucket: name, Signer: person(r.name), Verifier: listed{r}}
	if name == "members" {
		cfg.Verifier = everybody{}
	}
	table, err := rows.Open(context.Background(), cfg)
	if err != nil {
		f.t.Fatalf("open %s of %s: %v", name, r.name, err)
	}
	return table
}

// everybody verifies signatures alone.
type everybody struct{}

func (everybody) Verify(r *rows.Row, signed []byte) error { return members{r.Writer}.Verify(r, signed) }

func logTo() *slog.Logger {
	if os.Getenv("ROWS_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// alive returns the others that a node thinks alive.
func (f *fleet) alive(name string) (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for other := range f.nodes {
		if other != name && !f.dead[name][other] {
			all = append(all, other)
		}
	}
	return all
}

// part has two sides think each other gone, and nothing pass between them; meet ends that.
func (f *fleet) part(one, other []string) {
	f.mu.Lock()
	for _, a := range one {
		for _, b := range other {
			for _, w := range [][2]string{{a, b}, {b, a}} {
				if f.dead[w[0]] == nil {
					f.dead[w[0]] = make(map[string]bool)
				}
				f.dead[w[0]][w[1]] = true
			}
		}
	}
	f.mu.Unlock()
	f.net.Split(one, other)
}

func (f *fleet) meet() {
	f.mu.Lock()
	f.dead = make(map[string]map[string]bool)
	f.mu.Unlock()
	f.net.FreeAll()
}

// crash ends a node's life without a word, and leaves its storage.
func (f *fleet) crash(name string) *memory {
	f.net.Crash(name)
	return f.end(name)
}

func (f *fleet) end(name string) *memory {
	r := f.nodes[name]
	r.stop()
	<-r.ended
	r.place.Leave()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.nodes, name)
	return r.storage
}

func (f *fleet) close() {
	for _, name := range slices.Collect(maps.Keys(f.nodes)) {
		f.end(name)
	}
}

// admit has the first node write who may write.
func (f *fleet) admit(names ...string) {
	f.t.Helper()
	for _, name := range names {
		if err := f.nodes["ann"].members.Save(context.Background(), "admissions", name, []byte("yes")); err != nil {
			f.t.Fatalf("admit %s: %v", name, err)
		}
	}
}

// alike tells whether all nodes have the same rows.
func (f *fleet) alike() bool {
	var first map[string]map[string][]byte
	for _, r := range f.nodes {
		now := r.storage.copy()
		if first == nil {
			first = now
		}
		for _, bucket := range []string{"members", "records"} {
			if !maps.EqualFunc(first[bucket], now[bucket], func(a, b []byte) bool { return string(a) == string(b) }) {
				return false
			}
		}
	}
	return true
}

func until(t failer, what string, within time.Duration, so func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !so() {
		if time.Since(begun) > within {
			t.Fatalf("after %v still not: %s", within, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(begun)
}

func (r *replica) save(f failer, key, value string) { save(f, r.records, key, value) }

func (r *replica) has(f failer, key string) string { return contents(f, r.records, "videos")[key] }

// grow writes n records at once, as an import from elsewhere would find them.
func (r *replica) grow(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		r.save(t, fmt.Sprintf("video-%05d", i), fmt.Sprintf("title %d", i))
	}
}
