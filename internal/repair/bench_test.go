package repair_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/disk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// names is a repair.Local, and the other nodes too, of which only the names of chunks are real.
type names struct {
	refs  []chunk.Ref // in their order
	calls atomic.Int64
}

func manyNames(count int) *names {
	source := rand.NewChaCha8([32]byte{})
	n := &names{refs: make([]chunk.Ref, count)}
	for i := range n.refs {
		_, _ = source.Read(n.refs[i][:])
	}
	slices.SortFunc(n.refs, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
	return n
}

func (n *names) of(g placement.Group) []chunk.Ref {
	find := func(g int) int {
		at, _ := slices.BinarySearchFunc(n.refs, g, func(ref chunk.Ref, g int) int { return int(placement.GroupOf(ref)) - g })
		return at
	}
	return n.refs[find(int(g)):find(int(g)+1)]
}

func (n *names) Digests(_ context.Context, groups []placement.Group) ([]repair.Digest, error) {
	n.calls.Add(1)
	digests := make([]repair.Digest, len(groups))
	for i, g := range groups {
		for _, ref := range n.of(g) {
			digests[i].Chunks++
			for at := range digests[i].Sum {
				digests[i].Sum[at] ^= ref[16+at]
			}
		}
	}
	return digests, nil
}

func (n *names) Walk(_ context.Context, after chunk.Ref, visit func(chunk.Info, time.Time) error) error {
	at, found := slices.BinarySearchFunc(n.refs, after, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
	if found {
		at++
	}
	for _, ref := range n.refs[at:] {
		if err := visit(chunk.Info{Ref: ref, Size: chunk.MaxSize}, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

func (n *names) Put(ctx context.Context, _ []byte) (chunk.Stored, error) {
	<-ctx.Done()
	return chunk.Stored{}, ctx.Err()
}
func (n *names) Stat(context.Context, chunk.Ref) (chunk.Info, error) {
	return chunk.Info{}, chunk.ErrNotFound
}
func (n *names) Verify(context.Context, chunk.Ref) error { return nil }
func (n *names) DeleteBefore(context.Context, chunk.Ref, time.Time) (int64, error) {
	return 0, nil
}
func (n *names) Room() int64 { return 1 << 50 }

// nameless are other nodes that all have the same names.
type nameless struct{ *names }

func (n nameless) Digests(ctx context.Context, _ placement.NodeID, groups []placement.Group) ([]repair.Digest, error) {
	return n.names.Digests(ctx, groups)
}

func (n nameless) List(_ context.Context, _ placement.NodeID, groups ...placement.Group) iter.Seq2[chunk.Info, error] {
	n.calls.Add(1)
	return func(yield func(chunk.Info, error) bool) {
		for _, g := range groups {
			for _, ref := range n.of(g) {
				if !yield(chunk.Info{Ref: ref, Size: chunk.MaxSize}, nil) {
					return
				}
			}
		}
	}
}

func (n nameless) Fetch(ctx context.Context, _ []placement.NodeID, _ chunk.Info) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (n nameless) Verify(context.Context, placement.NodeID, chunk.Ref) error { return nil }

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// BenchmarkRoundOverAMillionChunks looks through a million chunks in a cluster of three nodes, when nothing differs and when
// this node lacks all of its 680,000, and tells what that takes beside the names themselves.
func BenchmarkRoundOverAMillionChunks(b *testing.B) {
	all := manyNames(1_000_000)
	for _, one := range []struct {
		name  string
		local *names
	}{{"nothing differs", all}, {"all is lacking", &names{}}} {
		b.Run(one.name, func(b *testing.B) {
			l := layout(b, 2, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
			cfg := repair.Config{
				Self: name(0), Local: one.local, Peers: nameless{all}, Layouts: func() []*placement.Layout { return []*placement.Layout{l} },
				Alive: func(placement.NodeID) bool { return true },
				Wanted: func(_ context.Context, visit func(chunk.Ref)) (time.Time, error) {
					for _, ref := range all.refs {
						visit(ref)
					}
					return time.Time{}, nil
				},
			}
			for b.Loop() {
				r := repair.New(cfg)
				ctx, cancel := context.WithCancel(b.Context())
				ended := make(chan error, 1)
				before, peak := heap(), int64(0)
				all.calls.Store(0)
				go func() { ended <- r.Run(ctx) }()
				r.Now()
				began := time.Now()
				for r.Status().LastRound.IsZero() {
					time.Sleep(20 * time.Millisecond)
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, int64(m.HeapInuse))
				}
				b.ReportMetric(time.Since(began).Seconds(), "s/round")
				b.ReportMetric(float64(peak-before)/1e6, "MB-peak")
				b.ReportMetric(float64(heap()-before)/1e6, "MB-after")
				b.ReportMetric(float64(all.calls.Load()), "questions")
				b.ReportMetric(float64(r.Status().Queued), "queued")
				cancel()
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// walked is a disk whose digests are found by walking over it.
type walked struct{ *disk.Chunks }

func (w walked) Digests(ctx context.Context, groups []placement.Group) ([]repair.Digest, error) {
	n := &names{}
	err := w.Walk(ctx, chunk.Ref{}, func(info chunk.Info, _ time.Time) error {
		n.refs = append(n.refs, info.Ref)
		return nil
	})
	slices.SortFunc(n.refs, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
	if err != nil {
		return nil, err
	}
	return n.Digests(ctx, groups)
}

func (w walked) Room() int64 { return 1 << 50 }

// disks are other nodes that are one disk.
type disks struct{ walked }

func (d disks) Digests(ctx context.Context, _ placement.NodeID, groups []placement.Group) ([]repair.Digest, error) {
	return d.walked.Digests(ctx, groups)
}

func (d disks) List(ctx context.Context, _ placement.NodeID, groups ...placement.Group) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		for info, err := range d.Chunks.List(ctx) {
			if (err != nil || slices.Contains(groups, placement.GroupOf(info.Ref))) && !yield(info, err) {
				return
			}
		}
	}
}

func (d disks) Fetch(ctx context.Context, _ []placement.NodeID, info chunk.Info) ([]byte, error) {
	r, err := d.Open(ctx, info.Ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := chunk.Buffer()[:info.Size]
	_, err = io.ReadFull(r, data)
	return data, err
}

func (d disks) Verify(ctx context.Context, _ placement.NodeID, ref chunk.Ref) error {
	return d.Chunks.Verify(ctx, ref)
}

func openDisk(b *testing.B) *disk.Disk {
	b.Helper()
	d, err := disk.Open(b.TempDir(), disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	return d
}

// BenchmarkPullFromDiskToDisk pulls whole chunks from one disk to another, each durably, at several rates, and tells what part
// of the rate was reached from the first chunk to the last.
func BenchmarkPullFromDiskToDisk(b *testing.B) {
	source := rand.NewChaCha8([32]byte{})
	for _, rate := range []int64{20_000_000, 60_000_000, 1 << 40} {
		b.Run(fmt.Sprintf("%d MB a second", rate/1_000_000), func(b *testing.B) {
			count := int(min(rate*5, 300_000_000) / chunk.MaxSize)
			from := openDisk(b)
			var refs []chunk.Ref
			for range count {
				data := make([]byte, chunk.MaxSize)
				_, _ = source.Read(data)
				put, err := from.Chunks().Put(b.Context(), data)
				if err != nil {
					b.Fatal(err)
				}
				refs = append(refs, put.Ref)
			}
			l := layout(b, 3, []placement.Node{member(name(0)), member(name(1)), member(name(2))})
			for b.Loop() {
				r := repair.New(repair.Config{
					Self: name(0), Local: walked{openDisk(b).Chunks()}, Peers: disks{walked{from.Chunks()}}, Rate: rate,
					Layouts: func() []*placement.Layout { return []*placement.Layout{l} }, Alive: func(placement.NodeID) bool { return true },
					Wanted: func(_ context.Context, visit func(chunk.Ref)) (time.Time, error) {
						for _, ref := range refs {
							visit(ref)
						}
						return time.Time{}, nil
					},
				})
				ctx, cancel := context.WithCancel(b.Context())
				ended := make(chan error, 1)
				go func() { ended <- r.Run(ctx) }()
				r.Now()
				for r.Status().Copied.Chunks == 0 {
					time.Sleep(time.Millisecond)
				}
				began := time.Now()
				for r.Status().Copied.Chunks < count {
					time.Sleep(time.Millisecond)
				}
				// The bucket held two chunks at the beginning.
				speed := float64(int64(count-3)*chunk.MaxSize) / time.Since(began).Seconds()
				b.ReportMetric(speed/1e6, "MB/s")
				if rate < 1<<40 {
					b.ReportMetric(speed/float64(rate), "of-the-rate")
				}
				cancel()
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
