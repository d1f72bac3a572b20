package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/cluster"
	"shoal/internal/placement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of the tests; nothing takes nearly as long.
const patience = 20 * time.Second

// memory is the Records of a test; it outlives the host that writes to it.
type memory struct {
	mu   sync.Mutex
	data map[string]map[string][]byte // guarded by mu
	fail error                        // guarded by mu
}

func newMemory() *memory { return &memory{data: make(map[string]map[string][]byte)} }

func (m *memory) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memory) Save(ctx context.Context, bucket, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.fail); err != nil {
		return err
	}
	if m.data[bucket] == nil {
		m.data[bucket] = make(map[string][]byte)
	}
	m.data[bucket][key] = bytes.Clone(value)
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

func (m *memory) Delete(_ context.Context, bucket, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.data[bucket], key)
	return m.fail
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

// node is a host with what outlives it.
type node struct {
	*cluster.Host
	cfg       cluster.Config
	records   *memory
	here      *presence
	wasClosed bool
}

// presence is whom a host says it can reach.
type presence struct {
	mu   sync.Mutex
	cond *sync.Cond
	here map[placement.NodeID]int // guarded by mu; how often it came, negative while it is gone
	late bool                     // guarded by mu
}

func newPresence() *presence {
	p := &presence{here: make(map[placement.NodeID]int)}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *presence) set(id placement.NodeID, is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.here[id] = 0
	if is {
		p.here[id] = 1
	}
	p.cond.Broadcast()
}

// wait returns when id is here, or gone.
func (p *presence) wait(t *testing.T, id placement.NodeID, is bool) {
	t.Helper()
	timer := time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.late = true
		p.cond.Broadcast()
	})
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for (p.here[id] > 0) != is {
		if p.late {
			t.Fatalf("node %s: here %v, want %v", id, !is, is)
		}
		p.cond.Wait()
	}
}

// start opens and starts a node on the loopback, with an echo at /shoal/echo/1.
func start(t testing.TB, config ...func(*cluster.Config)) *node {
	t.Helper()
	n := &node{records: newMemory(), cfg: cluster.Config{Dir: t.TempDir()}}
	n.cfg.Records = n.records
	n.cfg.Listen, n.cfg.NoMDNS, n.cfg.Redial = "127.0.0.1:0", true, 20*time.Millisecond
	n.cfg.Log = slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		n.cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, c := range config {
		c(&n.cfg)
	}
	n.open(t)
	t.Cleanup(func() { n.stop(t) })
	return n
}

func (n *node) open(t testing.TB) {
	t.Helper()
	n.here = newPresence()
	n.cfg.Connected = func(id placement.NodeID) { n.here.set(id, true) }
	n.cfg.Lost = func(id placement.NodeID) { n.here.set(id, false) }
	h, err := cluster.Open(context.Background(), n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Host, n.wasClosed = h, false
	h.Handle("/shoal/echo/1", 64, func(_ context.Context, _ placement.NodeID, c net.Conn) { _, _ = io.Copy(c, c) })
	if err := h.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (n *node) stop(t testing.TB) {
	t.Helper()
	if n.wasClosed {
		return
	}
	n.wasClosed = true
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// restart is a stop and a start with the same data, at another port.
func (n *node) restart(t testing.TB) {
	t.Helper()
	n.stop(t)
	n.open(t)
}

func (n *node) invite(t testing.TB) string {
	t.Helper()
	link, err := n.Invite(context.Background(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func (n *node) join(t testing.TB, by *node) *cluster.Welcome {
	t.Helper()
	w, err := n.Join(context.Background(), by.invite(t), []byte("facts of "+n.cfg.Name))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (n *node) dial(t testing.TB, to *node, protocol string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := n.Dial(ctx, to.ID(), protocol)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo says something to another node, and hears it back.
func (n *node) echo(t testing.TB, to *node) {
	t.Helper()
	c := n.dial(t, to, "/shoal/echo/1")
	defer c.Close()
	want := fmt.Sprintf("from %s to %s", n.ID(), to.ID())
	if _, err := io.WriteString(c, want); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != want {
		t.Fatalf("echo %q, %v", got, err)
	}
}

// introduce has every node know the certificates that any has, as the rows will.
func introduce(t testing.TB, nodes ...*node) {
	t.Helper()
	for _, from := range nodes {
		for _, id := range from.Members().All() {
			c, _ := from.Members().Certificate(id)
			for _, to := range nodes {
				if _, err := to.Members().Admit(c); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// trio returns three nodes that know each other and are connected.
func trio(t *testing.T, config ...func(*cluster.Config)) (a, b, c *node) {
	t.Helper()
	a, b, c = start(t, config...), start(t, config...), start(t, config...)
	b.join(t, a)
	c.join(t, a)
	introduce(t, a, b, c)
	for _, n := range []*node{a, b, c} {
		for _, other := range []*node{a, b, c} {
			if n != other {
				n.here.wait(t, other.ID(), true)
			}
		}
	}
	return a, b, c
}

// admitAgain hands a certificate to a node's members.
func (n *node) admitAgain(c *cluster.Certificate) error {
	_, err := n.Members().Admit(c)
	return err
}

// forget has a node that is off not know where another answers.
func (n *node) forget(other *node) {
	n.records.mu.Lock()
	defer n.records.mu.Unlock()
	delete(n.records.data["addresses"], string(other.ID()))
}
