package pool_test

import (
	"testing"

	"shoal/internal/pool"
)

func FuzzWhatNodesSayOfThemselves(f *testing.F) {
	f.Add([]byte{0xa0})
	f.Add([]byte("rubbish"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if capacity, err := pool.ReadFacts(text); err == nil && capacity < 0 {
			t.Fatalf("%x promises %d bytes", text, capacity)
		}
		if free, err := pool.ReadReport(text); err == nil && free < 0 {
			t.Fatalf("%x has %d bytes free", text, free)
		}
	})
}

func TestCapacityFollowsOnlyWhatChangesMuch(t *testing.T) {
	for _, c := range []struct{ before, now, want int64 }{
		{0, 100, 100}, {100, 109, 100}, {100, 91, 100}, {100, 111, 111}, {100, 80, 80}, {100, 0, 0},
	} {
		if got := pool.Steady(c.before, c.now); got != c.want {
			t.Errorf("%d, then %d: %d, want %d", c.before, c.now, got, c.want)
		}
	}
}
