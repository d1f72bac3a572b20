package exchange_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is some nodes in one process, each with a disk in memory. Streams between them are pipes, and what the nodes send passes through their faults.
type network struct {
	t       testing.TB
	ids     []placement.NodeID
	nodes   map[placement.NodeID]*node
	layouts atomic.Pointer[[]*placement.Layout]
	serving sync.WaitGroup
}

// node is one of them.
type node struct {
	net    *network
	id     placement.NodeID
	disk   *memoryDisk
	groups *exchange.Groups
	server *exchange.Server
	store  *exchange.Store

	dead, full atomic.Bool
	// fault changes this node's end of each stream that it is to serve; nil for none.
	fault atomic.Pointer[func(net.Conn) net.Conn]
	// answer takes the place of the server; nil for none.
	answer atomic.Pointer[func(net.Conn)]
	// asked counts streams, active those that are being served.
	asked, active atomic.Int64
	// under are the chunks that the store put to too few nodes.
	under atomic.Int64
	log   logs
}

// logs keeps what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// setup changes how a node is made.
type setup func(*exchange.Config)

// newNetwork returns nodes named a, b, c and so on.
func newNetwork(t testing.TB, size, copies int, setups ...setup) *network {
	t.Helper()
	w := &network{t: t, nodes: make(map[placement.NodeID]*node)}
	for i := range size {
		w.ids = append(w.ids, placement.NodeID('a'+rune(i)))
	}
	w.setLayouts(w.layout(copies, w.ids...))
	for _, id := range w.ids {
		w.nodes[id] = w.newNode(id, setups)
	}
	t.Cleanup(w.close)
	return w
}

func (w *network) newNode(id placement.NodeID, setups []setup) *node {
	n := &node{net: w, id: id, disk: newMemoryDisk(w.t)}
	log := slog.New(slog.NewTextHandler(&n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := exchange.Config{
		Self: id, Layouts: func() []*placement.Layout { return *w.layouts.Load() }, Dial: w.dialer(id), Log: log,
		Alive:       func(id placement.NodeID) bool { return !w.nodes[id].dead.Load() },
		Full:        func(id placement.NodeID) bool { return w.nodes[id].full.Load() },
		UnderCopied: func(chunk.Info, int) { n.under.Add(1) },
	}
	for _, change := range setups {
		change(&cfg)
	}
	n.groups = exchange.NewGroups(n.disk)
	if cfg.Disk == nil {
		cfg.Disk = n.disk
	}
	cfg.Groups = n.groups
	n.server = exchange.NewServer(exchange.ServerConfig{Disk: n.disk, Groups: n.groups, Log: log})
	n.store = exchange.New(cfg)
	return n
}

func (w *network) close() {
	for _, n := range w.nodes {
		n.store.Close()
	}
	w.serving.Wait()
	for _, n := range w.nodes {
		if n.active.Load() != 0 {
			w.t.Errorf("node %s still serves", n.id)
		}
	}
}

// layout returns one in which all of ids promise the same.
func (w *network) layout(copies int, ids ...placement.NodeID) *placement.Layout {
	var nodes []placement.Node
	for _, id := range ids {
		nodes = append(nodes, placement.Node{ID: id, Capacity: 1 << 30})
	}
	return w.layoutOf(copies, nodes...)
}

func (w *network) layoutOf(copies int, nodes ...placement.Node) *placement.Layout {
	l, err := placement.NewLayout(copies, nodes)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *network) setLayouts(layouts ...*placement.Layout) { w.layouts.Store(&layouts) }

func (w *network) dialer(from placement.NodeID) exchange.Dial {
	return func(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error) {
		n := w.nodes[to]
		if n == nil {
			return nil, errors.New("no route to host")
		}
		if n.dead.Load() {
			<-ctx.Done() // as a machine that is switched off
			return nil, ctx.Err()
		}
		near, far := net.Pipe()
		served := far
		if fault := n.fault.Load(); fault != nil {
			served = (*fault)(far)
		}
		serve := n.server.Serve
		if protocol == exchange.GroupsProtocol {
			serve = n.server.ServeGroups
		}
		if answer := n.answer.Load(); answer != nil {
			serve = func(_ context.Context, _ placement.NodeID, conn net.Conn) { (*answer)(conn) }
		}
		n.asked.Add(1)
		n.active.Add(1)
		w.serving.Go(func() {
			defer n.active.Add(-1)
			defer served.Close()
			serve(context.WithoutCancel(ctx), from, served)
		})
		return near, nil
	}
}

// setFault gives the node's streams a fault from now on; nil is none.
func (n *node) setFault(fault func(net.Conn) net.Conn) {
	if fault == nil {
		n.fault.Store(nil)
		return
	}
	n.fault.Store(&fault)
}

// setAnswer has the node answer chunk requests by the bytes that answer returns, whatever they ask, and then end the stream.
func (n *node) setAnswer(answer func() []byte) {
	serve := func(conn net.Conn) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head))); err != nil {
			return
		}
		conn.Write(answer())
	}
	n.answer.Store(&serve)
}

// frame is a frame as it travels, of CBOR in hexadecimal digits.
func frame(t testing.TB, digits string) []byte {
	t.Helper()
	text, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// holders returns the nodes of the newest layout that are to hold a chunk, the first in rank first, and those that are not.
func (w *network) holders(ref chunk.Ref) (holders, others []*node) {
	l := (*w.layouts.Load())[0]
	rank := l.Rank(placement.GroupOf(ref))
	for i, id := range rank {
		if i < l.Copies() {
			holders = append(holders, w.nodes[id])
		} else {
			others = append(others, w.nodes[id])
		}
	}
	return holders, others
}

// keeps tells whether a node has a chunk on its own disk.
func (n *node) keeps(ref chunk.Ref) bool {
	_, err := n.disk.Stat(context.Background(), ref)
	return err == nil
}

// copies counts the nodes that have a chunk.
func (w *network) copies(ref chunk.Ref) (count int) {
	for _, n := range w.nodes {
		if n.keeps(ref) {
			count++
		}
	}
	return count
}

// put puts a chunk of that size to its holders and returns it.
func (w *network) put(seed uint64, size int) (chunk.Info, []byte) {
	w.t.Helper()
	data := chunktest.Data(seed, size)
	info := chunk.Info{Ref: chunk.Sum(data), Size: int64(size)}
	holders, _ := w.holders(info.Ref)
	for _, n := range holders {
		chunktest.Put(w.t, n.disk, data)
	}
	return info, data
}

// reads fails the test unless the node's store answers data.
func (n *node) reads(data []byte) {
	n.net.t.Helper()
	got, err := chunktest.Read(n.net.t, n.store, chunk.Sum(data))
	if err != nil {
		n.net.t.Errorf("node %s: %v", n.id, err)
	} else if !bytes.Equal(got, data) {
		n.net.t.Errorf("node %s reads other bytes", n.id)
	}
}

// frozen is a stream of a node that stands still after it has sent some bytes, as a stopped process does: nothing of it times out.
func frozen(after int) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn { return &frozenConn{endless{conn}, after} }
}

// endless is a stream without deadlines.
type endless struct{ net.Conn }

func (endless) SetDeadline(time.Time) error      { return nil }
func (endless) SetReadDeadline(time.Time) error  { return nil }
func (endless) SetWriteDeadline(time.Time) error { return nil }

type frozenConn struct {
	endless
	left int
}

func (c *frozenConn) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:c.left])
	c.left = 0
	if err == nil {
		_, err = io.Copy(io.Discard, c.Conn) // until the other side gives up
	}
	return n, errors.Join(err, io.ErrClosedPipe)
}

// cut is a stream that breaks after it has sent some bytes.
func cut(after int) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn { return &cutConn{conn, after} }
}

// slow is a stream on which a node sends a few bytes at a time, with pauses.
func slow(bytes int, pause time.Duration) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn { return &slowConn{conn, bytes, pause} }
}

type slowConn struct {
	net.Conn
	bytes int
	pause time.Duration
}

func (c *slowConn) Write(p []byte) (written int, err error) {
	for err == nil && written < len(p) {
		time.Sleep(c.pause)
		var n int
		n, err = c.Conn.Write(p[written:min(len(p), written+c.bytes)])
		written += n
	}
	return written, err
}

// garbled is a stream on which one byte that a node sends is changed.
func garbled(at int) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn { return &garbledConn{conn, at} }
}

type garbledConn struct {
	net.Conn
	at int
}

func (c *garbledConn) Write(p []byte) (int, error) {
	if c.at >= 0 && c.at < len(p) {
		p = bytes.Clone(p)
		p[c.at] ^= 1
	}
	c.at -= len(p)
	return c.Conn.Write(p)
}

type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && n < len(p) {
		c.Conn.Close()
		err = io.ErrClosedPipe
	}
	return n, err
}
