package disk_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// names returns all names that the disk tells.
func names(t *testing.T, d *disk.Disk) (all []chunk.Ref) {
	t.Helper()
	for first := range 256 {
		refs, err := d.Chunks().Names(t.Context(), byte(first))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, refs...)
	}
	return all
}

func inOrder(refs []chunk.Ref) []chunk.Ref {
	return slices.SortedFunc(slices.Values(refs), func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
}

func TestNamesAreThoseOfTheChunksInOrder(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	for i := range uint64(300) {
		chunktest.Put(t, d.Chunks(), chunktest.Data(i, 10))
	}
	foreign := chunk.Sum([]byte("a folder in a chunk's place"))
	if err := os.Mkdir(chunkPath(dir, foreign), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(chunkPath(dir, foreign)), "notes.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := inOrder(slices.Collect(maps.Keys(chunktest.List(t, d.Chunks()))))
	if got := names(t, d); !slices.Equal(got, want) {
		t.Errorf("%d names, want the %d that are listed, in order", len(got), len(want))
	}
}

func TestAWatcherKnowsWhatIsThere(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	var mu sync.Mutex
	known := map[chunk.Ref]bool{}
	d.Chunks().Watch(func(ref chunk.Ref, there, certain bool) {
		mu.Lock()
		defer mu.Unlock()
		if known[ref] == there || !certain {
			t.Errorf("chunk %s: there %v, certain %v, and it was %v before", ref, there, certain, known[ref])
		}
		known[ref] = there
	})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var done sync.WaitGroup
	for worker := range uint64(4) {
		done.Go(func() {
			random := rand.New(rand.NewPCG(seed, worker))
			for range 40 {
				data := chunktest.Data(random.Uint64N(10), 100)
				if random.IntN(2) == 0 {
					d.Chunks().Delete(t.Context(), chunk.Sum(data))
				} else {
					d.Chunks().Put(t.Context(), data)
				}
			}
		})
	}
	done.Wait()
	maps.DeleteFunc(known, func(_ chunk.Ref, there bool) bool { return !there })
	if got, want := inOrder(slices.Collect(maps.Keys(known))), names(t, d); !slices.Equal(got, want) {
		t.Errorf("the watcher knows %d chunks, there are %d", len(got), len(want))
	}
}

func TestAWatcherHearsOfChunksThatWentBad(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	ref := chunktest.Put(t, d.Chunks(), chunktest.Data(1, 100)).Ref
	var gone []chunk.Ref
	d.Chunks().Watch(func(ref chunk.Ref, there, certain bool) {
		if !there && certain {
			gone = append(gone, ref)
		}
	})
	flip(t, chunkPath(dir, ref))
	if err := d.Chunks().Verify(t.Context(), ref); !errors.Is(err, chunk.ErrCorrupt) {
		t.Fatal(err)
	}
	if !slices.Equal(gone, []chunk.Ref{ref}) {
		t.Errorf("heard of %v", gone)
	}
}

func TestAWatcherIsToldWhenNobodyKnows(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	uncertain := 0
	d.Chunks().Watch(func(_ chunk.Ref, _, certain bool) {
		if !certain {
			uncertain++
		}
	})
	broken := errors.New("broken")
	d.SetFault(func(step string) (bool, error) {
		if step == "rename" {
			return true, broken
		}
		return true, nil
	})
	if _, err := d.Chunks().Put(t.Context(), chunktest.Data(1, 100)); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if uncertain != 1 {
		t.Errorf("told %d times that nobody knows, want once", uncertain)
	}
}

func TestRenewedChunkIsYoung(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	info := chunktest.Put(t, d.Chunks(), chunktest.Data(1, 5000))
	limit := time.Now().Add(-time.Hour)
	makeOld(t, dir, info.Ref, limit.Add(-time.Second))
	if err := d.Chunks().Renew(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	if freed, err := d.Chunks().DeleteBefore(t.Context(), info.Ref, limit); freed != 0 || err != nil {
		t.Errorf("freed %d, %v", freed, err)
	}
	for name, other := range map[string]chunk.Info{
		"another size":     {Ref: info.Ref, Size: info.Size + 1},
		"what is not here": {Ref: chunk.Sum([]byte("none")), Size: 4},
	} {
		if err := d.Chunks().Renew(t.Context(), other); !errors.Is(err, chunk.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
}
