//go:build unix

package exchange_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

// lan is two or more nodes with real disks whose streams are TCP connections over loopback, one for each request.
type lan struct {
	b      testing.TB
	layout *placement.Layout
	disks  map[placement.NodeID]*disk.Chunks
	stores map[placement.NodeID]*exchange.Store
	ports  map[placement.NodeID]string
	all    sync.WaitGroup
}

func newLAN(b testing.TB, copies int, holders string, others string) *lan {
	l := &lan{b: b, disks: make(map[placement.NodeID]*disk.Chunks), stores: make(map[placement.NodeID]*exchange.Store), ports: make(map[placement.NodeID]string)}
	var nodes []placement.Node
	for _, id := range holders {
		nodes = append(nodes, placement.Node{ID: placement.NodeID(id), Capacity: 1})
	}
	for _, id := range others {
		nodes = append(nodes, placement.Node{ID: placement.NodeID(id)})
	}
	var err error
	if l.layout, err = placement.NewLayout(copies, nodes); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.all.Wait)
	for _, n := range nodes {
		l.start(n.ID)
	}
	return l
}

func (l *lan) start(id placement.NodeID) {
	d, err := disk.Open(l.b.TempDir(), disk.Options{})
	if err != nil {
		l.b.Fatal(err)
	}
	l.b.Cleanup(func() { d.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.b.Fatal(err)
	}
	l.b.Cleanup(func() { listener.Close() })
	groups := exchange.NewGroups(d.Chunks())
	server := exchange.NewServer(exchange.ServerConfig{Disk: d.Chunks(), Groups: groups})
	l.disks[id], l.ports[id] = d.Chunks(), listener.Addr().String()
	l.stores[id] = exchange.New(exchange.Config{
		Self: id, Disk: d.Chunks(), Groups: groups, Layouts: func() []*placement.Layout { return []*placement.Layout{l.layout} },
		Alive: func(placement.NodeID) bool { return true }, CacheBytes: -1,
		Dial: func(ctx context.Context, to placement.NodeID, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.ports[to])
		},
	})
	l.b.Cleanup(func() { l.stores[id].Close() })
	l.accept(listener, func(conn net.Conn) { server.Serve(context.Background(), "z", conn) })
}

func (l *lan) accept(listener net.Listener, serve func(net.Conn)) {
	l.all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.all.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
}

// benchChunks is how many chunks are read in turn.
const benchChunks = 32

// together runs one of b.N on each of some goroutines at a time.
func together(b *testing.B, callers int, do func(i int) error) {
	b.SetBytes(chunk.MaxSize)
	before := processorTime(b)
	defer func() {
		used := processorTime(b) - before
		b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
	}()
	b.ResetTimer()
	var next atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// processorTime is what this process has used, which other programs on the machine change less than the time of day.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkGet is chunks from another node's disk over TCP on loopback, verified, beside the same bytes from memory over a
// connection each that only verifies them.
func BenchmarkGet(b *testing.B) {
	for _, callers := range []int{1, 4} {
		l := newLAN(b, 1, "b", "a")
		var refs []chunk.Ref
		for i := range uint64(benchChunks) {
			refs = append(refs, chunktest.Put(b, l.disks["b"], chunktest.Data(i, chunk.MaxSize)).Ref)
		}
		b.Run(fmt.Sprintf("exchange, %d at once", callers), func(b *testing.B) {
			together(b, callers, func(i int) error {
				r, err := l.stores["a"].Open(context.Background(), refs[i%benchChunks])
				if err != nil {
					return err
				}
				return r.Close()
			})
		})
		b.Run(fmt.Sprintf("bare, %d at once", callers), func(b *testing.B) { bare(b, l, callers, refs) })
	}
}

// bare answers a byte with a chunk.
func bare(b *testing.B, l *lan, callers int, refs []chunk.Ref) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	l.accept(listener, func(conn net.Conn) {
		var which [1]byte
		if _, err := io.ReadFull(conn, which[:]); err == nil {
			conn.Write(chunks()[which[0]])
		}
	})
	together(b, callers, func(i int) error {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write([]byte{byte(i % benchChunks)}); err != nil {
			return err
		}
		buf := chunk.Buffer()[:chunk.MaxSize]
		defer chunk.Release(buf)
		if _, err := io.ReadFull(conn, buf); err != nil {
			return err
		}
		return chunk.Verify(refs[i%benchChunks], buf)
	})
}

// chunks are those that BenchmarkGet reads.
var chunks = sync.OnceValue(func() (all [][]byte) {
	for i := range uint64(benchChunks) {
		all = append(all, chunktest.Data(i, chunk.MaxSize))
	}
	return all
})

// BenchmarkPut is durable puts of new chunks of 1 MiB, eight at once as an import does, by a node alone and by one of three that
// make two copies. All disks are this machine's one.
func BenchmarkPut(b *testing.B) {
	for _, holders := range []string{"a", "abc"} {
		b.Run(fmt.Sprintf("%d nodes", len(holders)), func(b *testing.B) {
			l := newLAN(b, min(2, len(holders)), holders, "")
			base := chunktest.Data(1, chunk.MaxSize)
			together(b, 8, func(i int) error {
				data := append(chunk.Buffer(), base...)
				defer chunk.Release(data)
				binary.LittleEndian.PutUint64(data, uint64(i))
				_, err := l.stores["a"].Put(context.Background(), data)
				return err
			})
		})
	}
}

// BenchmarkOpenOwn is what a store adds to opening a chunk of the own disk.
func BenchmarkOpenOwn(b *testing.B) {
	l := newLAN(b, 1, "a", "b")
	ref := chunktest.Put(b, l.disks["a"], chunktest.Data(1, 1000)).Ref
	for name, store := range map[string]chunk.Store{"store": l.stores["a"], "disk": l.disks["a"]} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				r, err := store.Open(context.Background(), ref)
				if err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}
