package swarm

import (
	"slices"
	"time"
)

const (
	// maxWaits bounds the chunks that a viewer stands in line for, maxLine the viewers in a line.
	maxWaits, maxLine = 64, 256
	// A viewer whose leases ran out so often within doubtTime holds nobody up any more.
	maxLapses = 3
	// readyPatience is how long a chunk that somebody has may take to come, before its not coming says something.
	readyPatience = 3 * time.Second
	// So many others must have waited in vain for a viewer's chunks, each so often within doubtSpan.
	doubters, doubtsEach = 2, 3
	doubtSpan            = 30 * time.Second
)

// entry is a chunk that is being fetched, or waited for.
type entry struct {
	leases []*lease // more than one where they are of no use to each other, or without leave
	line   []*viewer
}

// lease is leave to fetch a chunk. All leases are in a list in the order in which they run out.
type lease struct {
	chunk      chunkKey
	holder     *viewer
	expires    time.Time
	urgent     bool // taken without leave
	prev, next *lease
}

// appendChunk adds a chunk to a list, to its last run where it follows that.
func appendChunk(list *Runs, rendition string, ordinal uint32) {
	if n := len(*list); n > 0 {
		last := &(*list)[n-1]
		if last.Rendition == rendition && last.First+last.Count == ordinal && last.Count < maxRunCount {
			last.Count++
			return
		}
	}
	*list = append(*list, Run{rendition, ordinal, 1})
}

func (r *Room) takeLease(v *viewer, m *Lease, now time.Time) {
	a := &Leases{Epoch: r.epoch}
	for _, run := range m.Chunks {
		known := r.span(run)
		for i := range run.Count {
			ordinal := run.First + i
			c := chunkKey{known.rendition, ordinal}
			switch {
			case ordinal < known.first || ordinal >= known.end: // the origin will say what is wrong with it
				appendChunk(&a.Granted, run.Rendition, ordinal)
			case m.Urgent:
				r.fetchesUrgently(v, c, now)
				appendChunk(&a.Granted, run.Rendition, ordinal)
			default:
				r.ask(v, c, now, a, run.Rendition)
			}
		}
	}
	r.send(v, a)
}

// ask decides about one chunk that v would like to fetch.
func (r *Room) ask(v *viewer, c chunkKey, now time.Time, a *Leases, name string) {
	switch {
	case v.share == ShareOff, v.alone(), r.holds(v, c):
		r.counts.Granted++
		appendChunk(&a.Granted, name, c.ordinal)
	case r.has(v, c) && r.comes(v, c, now):
		r.leaveLine(v, c)
		v.remind(c, now)
		r.counts.Ready++
		appendChunk(&a.Ready, name, c.ordinal)
	case r.fetched(v, c), !r.settled:
		r.enterLine(v, c)
		r.counts.Held++
		appendChunk(&a.Held, name, c.ordinal)
	default:
		r.grant(v, c, now)
		r.counts.Granted++
		appendChunk(&a.Granted, name, c.ordinal)
	}
}

// has tells whether a chunk lies with somebody that v can get it from, straight or hand to hand.
func (r *Room) has(v *viewer, c chunkKey) bool {
	own := 0
	if v.counted && v.have.has(c) {
		own = 1
	}
	if n := v.network; n != nil && n.held != nil && n.held.count(c) > own {
		return true
	}
	if v.share != ShareAll {
		own = 0 // what it has is not among what is shared with everybody
	}
	return v.share != ShareLAN && r.shared.count(c) > own
}

// comes tells whether a chunk that somebody has will reach v: a neighbour has it, or goes the same way and will pass
// it on, or else one who has it can become a neighbour.
func (r *Room) comes(v *viewer, c chunkKey, now time.Time) bool {
	for _, t := range v.ties {
		if p := t.peer; p.present() && p.counted && p.have.has(c) {
			return true
		}
	}
	for _, t := range v.ties {
		if t.peer.present() && t.peer.gives() && goesAlong(v, t.peer) {
			return true
		}
	}
	return r.meet(v, c, now)
}

// fetched tells whether somebody whose fetching is of use to v has a lease.
func (r *Room) fetched(v *viewer, c chunkKey) bool {
	e := r.entries[c]
	return e != nil && slices.ContainsFunc(e.leases, func(l *lease) bool { return l.holder != v && supplies(l.holder, v) })
}

func (r *Room) holds(v *viewer, c chunkKey) bool {
	return slices.ContainsFunc(v.leases, func(l *lease) bool { return l.chunk == c })
}

// grant gives v leave to fetch a chunk. It keeps others waiting only if it will be of use to them.
func (r *Room) grant(v *viewer, c chunkKey, now time.Time) *lease {
	r.leaveLine(v, c)
	l := &lease{chunk: c, holder: v, expires: now.Add(leaseTime), prev: r.last}
	if !v.helps(now) || len(v.leases) >= maxLease {
		return l
	}
	if r.last == nil {
		r.first = l
	} else {
		r.last.next = l
	}
	r.last = l
	v.leases = append(v.leases, l)
	e := r.entry(c)
	e.leases = append(e.leases, l)
	return l
}

func (r *Room) entry(c chunkKey) *entry {
	e := r.entries[c]
	if e == nil {
		e = new(entry)
		r.entries[c] = e
	}
	return e
}

// end takes a lease off all lists. What waits for it is settled by the caller.
func (r *Room) end(l *lease) {
	if l.prev == nil {
		r.first = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		r.last = l.prev
	} else {
		l.next.prev = l.prev
	}
	same := func(x *lease) bool { return x == l }
	l.holder.leases = slices.DeleteFunc(l.holder.leases, same)
	e := r.entries[l.chunk]
	e.leases = slices.DeleteFunc(e.leases, same)
	r.tidy(l.chunk, e)
}

func (r *Room) tidy(c chunkKey, e *entry) {
	if len(e.leases) == 0 && len(e.line) == 0 {
		delete(r.entries, c)
	}
}

func (r *Room) enterLine(v *viewer, c chunkKey) {
	if v.waitsFor(c) || len(v.waits) >= maxWaits {
		return
	}
	if e := r.entry(c); len(e.line) < maxLine {
		e.line = append(e.line, v)
		v.waits = append(v.waits, c)
	} else {
		r.tidy(c, e)
	}
}

func (r *Room) leaveLine(v *viewer, c chunkKey) {
	if i := slices.Index(v.waits, c); i >= 0 {
		v.waits = slices.Delete(v.waits, i, i+1)
		e := r.entries[c]
		e.line = slices.DeleteFunc(e.line, func(w *viewer) bool { return w == v })
		r.tidy(c, e)
	}
}

// settle goes through the line of a chunk: what it waited for is there, or still comes, or falls to who is first.
func (r *Room) settle(c chunkKey, now time.Time) {
	e := r.entries[c]
	if e == nil || !r.settled {
		return
	}
	for _, w := range slices.Clone(e.line) {
		switch {
		case r.has(w, c):
			r.leaveLine(w, c)
			w.remind(c, now)
		case r.fetched(w, c):
		default:
			r.grant(w, c, now)
			r.counts.Granted++
			m := r.leasesFor(w)
			appendChunk(&m.Granted, r.renditions[c.rendition].name, c.ordinal)
		}
	}
}

// leasesFor returns the message that tells v what fell to it in this step.
func (r *Room) leasesFor(v *viewer) *Leases {
	for i := len(r.out) - 1; i >= max(0, len(r.out)-32); i-- {
		if m, ok := r.out[i].Message.(*Leases); ok && r.out[i].To == v.id {
			return m
		}
	}
	m := &Leases{Epoch: r.epoch}
	r.send(v, m)
	return m
}

// settleAll answers what waited for the end of the grace.
func (r *Room) settleAll(now time.Time) {
	for _, c := range sortedKeys(r.entries) {
		r.settle(c, now)
	}
}

// sortedKeys has one order for what a map has in any, so that a run can be repeated.
func sortedKeys(entries map[chunkKey]*entry) []chunkKey {
	keys := make([]chunkKey, 0, len(entries))
	for c := range entries {
		keys = append(keys, c)
	}
	slices.SortFunc(keys, func(a, b chunkKey) int {
		if a.rendition != b.rendition {
			return int(a.rendition) - int(b.rendition)
		}
		return int(int64(a.ordinal) - int64(b.ordinal))
	})
	return keys
}

// endLeases gives up all that v fetches or waits for.
func (r *Room) endLeases(v *viewer, now time.Time) {
	for len(v.waits) > 0 {
		r.leaveLine(v, v.waits[0])
	}
	var ended []chunkKey
	for len(v.leases) > 0 {
		ended = append(ended, v.leases[0].chunk)
		r.end(v.leases[0])
	}
	for _, c := range ended {
		r.settle(c, now)
	}
}

// gotChunks ends what v fetched or waited for and has now, and tells those who wait.
func (r *Room) gotChunks(v *viewer, fresh []span, now time.Time) {
	has := func(c chunkKey) bool { return slices.ContainsFunc(fresh, func(s span) bool { return s.has(c) }) }
	v.ready = slices.DeleteFunc(v.ready, func(x readySince) bool { return has(x.chunk) })
	for _, l := range slices.Clone(v.leases) {
		if has(l.chunk) {
			r.end(l)
		}
	}
	for _, c := range slices.Clone(v.waits) {
		if has(c) {
			r.leaveLine(v, c)
		}
	}
	// Whichever are fewer: the chunks that are new, or those that anybody waits for.
	total := 0
	for _, s := range fresh {
		total += int(s.end - s.first)
	}
	if total > len(r.entries) {
		for _, c := range sortedKeys(r.entries) {
			if has(c) {
				r.settle(c, now)
			}
		}
		return
	}
	for _, s := range fresh {
		for at := s.first; at < s.end; at++ {
			r.settle(chunkKey{s.rendition, at}, now)
		}
	}
}

func (r *Room) takeRelease(v *viewer, m *Release, now time.Time) {
	for _, run := range m.Chunks {
		s := r.span(run)
		for _, c := range slices.Clone(v.waits) {
			if s.has(c) {
				r.leaveLine(v, c)
			}
		}
		for _, l := range slices.Clone(v.leases) {
			if s.has(l.chunk) {
				r.end(l)
				r.settle(l.chunk, now)
			}
		}
		v.ready = slices.DeleteFunc(v.ready, func(x readySince) bool { return s.has(x.chunk) })
	}
}

// expireLeases ends what has run out. Who lets that happen again and again holds nobody up for a while.
func (r *Room) expireLeases(now time.Time) {
	for r.first != nil && !now.Before(r.first.expires) {
		l := r.first
		v := l.holder
		if now.Sub(v.lapsedAt) > doubtTime {
			v.lapses = 0
		}
		v.lapsedAt = now
		if v.lapses++; v.lapses >= maxLapses {
			r.doubt(v, now)
		}
		r.end(l)
		r.counts.Expired++
		r.settle(l.chunk, now)
	}
}

// doubt lets what v has or fetches count for nothing, for a while.
func (r *Room) doubt(v *viewer, now time.Time) {
	r.uncount(v)
	v.doubted = now.Add(doubtTime)
}

// remind notes that v waits for a chunk that somebody has.
func (v *viewer) remind(c chunkKey, now time.Time) {
	if !slices.ContainsFunc(v.ready, func(x readySince) bool { return x.chunk == c }) {
		v.ready = appendBounded(v.ready, readySince{c, now}, maxTold)
	}
}

// fetchesUrgently notes that v fetches a chunk without leave. When it had waited for it long enough, those neighbours
// who say that they have it did not give it.
func (r *Room) fetchesUrgently(v *viewer, c chunkKey, now time.Time) {
	r.counts.Urgent++
	if i := slices.IndexFunc(v.ready, func(x readySince) bool { return x.chunk == c }); i >= 0 {
		if now.Sub(v.ready[i].since) >= readyPatience {
			for _, t := range v.ties {
				if t.peer.counted && t.peer.have.has(c) {
					r.doubtedBy(t.peer, v.id, now)
				}
			}
		}
		v.ready = slices.Delete(v.ready, i, i+1)
	}
	if !r.holds(v, c) {
		r.grant(v, c, now).urgent = true
	}
}

func (r *Room) doubtedBy(v *viewer, by ID, now time.Time) {
	v.doubts = slices.DeleteFunc(v.doubts, func(d doubt) bool { return now.Sub(d.since) > doubtSpan })
	i := slices.IndexFunc(v.doubts, func(d doubt) bool { return d.by == by })
	if i < 0 {
		v.doubts = appendBounded(v.doubts, doubt{by: by, since: now}, maxTies)
		i = len(v.doubts) - 1
	}
	v.doubts[i].count++
	serious := 0
	for _, d := range v.doubts {
		if d.count >= doubtsEach {
			serious++
		}
	}
	if serious >= doubters {
		r.doubt(v, now)
	}
}
