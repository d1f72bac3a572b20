package swarm

import (
	"fmt"
	"slices"
	"time"
)

// The bounds of the room, for tests.
const (
	MinTies, MaxTies = minTies, maxTies
	SmallRoom        = smallRoom
	LeaseTime        = leaseTime
	MaxSpans         = maxSpans
	MessageBurst     = messageBurst
)

// Check tells what does not fit together in what the room keeps; every step leaves it whole.
func (r *Room) Check() error {
	for id, v := range r.viewers {
		if id != v.id {
			return fmt.Errorf("%s is listed as %s", v.id, id)
		}
		for _, f := range []func(*viewer) error{r.checkTies, r.checkSpans, r.checkPlaces, r.checkBounds} {
			if err := f(v); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	if err := r.checkTallies(); err != nil {
		return err
	}
	return r.checkLeases()
}

func (r *Room) checkTies(v *viewer) error {
	if len(v.ties) > maxTies {
		return fmt.Errorf("%d neighbours", len(v.ties))
	}
	for i, t := range v.ties {
		switch {
		case r.viewers[t.peer.id] != t.peer:
			return fmt.Errorf("neighbour %s is a stranger", t.peer.id)
		case t.peer.tieTo(v) < 0:
			return fmt.Errorf("%s does not know of it", t.peer.id)
		case v.tieTo(t.peer) != i:
			return fmt.Errorf("%s is there twice", t.peer.id)
		case v.present() && t.peer.present() && !exchange(v, t.peer):
			return fmt.Errorf("%s may not be there", t.peer.id)
		case v.isParted(t.peer.id):
			return fmt.Errorf("%s was parted for good", t.peer.id)
		}
	}
	return nil
}

func (r *Room) checkSpans(v *viewer) error {
	for i, s := range v.have {
		if s.first >= s.end || s.end > r.renditions[s.rendition].chunks {
			return fmt.Errorf("has %v", s)
		}
		if i > 0 && (v.have[i-1].rendition > s.rendition || v.have[i-1].rendition == s.rendition && v.have[i-1].end >= s.first) {
			return fmt.Errorf("has %v after %v", s, v.have[i-1])
		}
	}
	return nil
}

func (r *Room) checkPlaces(v *viewer) error {
	in := func(x *roster) bool {
		return int(v.places[x.kind]) < len(x.members) && x.members[v.places[x.kind]] == v
	}
	switch {
	case in(&r.everyone) != v.present():
		return fmt.Errorf("in the room %v", in(&r.everyone))
	case slices.Contains(r.away, v) == v.present():
		return fmt.Errorf("away %v", !v.present())
	case v.present() && v.network != nil && (!in(&v.network.roster) || r.networks[v.network.key] != v.network):
		return fmt.Errorf("is not in its network")
	case v.placed && (!v.present() || !in(r.crowds[v.place])):
		return fmt.Errorf("is not in its crowd")
	}
	return nil
}

func (r *Room) checkBounds(v *viewer) error {
	for name, n := range map[string][2]int{
		"spans": {len(v.have), maxSpans + 1}, "leases": {len(v.leases), maxLease}, "waits": {len(v.waits), maxWaits},
		"ready": {len(v.ready), maxTold}, "past": {len(v.past), maxPast}, "parted": {len(v.parted), maxParted},
		"doubts": {len(v.doubts), maxTies}, "reporters": {len(v.reporters), bansBy}, "renditions": {len(v.renditions), maxRenditions},
	} {
		if n[0] > n[1] {
			return fmt.Errorf("%d %s", n[0], name)
		}
	}
	if !v.present() && len(v.leases)+len(v.waits)+len(v.have) > 0 {
		return fmt.Errorf("is away and holds something")
	}
	return nil
}

// checkTallies counts everything again.
func (r *Room) checkTallies() error {
	shared := make(tally)
	held := make(map[*network]tally)
	lan := make(map[*network]int)
	for _, v := range r.viewers {
		if v.present() && v.share == ShareLAN && v.network != nil {
			lan[v.network]++
		}
	}
	for _, v := range r.viewers {
		if !v.counted {
			continue
		}
		if v.share == ShareAll {
			v.have.each(func(s span) { shared.change(s, 1) })
		}
		if n := v.network; n != nil && lan[n] > 0 {
			if held[n] == nil {
				held[n] = make(tally)
			}
			v.have.each(func(s span) { held[n].change(s, 1) })
		}
	}
	if !same(shared, r.shared) {
		return fmt.Errorf("what is shared is counted wrong")
	}
	for _, n := range r.networks {
		if n.lan != lan[n] || (n.held != nil) != (n.lan > 0) || !same(held[n], n.held) {
			return fmt.Errorf("network %s is counted wrong: %d, want %d", n.key, n.lan, lan[n])
		}
	}
	return nil
}

func same(a, b tally) bool {
	if len(a) != len(b) {
		return false
	}
	for key, p := range a {
		if b[key] == nil || *b[key] != *p {
			return false
		}
	}
	return true
}

func (r *Room) checkLeases() error {
	count := 0
	var before time.Time
	for l := r.first; l != nil; l = l.next {
		count++
		if l.expires.Before(before) || !slices.Contains(l.holder.leases, l) || r.entries[l.chunk] == nil || !slices.Contains(r.entries[l.chunk].leases, l) {
			return fmt.Errorf("lease of %v is not where it belongs", l.chunk)
		}
		before = l.expires
	}
	for c, e := range r.entries {
		if len(e.leases)+len(e.line) == 0 {
			return fmt.Errorf("entry of %v is empty", c)
		}
		count -= len(e.leases)
		for i, l := range e.leases {
			for _, earlier := range e.leases[:i] {
				// The one promise: leave is given once, to all who could give each other the chunk.
				if !l.urgent && (earlier.holder == l.holder || supplies(earlier.holder, l.holder)) {
					return fmt.Errorf("%s and %s have leave for %v", earlier.holder.id, l.holder.id, c)
				}
			}
		}
		for _, w := range e.line {
			if !w.waitsFor(c) {
				return fmt.Errorf("%s does not know that it waits for %v", w.id, c)
			}
			if r.settled && !r.fetched(w, c) {
				return fmt.Errorf("%s waits for %v in vain", w.id, c)
			}
		}
	}
	if count != 0 {
		return fmt.Errorf("%d leases are not listed", -count)
	}
	return nil
}

// Ties returns a viewer's neighbours.
func (r *Room) Ties(id ID) (ids []ID) {
	if v := r.viewers[id]; v != nil {
		for _, t := range v.ties {
			ids = append(ids, t.peer.id)
		}
	}
	return ids
}

// Here tells whether a viewer is in the room.
func (r *Room) Here(id ID) bool { v := r.viewers[id]; return v != nil && v.present() }
