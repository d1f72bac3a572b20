package chunk_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"shoal/internal/chunk"
)

func TestOneAtATimeHasAChunk(t *testing.T) {
	var locks chunk.Locks
	counts := map[chunk.Ref]*int{{1}: new(int), {2}: new(int)}
	var all sync.WaitGroup
	for ref, count := range counts {
		for range 50 {
			all.Go(func() {
				if err := locks.Lock(t.Context(), ref); err != nil {
					t.Error(err)
					return
				}
				defer locks.Unlock(ref)
				*count++
			})
		}
	}
	all.Wait()
	for ref, count := range counts {
		if *count != 50 {
			t.Errorf("chunk %s was had %d times, want 50", ref, *count)
		}
	}
}

func TestWaitingForAChunkEndsWithTheContext(t *testing.T) {
	var locks chunk.Locks
	if err := locks.Lock(t.Context(), chunk.Ref{1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := locks.Lock(ctx, chunk.Ref{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	locks.Unlock(chunk.Ref{1})
	if err := locks.Lock(t.Context(), chunk.Ref{1}); err != nil {
		t.Error(err)
	}
}
