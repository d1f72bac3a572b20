package ingest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/ingest"
)

func newClaims(t *testing.T) (*ingest.Importer, *chunktest.Memory) {
	store := chunktest.NewMemory(t)
	return ingest.New(ingest.Config{Store: store}), store
}

func putFor(t *testing.T, j ingest.Job, data []byte) chunk.Ref {
	t.Helper()
	info, err := j.Put(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return info.Ref
}

// all is the choice of everything.
func all(refs ...chunk.Ref) func(context.Context) ([]chunk.Ref, error) {
	return func(context.Context) ([]chunk.Ref, error) { return refs, nil }
}

func TestWhatOtherNodesMayRelyOnIsNotTakenBack(t *testing.T) {
	store := chunktest.NewMemory(t)
	shared := true
	im := ingest.New(ingest.Config{Store: store, Shared: func() bool { return shared }})
	job := im.OpenJob()
	putFor(t, job, []byte("one"))
	if err := job.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	chunktest.Holds(t, store, []byte("one"))
	im.Claimed(func(ref chunk.Ref) { t.Errorf("%s is still claimed", ref) })
	shared = false
	job = im.OpenJob()
	two := putFor(t, job, []byte("two"))
	if err := job.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	chunktest.Lacks(t, store, two)
}

func TestClearTakesOnlyWhatNoJobReliesOn(t *testing.T) {
	im, store := newClaims(t)
	free := chunktest.Put(t, store, []byte("free")).Ref
	job := im.OpenJob()
	held := putFor(t, job, []byte("held"))
	var claimed []chunk.Ref
	im.Claimed(func(ref chunk.Ref) { claimed = append(claimed, ref) })
	if !slices.Equal(claimed, []chunk.Ref{held}) {
		t.Errorf("claimed are %v, want %s", claimed, held)
	}
	if err := im.Clear(t.Context(), []chunk.Ref{free, held}, all(free, held), store.Delete); err != nil {
		t.Fatal(err)
	}
	chunktest.Lacks(t, store, free)
	chunktest.Holds(t, store, []byte("held"))
	job.Keep()
	if err := im.Clear(t.Context(), []chunk.Ref{held}, all(), store.Delete); err != nil {
		t.Fatal(err)
	}
	chunktest.Holds(t, store, []byte("held"))
	if err := im.Clear(t.Context(), []chunk.Ref{held}, all(held), store.Delete); err != nil {
		t.Fatal(err)
	}
	chunktest.Lacks(t, store, held)
}

func TestClearSparesWhatAJobPutsMeanwhileThoughItHasEnded(t *testing.T) {
	im, store := newClaims(t)
	data := []byte("the same bytes")
	ref := chunktest.Put(t, store, data).Ref
	choose := func(context.Context) ([]chunk.Ref, error) {
		job := im.OpenJob()
		putFor(t, job, data)
		job.Keep()
		return []chunk.Ref{ref}, nil
	}
	if err := im.Clear(t.Context(), []chunk.Ref{ref}, choose, store.Delete); err != nil {
		t.Fatal(err)
	}
	chunktest.Holds(t, store, data)
}

func TestWhatIsDeletedUnderAJobsHandsIsPutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		im, store := newClaims(t)
		data := []byte("the same bytes")
		ref := chunktest.Put(t, store, data).Ref
		job := im.OpenJob()
		var putting sync.WaitGroup
		slow := func(ctx context.Context, ref chunk.Ref) error {
			putting.Go(func() { putFor(t, job, data) })
			synctest.Wait() // The job found the chunk there and waits to know what becomes of it.
			time.Sleep(time.Second)
			return store.Delete(ctx, ref)
		}
		if err := im.Clear(t.Context(), []chunk.Ref{ref}, all(ref), slow); err != nil {
			t.Fatal(err)
		}
		putting.Wait()
		chunktest.Holds(t, store, data)
		if err := job.Undo(t.Context()); err != nil {
			t.Fatal(err)
		}
		chunktest.Lacks(t, store, ref)
	})
}

func TestPutThatOverlapsAWholeDeletionIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, late := chunktest.NewMemory(t), make(chan struct{})
		data := []byte("the same bytes")
		ref := chunktest.Put(t, store, data).Ref
		im := ingest.New(ingest.Config{Store: lateStore{store, new(sync.Once), late}})
		job := im.OpenJob()
		var putting sync.WaitGroup
		putting.Go(func() { putFor(t, job, data) })
		synctest.Wait() // The chunk was there, and the answer is on its way.
		if err := im.Clear(t.Context(), []chunk.Ref{ref}, all(ref), store.Delete); err != nil {
			t.Fatal(err)
		}
		chunktest.Lacks(t, store, ref)
		close(late)
		putting.Wait()
		chunktest.Holds(t, store, data)
	})
}

// lateStore answers the first put late.
type lateStore struct {
	*chunktest.Memory
	once *sync.Once
	late chan struct{}
}

func (s lateStore) Put(ctx context.Context, data []byte) (chunk.Stored, error) {
	stored, err := s.Memory.Put(ctx, data)
	s.once.Do(func() { <-s.late })
	return stored, err
}

func TestClearStopsWithTheErrorOfTheChoice(t *testing.T) {
	im, store := newClaims(t)
	ref := chunktest.Put(t, store, []byte("abc")).Ref
	trouble := errors.New("cannot tell")
	choose := func(context.Context) ([]chunk.Ref, error) { return []chunk.Ref{ref}, trouble }
	if err := im.Clear(t.Context(), []chunk.Ref{ref}, choose, store.Delete); !errors.Is(err, trouble) {
		t.Errorf("%v, want the choice's error", err)
	}
	chunktest.Holds(t, store, []byte("abc"))
}

// TestJobsAndClearingAtOnceLoseNothing lets jobs put the same few chunks again and again while they are cleared.
func TestJobsAndClearingAtOnceLoseNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	im, store := newClaims(t)
	const chunks = 5
	var refs []chunk.Ref
	for i := range uint64(chunks) {
		refs = append(refs, chunk.Sum(chunktest.Data(i, 100)))
	}
	var jobs, sweeper sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	sweeper.Go(func() {
		for ctx.Err() == nil {
			if err := im.Clear(t.Context(), refs, all(refs...), store.Delete); err != nil {
				t.Error(err)
			}
		}
	})
	for worker := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, worker))
		jobs.Go(func() {
			for range 300 {
				job := im.OpenJob()
				data := chunktest.Data(random.Uint64N(chunks), 100)
				putFor(t, job, data)
				chunktest.Holds(t, store, data)
				if random.IntN(2) == 0 {
					job.Keep()
				} else if err := job.Undo(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	jobs.Wait()
	stop()
	sweeper.Wait()
}
