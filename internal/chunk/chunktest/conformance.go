package chunktest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"shoal/internal/chunk"
)

func everySize(t *testing.T, s chunk.Store) {
	for i, size := range []int{1, 2, 511, 4096, 65537, chunk.MaxSize - 1, chunk.MaxSize} {
		data := Data(uint64(i), size)
		Put(t, s, data)
		Holds(t, s, data)
	}
}

func wrongSizes(t *testing.T, s chunk.Store) {
	for _, size := range []int{0, chunk.MaxSize + 1, 2 * chunk.MaxSize} {
		data := Data(1, size)
		if _, err := s.Put(t.Context(), data); !errors.Is(err, chunk.ErrSize) {
			t.Errorf("put of %d bytes: %v, want ErrSize", size, err)
		}
		Lacks(t, s, chunk.Sum(data))
	}
	if _, err := s.Put(t.Context(), nil); !errors.Is(err, chunk.ErrSize) {
		t.Errorf("put of nil: %v, want ErrSize", err)
	}
}

func duplicates(t *testing.T, s chunk.Store) {
	data := Data(1, 1000)
	for i, want := range []bool{true, false, false} {
		stored, err := s.Put(t.Context(), data)
		if err != nil || stored.New != want {
			t.Errorf("put number %d: New %v, %v; want %v", i+1, stored.New, err, want)
		}
		if stored.Ref != chunk.Sum(data) || stored.Size != 1000 {
			t.Errorf("put number %d answers %v", i+1, stored.Info)
		}
	}
	Holds(t, s, data)
	if all := List(t, s); len(all) != 1 {
		t.Errorf("%d chunks listed, want 1", len(all))
	}
}

func noReference(t *testing.T, s chunk.Store) {
	data := Data(1, 5000)
	want := bytes.Clone(data)
	Put(t, s, data)
	clear(data)
	Holds(t, s, want)
}

func sameAtOnce(t *testing.T, s chunk.Store) {
	data := Data(1, 100_000)
	var fresh atomic.Int64
	together(16, func(int) {
		stored, err := s.Put(t.Context(), data)
		if err != nil {
			t.Errorf("put: %v", err)
		}
		if stored.New {
			fresh.Add(1)
		}
	})
	if fresh.Load() != 1 {
		t.Errorf("%d of 16 puts of one chunk say that it is new, want 1", fresh.Load())
	}
	Holds(t, s, data)
	if all := List(t, s); len(all) != 1 {
		t.Errorf("%d chunks listed, want 1", len(all))
	}
}

func differentAtOnce(t *testing.T, s chunk.Store) {
	const callers, each = 8, 6
	together(callers, func(caller int) {
		for i := range each {
			data := Data(uint64(caller*each+i), 30_000+caller*100+i)
			if stored, err := s.Put(t.Context(), data); err != nil || !stored.New {
				t.Errorf("put: New %v, %v", stored.New, err)
			}
		}
	})
	for caller := range callers {
		for i := range each {
			Holds(t, s, Data(uint64(caller*each+i), 30_000+caller*100+i))
		}
	}
	if all := List(t, s); len(all) != callers*each {
		t.Errorf("%d chunks listed, want %d", len(all), callers*each)
	}
}

func missing(t *testing.T, s chunk.Store) {
	Put(t, s, Data(1, 10))
	Lacks(t, s, chunk.Sum(Data(2, 10)))
	Lacks(t, s, chunk.Ref{})
	if err := s.Delete(t.Context(), chunk.Sum(Data(2, 10))); err != nil {
		t.Errorf("delete of a missing chunk: %v", err)
	}
}

func deletion(t *testing.T, s chunk.Store) {
	data, other := Data(1, 1000), Data(2, 1000)
	Put(t, s, other)
	for round := range 3 {
		if stored, err := s.Put(t.Context(), data); err != nil || !stored.New {
			t.Errorf("round %d: put: New %v, %v", round, stored.New, err)
		}
		Holds(t, s, data)
		if err := s.Delete(t.Context(), chunk.Sum(data)); err != nil {
			t.Errorf("round %d: delete: %v", round, err)
		}
		Lacks(t, s, chunk.Sum(data))
	}
	Holds(t, s, other)
}

func turmoil(t *testing.T, s chunk.Store) {
	chunks := [][]byte{Data(1, 20_000), Data(2, 30_000), Data(3, 40_000)}
	together(9, func(caller int) {
		data := chunks[caller%len(chunks)]
		for range 15 {
			switch caller / len(chunks) {
			case 0:
				if _, err := s.Put(t.Context(), data); err != nil {
					t.Errorf("put: %v", err)
				}
			case 1:
				if err := s.Delete(t.Context(), chunk.Sum(data)); err != nil {
					t.Errorf("delete: %v", err)
				}
			case 2:
				got, err := Read(t, s, chunk.Sum(data))
				if err == nil && !bytes.Equal(got, data) {
					t.Error("read other bytes than were put")
				}
				if err != nil && !errors.Is(err, chunk.ErrNotFound) {
					t.Errorf("read: %v", err)
				}
			}
		}
	})
	for _, data := range chunks {
		Put(t, s, data)
		Holds(t, s, data)
	}
}

func endedContext(t *testing.T, s chunk.Store) {
	kept, data := Data(1, 1000), Data(2, 1000)
	Put(t, s, kept)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, putErr := s.Put(ctx, data)
	_, againErr := s.Put(ctx, kept)
	_, openErr := s.Open(ctx, chunk.Sum(kept))
	_, statErr := s.Stat(ctx, chunk.Sum(kept))
	deleteErr := s.Delete(ctx, chunk.Sum(kept))
	var listErr error
	for info, err := range s.List(ctx) {
		if listErr != nil || err == nil {
			t.Errorf("list yields %v, %v", info, err)
		}
		listErr = err
	}
	for method, err := range map[string]error{"put": putErr, "put again": againErr, "open": openErr,
		"stat": statErr, "delete": deleteErr, "list": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", method, err)
		}
	}
	Holds(t, s, kept)
	Lacks(t, s, chunk.Sum(data))
}

// together runs n calls of f at the same time and waits for them.
func together(n int, f func(i int)) {
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	done.Wait()
}
