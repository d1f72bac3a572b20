package repair

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// transfers is how many chunks are pulled at once: enough to hide the way to others and to the disk.
	transfers = 8
	// fetchTimeout is how long a chunk may take on its way.
	fetchTimeout = time.Minute
	// lookAgain is how often is looked whether what holds up copying is over.
	lookAgain = 10 * time.Second
	// stubborn is how many failures of a chunk an operator is told of.
	stubborn = 3
)

// copies pulls what the queue has until ctx ends.
func (r *Repairer) copies(ctx context.Context) {
	slots := make(chan struct{}, transfers)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		j := r.next(ctx)
		if j == nil {
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			r.copy(ctx, j)
		})
	}
}

// next waits for a job, for leave to do it, and for its share of the rate; nil when ctx ended.
func (r *Repairer) next(ctx context.Context) *job {
	for {
		wait := lookAgain
		if !r.paused() && r.hasRoom() {
			j, more := r.queue.take()
			if more {
				r.Kick()
			}
			if j != nil {
				if r.pace(ctx, j.size(), j.copies) != nil {
					r.queue.done(j)
					return nil
				}
				return j
			}
			r.rests()
			wait = r.cfg.Every // There is nothing to wait for but the queue.
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.queue.filled:
		case <-r.resume:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pace waits until so many bytes may be moved: half as fast while people watch, twice as fast for the last copy.
func (r *Repairer) pace(ctx context.Context, bytes int64, copies int) error {
	tokens := int(bytes)
	if r.cfg.Watching() {
		tokens *= 2
	}
	if copies == 1 {
		tokens = (tokens + 1) / 2
	}
	return r.limiter.WaitN(ctx, tokens)
}

// hasRoom tells whether the disk can take more, and says so once when it cannot.
func (r *Repairer) hasRoom() bool {
	room := r.cfg.Local.Room() >= transfers*chunk.MaxSize
	left := r.queue.left()
	r.mu.Lock()
	room = room && time.Since(r.refused) >= lookAgain
	before := r.full
	r.full = !room && left.Chunks > 0
	now := r.full
	r.mu.Unlock()
	if now && !before {
		r.log.Warn("disk is full: chunks that this node is to hold are not copied", "chunks", left.Chunks, "bytes", left.Bytes)
		r.cfg.Events(Event{Kind: Full, Chunks: left.Chunks, Bytes: left.Bytes})
	}
	return room
}

// copy carries out a job and notes what came of it.
func (r *Repairer) copy(ctx context.Context, j *job) {
	size, err := r.pull(ctx, j)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, chunk.ErrFull):
		r.mu.Lock()
		r.refused = time.Now()
		r.mu.Unlock()
	case err != nil:
		if tries := r.failing.add(j, time.Now()); tries == stubborn {
			r.log.Warn("chunk could not be copied", "chunk", j.ref, "from", j.nodes(), "tries", tries, "err", err)
		}
		signal(r.failed)
	default:
		r.failing.remove(j.ref)
		if size > 0 {
			r.copied(size)
		}
	}
	r.queue.done(j)
	if r.queue.left().Chunks == 0 {
		signal(r.resume)
	}
}

// pull brings a chunk to this node, unless that became needless, and returns how many bytes were pulled.
func (r *Repairer) pull(ctx context.Context, j *job) (int64, error) {
	if r.paused() || !r.cfg.Layouts()[0].Holds(r.cfg.Self, placement.GroupOf(j.ref)) {
		return 0, nil
	}
	if _, err := r.cfg.Local.Stat(ctx, j.ref); !errors.Is(err, chunk.ErrNotFound) {
		return 0, err
	}
	data, err := r.fetch(ctx, j)
	if err != nil {
		return 0, err
	}
	defer chunk.Release(data)
	if _, err := r.cfg.Local.Put(ctx, data); err != nil {
		return 0, err
	}
	return int64(len(data)), nil
}

// fetch asks those that agree on the size of a chunk, and then the others.
func (r *Repairer) fetch(ctx context.Context, j *job) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var failed []error
	for _, o := range j.offers {
		data, err := r.cfg.Peers.Fetch(ctx, o.from, chunk.Info{Ref: j.ref, Size: o.size})
		if err == nil {
			err = chunk.Verify(j.ref, data)
		}
		if err == nil {
			return data, nil
		}
		failed = append(failed, err)
	}
	return nil, fmt.Errorf("copy chunk %s: %w", j.ref, errors.Join(failed...))
}
