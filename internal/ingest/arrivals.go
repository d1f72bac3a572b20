package ingest

import (
	"fmt"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// arrival is one file on its way in.
type arrival struct {
	id        manifest.VideoID
	resumable bool
	// turn is held, by a value in it, by the one who works on the file.
	turn chan struct{}
	// note is owned by who holds the turn.
	note note

	shown   Arrival // what others see; guarded by arrivals.mu
	written int64   // bytes in the file, durable or not; guarded by arrivals.mu
	gone    bool    // nobody wants it any more; guarded by arrivals.mu
}

func newArrival(id manifest.VideoID, n note, resumable bool) *arrival {
	a := &arrival{id: id, resumable: resumable, turn: make(chan struct{}, 1), note: n, written: n.Offset}
	a.shown = Arrival{ID: id, Name: n.Name, Size: n.Size, Offset: n.Offset, Same: n.Same}
	return a
}

// promised is the room that a file will still need: itself and its renditions lie side by side for a while.
// arrivals.mu is held.
func (a *arrival) promised() int64 {
	if a.shown.Same != "" {
		return 0
	}
	return max(2*a.shown.Size-a.written, 0)
}

// arrivals are the files on their way in, a bounded number.
type arrivals struct {
	max  int
	keep time.Duration

	mu   sync.Mutex
	open map[manifest.VideoID]*arrival // guarded by mu
}

func newArrivals(most int, keep time.Duration) *arrivals {
	return &arrivals{max: most, keep: keep, open: make(map[manifest.VideoID]*arrival)}
}

// add takes a new file in if there is a place and room for it beside what was promised to the others.
func (all *arrivals) add(a *arrival, room func() int64) error {
	all.mu.Lock()
	defer all.mu.Unlock()
	resumable, promised := 0, int64(0)
	for _, other := range all.open {
		promised += other.promised()
		if other.resumable {
			resumable++
		}
	}
	if a.resumable && resumable >= all.max {
		return ErrBusy
	}
	if free := room() - promised; free <= 0 || free < a.promised() {
		return fmt.Errorf("%d bytes, %d free: %w", a.shown.Size, free, chunk.ErrFull)
	}
	all.enter(a)
	return nil
}

// restore takes in a file that was on its way before a restart.
func (all *arrivals) restore(a *arrival) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.enter(a)
}

// enter is restore with mu held.
func (all *arrivals) enter(a *arrival) {
	a.shown.Expires = a.note.Touched.Add(all.keep)
	all.open[a.id] = a
}

func (all *arrivals) remove(a *arrival) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open[a.id] == a {
		delete(all.open, a.id)
	}
}

func (all *arrivals) get(id manifest.VideoID) (a *arrival, shown Arrival, found bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if a = all.open[id]; a == nil || a.gone {
		return nil, shown, false
	}
	return a, a.shown, true
}

// list returns the files that can be gone on with.
func (all *arrivals) list() (found []*arrival) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, a := range all.open {
		if a.resumable {
			found = append(found, a)
		}
	}
	return found
}

// wrote notes that a file has grown.
func (all *arrivals) wrote(a *arrival, end int64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	a.written = end
}

// reached shows what the arrival's note says; the caller holds its turn.
func (all *arrivals) reached(a *arrival) {
	all.mu.Lock()
	defer all.mu.Unlock()
	a.shown.Offset, a.shown.Same = a.note.Offset, a.note.Same
	a.shown.Expires = a.note.Touched.Add(all.keep)
}

// abandon says that nobody wants the file any more; who holds its turn removes it.
func (all *arrivals) abandon(a *arrival) {
	all.mu.Lock()
	defer all.mu.Unlock()
	a.gone = true
}

// unwanted tells whether a file is to be removed by who holds its turn.
func (all *arrivals) unwanted(a *arrival) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return a.gone && all.open[a.id] == a
}

func (all *arrivals) isGone(a *arrival) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return a.gone
}

// expired tells whether nothing was heard of a file for too long.
func (all *arrivals) expired(a *arrival, now time.Time) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return !now.Before(a.shown.Expires)
}
