package manifest

import (
	"math"
	"time"
)

// The peak is taken over runs of segments of these lengths, which are 0.5 and 1.5 target durations
// (RFC 8216, 4.3.4.2, BANDWIDTH): one short segment with a key frame in it says little.
const (
	shortestRun = targetSeconds / 2.0
	longestRun  = targetSeconds * 1.5
)

// maxBitrate keeps sums of bit rates far from overflow.
const maxBitrate = 1 << 50

// Length returns when r ends on the clock that its video's renditions share. One that begins later than the
// others is silent, or stands still, until then.
func (r *Rendition) Length() time.Duration {
	return r.clock(r.end(len(r.Segments)))
}

// Bitrate returns bits a second over the segments of r, rounded up: of all, and of the densest run of
// segments as long as HLS measures a peak. Both are 0 without segments.
func (r *Rendition) Bitrate() (average, peak int64) {
	var total int64
	for i := range r.Segments {
		total += r.Segments[i].Size
		peak = max(peak, r.peakFrom(i))
	}
	average = bitrate(total, r.seconds(0, len(r.Segments)))
	return average, max(average, peak)
}

// peakFrom returns the highest rate of the runs that begin with segment i. A segment that is longer
// than a run may be counts by itself.
func (r *Rendition) peakFrom(i int) int64 {
	var size, peak int64
	for j := i; j < len(r.Segments); j++ {
		size += r.Segments[j].Size
		length := r.seconds(i, j+1)
		if length > longestRun && j > i {
			break
		}
		if length >= shortestRun {
			peak = max(peak, bitrate(size, length))
		}
	}
	return peak
}

func bitrate(size int64, seconds float64) int64 {
	if size <= 0 || seconds <= 0 {
		return 0
	}
	return int64(min(maxBitrate, math.Ceil(float64(size)*8/seconds)))
}

// end returns when segment n-1 ends, in ticks: where segment n begins, unless the source has a gap there.
func (r *Rendition) end(n int) uint64 {
	if n == 0 {
		if len(r.Segments) > 0 {
			return r.Segments[0].Start
		}
		return 0
	}
	last := &r.Segments[n-1]
	return last.Start + last.Duration
}

// seconds returns the length of the segments from i up to, not including, j.
func (r *Rendition) seconds(i, j int) float64 {
	if r.Timescale == 0 {
		return 0
	}
	return float64(r.end(j)-r.end(i)) / float64(r.Timescale)
}

// clock converts ticks to time, to the nearest nanosecond.
func (r *Rendition) clock(ticks uint64) time.Duration {
	scale := uint64(r.Timescale)
	if scale == 0 {
		return 0
	}
	// Whole seconds apart, so that no product overflows.
	rest := (ticks%scale*uint64(time.Second) + scale/2) / scale
	return time.Duration(ticks/scale)*time.Second + time.Duration(rest)
}
