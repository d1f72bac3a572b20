package manifest_test

import (
	"testing"
	"time"

	"shoal/internal/manifest"
)

// track makes a rendition of 1000 ticks a second from pairs of milliseconds and bytes.
func track(pairs ...int64) *manifest.Rendition {
	r := &manifest.Rendition{Timescale: 1000}
	var start uint64 = 5000
	for i := 0; i < len(pairs); i += 2 {
		r.Segments = append(r.Segments, manifest.Segment{
			Blob: manifest.Blob{Size: pairs[i+1]}, Start: start, Duration: uint64(pairs[i]),
		})
		start += uint64(pairs[i])
	}
	return r
}

func TestBitrateIsBitsASecond(t *testing.T) {
	for _, c := range []struct {
		name          string
		r             *manifest.Rendition
		average, peak int64
	}{
		{"no segments", track(), 0, 0},
		{"no timescale", &manifest.Rendition{Segments: segments("s", 1, 1, 1)}, 0, 0},
		{"constant", track(4000, 1000, 4000, 1000), 2000, 2000},
		{"a dense segment", track(4000, 1000, 4000, 3000), 4000, 6000},
		{"a short dense segment counts with its neighbours", track(1000, 4000, 4000, 1000), 8000, 8000},
		{"a peak across the middle", track(3000, 300, 3000, 3000, 3000, 3000, 3000, 300), 4400, 8000},
		{"shorter than a run", track(1000, 100), 800, 800},
		{"longer than a run", track(20000, 20000, 4000, 400), 6800, 8000},
		{"rounded up", track(7000, 1), 2, 2},
	} {
		average, peak := c.r.Bitrate()
		if average != c.average || peak != c.peak {
			t.Errorf("%s: %d and %d, want %d and %d", c.name, average, peak, c.average, c.peak)
		}
	}
}

func TestLengthIsWhenTheRenditionEnds(t *testing.T) {
	r := track(4000, 1, 1500, 1)
	if got := r.Length(); got != 10500*time.Millisecond {
		t.Errorf("got %s", got)
	}
	r.Segments[1].Start += 2000
	if got := r.Length(); got != 12500*time.Millisecond {
		t.Errorf("with a gap: %s", got)
	}
	if got := track().Length(); got != 0 {
		t.Errorf("without segments: %s", got)
	}
}

func TestLengthDoesNotOverflow(t *testing.T) {
	r := &manifest.Rendition{Timescale: 1<<32 - 1}
	ticks := uint64(r.Timescale) * 3600 * 999
	r.Segments = []manifest.Segment{{Duration: ticks}}
	if got := r.Length(); got != 999*time.Hour {
		t.Errorf("got %s", got)
	}
}
