package cache_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"shoal/internal/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// filling returns a fill that counts its calls.
func filling(calls *int, value string, size int64, err error) func(context.Context) (string, int64, error) {
	return func(context.Context) (string, int64, error) {
		*calls++
		return value, size, err
	}
}

func TestAValueIsMadeOnce(t *testing.T) {
	c := cache.New[int, string](10)
	var calls int
	for range 3 {
		if got, err := c.Get(t.Context(), 1, filling(&calls, "one", 1, nil)); got != "one" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if calls != 1 {
		t.Errorf("made %d times", calls)
	}
}

func TestTheValueUsedLongestAgoGoesFirst(t *testing.T) {
	c := cache.New[int, string](2)
	var calls int
	for _, key := range []int{1, 2, 1, 3, 1, 2} {
		if _, err := c.Get(t.Context(), key, filling(&calls, "x", 1, nil)); err != nil {
			t.Fatal(err)
		}
	}
	// 1, 2 and 3 are made, and 2 again, which made room for 3.
	if calls != 4 {
		t.Errorf("made %d times, want 4", calls)
	}
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	c := cache.New[int, string](2)
	var calls int
	for range 2 {
		if got, err := c.Get(t.Context(), 1, filling(&calls, "large", 3, nil)); got != "large" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if calls != 2 {
		t.Errorf("made %d times, want 2", calls)
	}
}

func TestAValueCanBeLookedUpAndRemoved(t *testing.T) {
	c := cache.New[int, string](2)
	c.Put(1, "one", 1)
	c.Put(2, "two", 1)
	if got, found := c.Lookup(1); got != "one" || !found {
		t.Errorf("%q, %v", got, found)
	}
	c.Put(3, "three", 1)
	if _, found := c.Lookup(2); found {
		t.Error("looking a value up is no use of it")
	}
	c.Remove(1)
	c.Remove(7)
	if _, found := c.Lookup(1); found {
		t.Error("a removed value is there")
	}
	c.Put(4, "four", 1)
	if _, found := c.Lookup(3); !found {
		t.Error("what was removed takes up room")
	}
}

func TestValuesThatGoAreSeenOffOnce(t *testing.T) {
	var gone []string
	c := cache.NewDropping[int](2, func(value string) { gone = append(gone, value) })
	for key, value := range []string{"zero", "one", "two"} {
		if !c.Put(key, value, 1) {
			t.Errorf("%s is not kept", value)
		}
	}
	if c.Put(2, "two again", 1) || c.Put(3, "too large", 3) {
		t.Error("kept what it should not")
	}
	c.Remove(1)
	c.Remove(1)
	if !slices.Equal(gone, []string{"zero", "one"}) {
		t.Errorf("seen off: %v", gone)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	c := cache.New[int, string](2)
	broken := errors.New("broken")
	var calls int
	if _, err := c.Get(t.Context(), 1, filling(&calls, "", 0, broken)); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if got, err := c.Get(t.Context(), 1, filling(&calls, "fine", 1, nil)); got != "fine" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestManyAskersShareOneMaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[int, string](2)
		release := make(chan struct{})
		calls := 0
		var askers sync.WaitGroup
		for range 5 {
			askers.Go(func() {
				got, err := c.Get(t.Context(), 1, func(context.Context) (string, int64, error) {
					calls++
					<-release
					return "shared", 1, nil
				})
				if got != "shared" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		askers.Wait()
		if calls != 1 {
			t.Errorf("made %d times", calls)
		}
	})
}

func TestAnotherTakesOverFromOneWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[int, string](2)
		ctx, giveUp := context.WithCancel(t.Context())
		fill := func(ctx context.Context) (string, int64, error) {
			select {
			case <-ctx.Done():
				return "", 0, ctx.Err()
			case <-t.Context().Done():
				return "", 0, nil
			}
		}
		var first sync.WaitGroup
		first.Go(func() {
			if _, err := c.Get(ctx, 1, fill); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		var second sync.WaitGroup
		second.Go(func() {
			var calls int
			if got, err := c.Get(t.Context(), 1, filling(&calls, "made", 1, nil)); got != "made" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
		synctest.Wait()
		giveUp()
		first.Wait()
		second.Wait()
	})
}
