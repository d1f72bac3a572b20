package disk_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// BenchmarkPut is durable puts of 1 MiB chunks, each new.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 2, 4, 8, 16} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			d := open(b, b.TempDir(), disk.Options{})
			d.SetWriters(callers)
			b.SetBytes(chunk.MaxSize)
			var next atomic.Int64
			var done sync.WaitGroup
			base := chunktest.Data(1, chunk.MaxSize)
			b.ResetTimer()
			for range callers {
				done.Go(func() {
					data := append([]byte(nil), base...)
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						binary.LittleEndian.PutUint64(data, uint64(i))
						chunktest.Put(b, d.Chunks(), data)
					}
				})
			}
			done.Wait()
		})
	}
}

// BenchmarkPutAgain is puts of a chunk that is there.
func BenchmarkPutAgain(b *testing.B) {
	d := open(b, b.TempDir(), disk.Options{})
	data := chunktest.Data(1, chunk.MaxSize)
	b.SetBytes(chunk.MaxSize)
	for range b.N {
		chunktest.Put(b, d.Chunks(), data)
	}
}

// BenchmarkOpen is opening a chunk and reading it, verified before.
func BenchmarkOpen(b *testing.B) {
	d := open(b, b.TempDir(), disk.Options{})
	ref := chunktest.Put(b, d.Chunks(), chunktest.Data(1, chunk.MaxSize)).Ref
	b.SetBytes(chunk.MaxSize)
	for range b.N {
		r, err := d.Chunks().Open(b.Context(), ref)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, r)
		r.Close()
	}
}

// BenchmarkSave is durable saves of a small record.
func BenchmarkSave(b *testing.B) {
	d := open(b, b.TempDir(), disk.Options{})
	for i := range b.N {
		save(b, d, "videos", fmt.Sprint(i%1000), make([]byte, 2000))
	}
}
