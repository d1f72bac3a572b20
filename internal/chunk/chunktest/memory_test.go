package chunktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
)

// watched is a test that notes its failures instead of failing.
type watched struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
	// told gets a token for each failure.
	told chan struct{}
}

func watch(t *testing.T) *watched { return &watched{TB: t, told: make(chan struct{}, 10)} }

func (w *watched) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
	w.told <- struct{}{}
}

func (w *watched) Cleanup(f func()) { w.cleanups = append(w.cleanups, f) }

// end runs the clean-ups, as the end of a test does.
func (w *watched) end() {
	for _, f := range w.cleanups {
		f()
	}
}

// wants fails the real test unless there is just one failure that says what.
func (w *watched) wants(what string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failures) != 1 || !strings.Contains(w.failures[0], what) {
		w.TB.Errorf("failures %q, want one that says %q", w.failures, what)
	}
}

// lenient lets the suite use a closed reader, to see that it is refused.
type lenient struct{ testing.TB }

func (l lenient) Errorf(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !strings.Contains(text, "after its reader was closed") {
		l.TB.Error(text)
	}
}

func TestMemoryKeepsThePromisesOfAStore(t *testing.T) {
	chunktest.Run(t, func(t *testing.T) chunk.Store { return chunktest.NewMemory(lenient{t}) })
}

func TestMemoryFailsTheTestForAReaderThatIsNeverClosed(t *testing.T) {
	w := watch(t)
	m := chunktest.NewMemory(w)
	ref := chunktest.Put(t, m, []byte("abc")).Ref
	if _, err := m.Open(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	w.end()
	w.wants("memory_test.go")
}

func TestMemoryFailsTheTestForUseAfterClose(t *testing.T) {
	for name, use := range map[string]func(chunk.Reader) error{
		"read":    func(r chunk.Reader) error { _, err := r.Read(make([]byte, 1)); return err },
		"read at": func(r chunk.Reader) error { _, err := r.ReadAt(make([]byte, 1), 0); return err },
		"seek":    func(r chunk.Reader) error { _, err := r.Seek(0, io.SeekStart); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t)
			m := chunktest.NewMemory(w)
			r, err := m.Open(t.Context(), chunktest.Put(t, m, []byte("abc")).Ref)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			if use(r) == nil {
				t.Error("no error")
			}
			w.end()
			w.wants("after its reader was closed")
		})
	}
}

func TestMemoryFailsTheTestForAReaderUsedByTwo(t *testing.T) {
	w := watch(t)
	m := chunktest.NewMemory(w)
	r, err := m.Open(t.Context(), chunktest.Put(t, m, []byte("abc")).Ref)
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{})
	var once sync.Once
	both := make(chan struct{})
	m.SetFault(func(_ context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
		once.Do(func() { close(first); <-both })
		return true, nil
	})
	var done sync.WaitGroup
	done.Go(func() { r.Read(make([]byte, 1)) })
	<-first
	done.Go(func() { r.Seek(0, io.SeekStart) })
	// The second call reports itself before it waits for the first.
	<-w.told
	close(both)
	done.Wait()
	r.Close()
	w.end()
	w.wants("another goroutine")
}

func TestMemoryFailsTheTestForDataThatChangesDuringPut(t *testing.T) {
	w := watch(t)
	m := chunktest.NewMemory(w)
	data := []byte("abc")
	m.SetFault(func(context.Context, chunktest.Op, chunk.Ref) (bool, error) {
		data[0] = 'x'
		return true, nil
	})
	m.Put(t.Context(), data)
	w.end()
	w.wants("changed while Put ran")
}

func TestFaultCanLoseAPutOrOnlyItsAnswer(t *testing.T) {
	broken := errors.New("cable pulled")
	for _, applied := range []bool{false, true} {
		m := chunktest.NewMemory(t)
		m.SetFault(func(_ context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
			return applied, broken
		})
		if stored, err := m.Put(t.Context(), []byte("abc")); !errors.Is(err, broken) || stored != (chunk.Stored{}) {
			t.Errorf("put: %v, %v; want nothing and the fault's error", stored, err)
		}
		if got := m.Len() == 1; got != applied {
			t.Errorf("stored: %v, want %v", got, applied)
		}
		m.SetFault(nil)
		if stored, err := m.Put(t.Context(), []byte("abc")); err != nil || stored.New == applied {
			t.Errorf("put again: New %v, %v", stored.New, err)
		}
	}
}

func TestFaultCanLoseADeleteOrOnlyItsAnswer(t *testing.T) {
	broken := errors.New("cable pulled")
	for _, applied := range []bool{false, true} {
		m := chunktest.NewMemory(t)
		ref := chunktest.Put(t, m, []byte("abc")).Ref
		m.SetFault(func(context.Context, chunktest.Op, chunk.Ref) (bool, error) { return applied, broken })
		if err := m.Delete(t.Context(), ref); !errors.Is(err, broken) {
			t.Errorf("delete: %v", err)
		}
		if gone := m.Len() == 0; gone != applied {
			t.Errorf("deleted: %v, want %v", gone, applied)
		}
	}
}

func TestFaultReachesEveryOperation(t *testing.T) {
	broken := errors.New("cable pulled")
	m := chunktest.NewMemory(t)
	ref := chunktest.Put(t, m, []byte("abc")).Ref
	r, err := m.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var asked []chunktest.Op
	m.SetFault(func(_ context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
		asked = append(asked, op)
		return op == chunktest.OpList || op == chunktest.OpOpen, broken
	})
	_, openErr := m.Open(t.Context(), ref)
	_, statErr := m.Stat(t.Context(), ref)
	_, readErr := r.Read(make([]byte, 1))
	var listErr error
	listed := 0
	for _, err := range m.List(t.Context()) {
		if err == nil {
			listed++
		} else {
			listErr = err
		}
	}
	for _, err := range []error{openErr, statErr, readErr, listErr} {
		if !errors.Is(err, broken) {
			t.Errorf("%v, want the fault's error", err)
		}
	}
	if listed != 1 {
		t.Errorf("%d chunks came before the error, want 1", listed)
	}
	if got := fmt.Sprint(asked); got != "[open stat read list]" {
		t.Errorf("the fault was asked about %s", got)
	}
}

func TestFaultThatLosesWithoutAnErrorFailsTheTest(t *testing.T) {
	w := watch(t)
	m := chunktest.NewMemory(w)
	m.SetFault(func(context.Context, chunktest.Op, chunk.Ref) (bool, error) { return false, nil })
	m.Put(t.Context(), []byte("abc"))
	w.end()
	w.wants("without an error")
}

func TestCorruptChunkIsGivenUp(t *testing.T) {
	m := chunktest.NewMemory(t)
	ref := chunktest.Put(t, m, []byte("abc")).Ref
	m.Corrupt(ref)
	if _, err := m.Open(t.Context(), ref); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("open: %v, want ErrCorrupt", err)
	}
	chunktest.Lacks(t, m, ref)
	chunktest.Put(t, m, []byte("abc"))
	chunktest.Holds(t, m, []byte("abc"))
}
