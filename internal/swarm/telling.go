package swarm

import (
	"slices"
	"time"
)

// mostBytesPerSecond bounds what is believed of a viewer's numbers: 8 Gbit/s.
const mostBytesPerSecond = 1_000_000_000

// enterShare lets a viewer count as its share says.
func (r *Room) enterShare(v *viewer) {
	if n := v.network; n != nil && v.share == ShareLAN {
		if n.lan++; n.lan == 1 {
			n.held = make(tally)
			for _, w := range n.members {
				if w.counted {
					w.have.each(func(s span) { n.held.change(s, 1) })
				}
			}
		}
	}
	r.count(v)
}

// leaveShare undoes enterShare, and gives up the viewer's leases.
func (r *Room) leaveShare(v *viewer, now time.Time) {
	r.uncount(v)
	if n := v.network; n != nil && v.share == ShareLAN {
		if n.lan--; n.lan == 0 {
			n.held = nil
		}
	}
	r.endLeases(v, now)
}

// count lets others be told that they may get what v has.
func (r *Room) count(v *viewer) {
	if !v.counted && v.present() && v.gives() && !v.stranded() && v.doubted.IsZero() {
		v.counted = true
		v.have.each(func(s span) { r.tally(v, s, 1) })
	}
}

func (r *Room) uncount(v *viewer) {
	if v.counted {
		v.have.each(func(s span) { r.tally(v, s, -1) })
		v.counted = false
	}
}

// tally changes the counts of those who may get chunks from v.
func (r *Room) tally(v *viewer, s span, by int) {
	if v.share == ShareAll {
		r.shared.change(s, by)
	}
	if v.network != nil && v.network.held != nil {
		v.network.held.change(s, by)
	}
}

func (s spans) each(f func(span)) {
	for _, x := range s {
		f(x)
	}
}

// takeState is also when a viewer's neighbours are looked after: it comes again and again while the viewer lives.
func (r *Room) takeState(v *viewer, m *State, now time.Time) {
	r.takeBytes(v, m.Bytes, now)
	moved := v.stateAt.IsZero() || abs(float32(m.Position)-v.position) > farAway
	v.stateAt, v.position, v.buffer, v.peers = now, float32(m.Position), float32(m.Buffer), m.Peers
	v.renditions = v.renditions[:0]
	for _, name := range m.Renditions {
		if n, known := r.number(name); known {
			v.renditions = append(v.renditions, n)
		}
	}
	r.placeAnew(v)
	if v.peers > 0 {
		v.fails = 0
	}
	if !v.doubted.IsZero() && !now.Before(v.doubted) {
		v.doubted, v.doubts = time.Time{}, nil
	}
	if v.counted && v.stranded() {
		r.uncount(v)
	}
	r.count(v)
	r.lookAfter(v, moved, now)
	if r.Viewers() > smallRoom {
		r.tellSize(v)
	}
}

// takeBytes keeps a viewer's numbers, and adds to the room's what can be true of the new ones.
func (r *Room) takeBytes(v *viewer, b Bytes, now time.Time) {
	if !v.hasBase {
		v.hasBase = true
		v.base = b
		v.bytes = Bytes{}
		return
	}
	since := v.stateAt
	if since.IsZero() {
		since = v.joined.Add(-connectTime) // it may have begun before it joined
	}
	most := int64(now.Sub(since).Seconds() * mostBytesPerSecond)
	grow := func(sum, base *int64, told int64) int64 {
		grown := min(max(0, told-*base), most)
		*sum += grown
		*base = max(*base, told)
		return grown
	}
	grow(&v.bytes.Origin, &v.base.Origin, b.Origin)
	grow(&v.bytes.Uploaded, &v.base.Uploaded, b.Uploaded)
	r.counts.PeerBytes += grow(&v.bytes.Peers, &v.base.Peers, b.Peers)
}

func (r *Room) takeHave(v *viewer, m *Have, now time.Time) {
	change := func(by int) func(span) {
		return func(s span) {
			if v.counted {
				r.tally(v, s, by)
			}
		}
	}
	if m.Full {
		v.have.each(change(-1))
		v.have = v.have[:0]
	}
	var fresh []span
	for _, run := range m.Add {
		if s := r.span(run); s.first < s.end {
			v.have.add(s, func(s span) {
				change(1)(s)
				fresh = append(fresh, s)
			})
		}
	}
	for _, run := range m.Drop {
		if s := r.span(run); s.first < s.end {
			v.have.drop(s, change(-1))
		}
	}
	v.have = slices.Clip(v.have)
	r.gotChunks(v, fresh, now)
}

func (r *Room) takeShare(v *viewer, share Share, now time.Time) {
	if share == v.share {
		return
	}
	if v.share == ShareOff {
		v.shares = now
	}
	r.leaveShare(v, now)
	v.share = share
	r.enterShare(v)
	r.untieStrangers(v, now)
	if v.switches.take(now, switchBurst, switchRate) {
		r.forgive(v, now)
	}
	v.tryAt = now
	r.lookAfter(v, false, now)
}

// untieStrangers parts a viewer from neighbours that the switches do not allow any more.
func (r *Room) untieStrangers(v *viewer, now time.Time) {
	for _, t := range slices.Clone(v.ties) {
		if !exchange(v, t.peer) {
			r.untie(v, t.peer, now)
			r.tellRemoved(v, t.peer.id)
			r.tellRemoved(t.peer, v.id)
		}
	}
}

func abs(x float32) float32 { return max(x, -x) }
