package disk

import (
	"fmt"
	"math"
	"sync"
	"time"

	"shoal/internal/chunk"
)

const (
	// maxReserve and reserveShare bound the free space that is left to records, logs and everybody else.
	maxReserve   = 1 << 30
	reserveShare = 20
	// roomAge is how long an answer of the file system is believed; other programs write too.
	roomAge = time.Second
)

// room knows how much the file system can still take.
type room struct {
	dir string
	// ask returns the free bytes for this user and the size of the file system in bytes.
	ask func(dir string) (free, size int64, err error)
	now func() time.Time

	mu sync.Mutex
	// guarded by mu: the room found at asked, less what was granted since
	left    int64
	reserve int64
	asked   time.Time
}

// fits grants size bytes or returns ErrFull. Pending are the bytes granted and perhaps not written yet.
func (r *room) fits(size, pending int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left < size || r.now().Sub(r.asked) > roomAge {
		if err := r.refresh(pending); err != nil {
			return err
		}
	}
	if r.left < size {
		return fmt.Errorf("%w: the file system has %d bytes free, %d are kept in reserve",
			chunk.ErrFull, max(0, r.left+r.reserve), r.reserve)
	}
	r.left -= size
	return nil
}

// refresh asks the file system; r.mu is held.
func (r *room) refresh(pending int64) error {
	free, size, err := r.ask(r.dir)
	if err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	r.asked = r.now()
	r.reserve = min(maxReserve, size/reserveShare)
	r.left = free - r.reserve - pending
	if size == 0 {
		// Some network file systems do not say; they refuse by themselves when they are full.
		r.left = math.MaxInt64
	}
	return nil
}

// available returns the bytes that fits would grant now, 0 when the file system does not answer.
func (r *room) available(pending int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Sub(r.asked) > roomAge {
		if err := r.refresh(pending); err != nil {
			return 0
		}
	}
	return max(0, r.left)
}

// Free returns the bytes that are free on the file system of the directory.
func (d *Disk) Free() (int64, error) {
	free, _, err := d.room.ask(d.room.dir)
	if err != nil {
		return 0, fmt.Errorf("free space of %s: %w", d.room.dir, err)
	}
	return free, nil
}

// Room returns how many bytes of chunks may still be put: what is free on the file system less a
// reserve of 5 % of its size, 1 GiB at most, and not more than Options.Capacity leaves. It is up to
// a second old, and 0 when the file system does not answer. It is cheap.
func (d *Disk) Room() int64 {
	return d.usage.under(d.room.available(d.usage.promised()))
}
