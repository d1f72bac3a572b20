package swarm

import (
	"math"
	"time"
)

const (
	// stripeStep is the golden ratio's fraction: its multiples lie as far from each other as can be.
	stripeStep = 0.618034
	// stripeSpan is within which time viewers come together.
	stripeSpan = 2 * time.Second
	maxStripes = 4096
)

// stripe is what is kept of those who came to a video together, from one to the next.
type stripe struct {
	at    time.Time // when the last of them came
	count int       // how many they are
	// again is when somebody who was here before came and was not counted.
	again time.Time
	last  ID      // who came last, counted or not
	place float64 // and where that one begins
}

// Stripe returns where in the first segments a viewer of a video begins to fetch who gets an id now, from 0 up to 1.
// Before is the id that the same browser got last, "" for none: one page that is loaded again makes no crowd.
func (r *Rooms) Stripe(video string, before, id ID, now time.Time) float64 {
	s, known := r.stripes[video]
	if !known && len(r.stripes) >= maxStripes {
		if r.forgetStripes(now); len(r.stripes) >= maxStripes {
			return r.random.Float64()
		}
	}
	if now.Sub(s.at) > stripeSpan {
		s.count, s.place = 0, 0
	}
	switch {
	case before == "":
		s.next(now)
	case before == s.last: // nobody came between: it begins where it began
	case s.count <= 1 && now.Sub(s.again) > stripeSpan:
		s.again, s.place = now, 0
	default: // many pages that are loaded again at once are a crowd too
		s.next(now)
	}
	s.last = id
	r.stripes[video] = s
	return s.place
}

// next gives a viewer that counts its place.
func (s *stripe) next(now time.Time) {
	_, s.place = math.Modf(float64(s.count) * stripeStep)
	s.at = now
	s.count++
}

func (r *Rooms) forgetStripes(now time.Time) {
	for video, s := range r.stripes {
		if now.Sub(s.at) > stripeSpan && now.Sub(s.again) > stripeSpan {
			delete(r.stripes, video)
		}
	}
}
