package repair

import "time"

// work is one stretch of pulling, from what a round found to an empty queue.
type work struct {
	going bool
	done  Total
}

// begins notes what a round found to pull, and says so when nothing was being pulled.
func (r *Repairer) begins(found Total) {
	if found.Chunks == 0 {
		return
	}
	r.mu.Lock()
	fresh := !r.work.going
	r.work.going = true
	r.mu.Unlock()
	if fresh {
		r.log.Info("chunks are copied to this node", "chunks", found.Chunks, "bytes", found.Bytes)
		r.cfg.Events(Event{Kind: Began, Chunks: found.Chunks, Bytes: found.Bytes})
	}
	signal(r.resume) // All of it may be here by now.
}

// copied counts a chunk that was pulled.
func (r *Repairer) copied(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.work.done.add(size)
	r.total.add(size)
	r.meter.add(time.Now(), size)
}

// rests notes that there is nothing to pull, and says what was.
func (r *Repairer) rests() {
	if r.queue.left().Chunks > 0 {
		return
	}
	failing := r.failing.count(time.Now())
	r.mu.Lock()
	ended := r.work
	if ended.going {
		r.work = work{}
	}
	r.mu.Unlock()
	if ended.going {
		r.log.Info("copying chunks to this node ended", "chunks", ended.done.Chunks, "bytes", ended.done.Bytes, "failing", failing)
		r.cfg.Events(Event{Kind: Ended, Chunks: ended.done.Chunks, Bytes: ended.done.Bytes, Left: failing})
	}
}

// meterSpan is how many seconds a meter looks back.
const meterSpan = 10

// meter measures bytes a second.
type meter struct {
	// begun is when bytes came after none had for a while.
	begun time.Time
	// last is the second that was counted last, since begun; seconds has the bytes of those up to it.
	last    int64
	seconds [meterSpan]int64
}

// advance forgets the seconds that are too long ago.
func (m *meter) advance(now time.Time) (second int64) {
	second = int64(now.Sub(m.begun) / time.Second)
	if m.begun.IsZero() || second-m.last >= meterSpan {
		*m = meter{begun: now}
		return 0
	}
	for ; m.last < second; m.last++ {
		m.seconds[(m.last+1)%meterSpan] = 0
	}
	return second
}

func (m *meter) add(now time.Time, bytes int64) {
	m.seconds[m.advance(now)%meterSpan] += bytes
}

func (m *meter) rate(now time.Time) int64 {
	m.advance(now)
	var sum int64
	for _, bytes := range m.seconds {
		sum += bytes
	}
	span := min(max(now.Sub(m.begun), time.Second), meterSpan*time.Second)
	return int64(float64(sum) / span.Seconds())
}
