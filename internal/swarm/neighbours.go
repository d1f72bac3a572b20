package swarm

import (
	"slices"
	"time"
)

const (
	// crowdSpan is how much of the film one crowd is spread over, in seconds.
	crowdSpan = 30
	// farAway is how far apart two viewers' places are when they have nothing to give each other, in seconds.
	farAway = 120
	// lagging is how far behind a neighbour may be and still need a chunk at about the same time, in seconds.
	lagging = 15

	// How many are looked at for each choice: of the crowds around, of the network, of all.
	lookAround, lookNear, lookAnywhere = 32, 16, 8

	improveEvery = 15 * time.Second
	// avoidSoon, avoidSlow and avoidUnreachable are how long two are not introduced again.
	avoidSoon        = 5 * time.Second
	avoidSlow        = 2 * time.Minute
	avoidUnreachable = 5 * time.Minute
)

// placeKey is a part of the film in a rendition; viewers there are a crowd.
type placeKey struct {
	rendition uint16
	part      int32
}

// placeAnew puts a viewer into the crowd of where it is.
func (r *Room) placeAnew(v *viewer) {
	key := placeKey{part: int32(v.position / crowdSpan)}
	if len(v.renditions) > 0 {
		key.rendition = v.renditions[0]
	}
	if v.placed && v.place == key {
		return
	}
	r.unplace(v)
	crowd := r.crowds[key]
	if crowd == nil {
		crowd = &roster{kind: inPlace}
		r.crowds[key] = crowd
	}
	crowd.add(v)
	v.place, v.placed = key, true
}

func (r *Room) unplace(v *viewer) {
	if !v.placed {
		return
	}
	crowd := r.crowds[v.place]
	crowd.remove(v)
	if len(crowd.members) == 0 {
		delete(r.crowds, v.place)
	}
	v.placed = false
}

// overlap tells how much two viewers can give each other by where they are: 0 for nothing, up to 1.
func overlap(a, b *viewer) float32 {
	if a.stateAt.IsZero() || b.stateAt.IsZero() {
		return 0
	}
	common := 0
	for _, n := range a.renditions {
		if slices.Contains(b.renditions, n) {
			common++
		}
	}
	near := 1 - abs(a.position-b.position)/farAway
	if near <= 0 || common == 0 {
		return 0
	}
	return near * float32(common) / float32(max(len(a.renditions), len(b.renditions)))
}

// goesAlong tells whether a neighbour will need what v needs, at about the same time or earlier.
func goesAlong(v, p *viewer) bool { return overlap(v, p) > 0 && p.position >= v.position-lagging }

// may tells whether two can become neighbours now.
func may(a, b *viewer, now time.Time) bool {
	return b.present() && exchange(a, b) && a.tieTo(b) < 0 && !a.avoids(b.id, now) && !b.avoids(a.id, now)
}

// worth puts candidates in order: those with something to give first, then those on the same network, then those
// with few neighbours.
func worth(v, p *viewer) float32 {
	w := 1 - float32(len(p.ties))/maxTies
	if o := overlap(v, p); o > 0 {
		w += 8 + o
	}
	if near(v, p) {
		w += 4
	}
	if p.stranded() || !p.doubted.IsZero() {
		w -= 6
	}
	return w
}

// lookAfter finds neighbours for a viewer that lacks some, and now and then exchanges one that is of no use.
func (r *Room) lookAfter(v *viewer, moved bool, now time.Time) {
	if now.Before(v.tryAt) || v.stateAt.IsZero() {
		return
	}
	if len(v.ties) < goodTies {
		r.fill(v, now)
	}
	// Tried in vain, it is tried less and less often; a neighbour lost makes it be tried at once.
	v.tries = min(v.tries+1, 4)
	v.tryAt = now.Add(time.Second << v.tries)
	if moved || now.Sub(v.improved) >= improveEvery {
		r.improve(v, now)
	}
}

// fill ties v to the best of some candidates, and one at random.
func (r *Room) fill(v *viewer, now time.Time) {
	candidates := r.candidates(v, now)
	for _, p := range candidates {
		if len(v.ties) >= goodTies-1 {
			break
		}
		if len(p.ties) < maxTies {
			r.tie(v, p, false)
		}
	}
	if p := r.stranger(v, now); p != nil && len(v.ties) < goodTies {
		r.tie(v, p, true)
	}
	for _, p := range candidates {
		if len(v.ties) >= minTies {
			break
		}
		r.squeeze(v, p, now)
	}
}

// squeeze puts v between p, who has no room for more, and one of p's neighbours.
func (r *Room) squeeze(v, p *viewer, now time.Time) {
	if !may(v, p, now) {
		return
	}
	if len(p.ties) < maxTies {
		r.tie(v, p, false)
		return
	}
	var worst *viewer
	for _, t := range p.ties {
		if q := t.peer; may(v, q, now) && (worst == nil || worth(p, q) < worth(p, worst)) {
			worst = q
		}
	}
	if worst == nil {
		return
	}
	r.part(p, worst, now)
	r.tie(v, p, false)
	r.tie(v, worst, false)
}

// improve exchanges a neighbour that has nothing to give, and is not the one at random, for one that has.
func (r *Room) improve(v *viewer, now time.Time) {
	v.improved = now
	i := slices.IndexFunc(v.ties, func(t tie) bool { return !t.random && overlap(v, t.peer) == 0 })
	if i < 0 {
		return
	}
	for _, p := range r.candidates(v, now) {
		if overlap(v, p) > 0 && len(p.ties) < maxTies {
			r.part(v, v.ties[i].peer, now)
			r.tie(v, p, false)
			return
		}
	}
}

// meet ties v to somebody who has a chunk, and tells whether there was one.
func (r *Room) meet(v *viewer, c chunkKey, now time.Time) bool {
	if len(v.ties) >= maxTies || v.stranded() {
		return false
	}
	for _, p := range r.sample(v) {
		if p.counted && p.have.has(c) && len(p.ties) < maxTies && may(v, p, now) {
			r.tie(v, p, false)
			return true
		}
	}
	return false
}

// candidates returns some that v may be tied to, the best first.
func (r *Room) candidates(v *viewer, now time.Time) []*viewer {
	all := slices.DeleteFunc(r.sample(v), func(p *viewer) bool { return !may(v, p, now) })
	slices.SortStableFunc(all, func(a, b *viewer) int {
		switch wa, wb := worth(v, a), worth(v, b); {
		case wa > wb:
			return -1
		case wa < wb:
			return 1
		}
		return 0
	})
	return all
}

// sample returns viewers who are around in the film, on the network, and anywhere; in a small room all.
func (r *Room) sample(v *viewer) (all []*viewer) {
	take := func(from *roster, most int) {
		n := len(from.members)
		if n == 0 {
			return
		}
		start := r.random.IntN(n)
		for i := range min(n, most) {
			if p := from.members[(start+i)%n]; p != v && !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	if r.Viewers() <= smallRoom {
		take(&r.everyone, smallRoom)
		return all
	}
	for _, d := range []int32{0, 1, -1, 2, -2, 3, -3} {
		if crowd := r.crowds[placeKey{v.place.rendition, v.place.part + d}]; crowd != nil && v.placed {
			take(crowd, (lookAround-len(all)+1)/2)
		}
	}
	if v.network != nil {
		take(&v.network.roster, lookNear)
	}
	take(&r.everyone, lookAnywhere)
	return all
}

// stranger returns somebody at random with room for a neighbour.
func (r *Room) stranger(v *viewer, now time.Time) *viewer {
	for range lookAnywhere {
		p := r.everyone.members[r.random.IntN(len(r.everyone.members))]
		if len(p.ties) < maxTies && may(v, p, now) {
			return p
		}
	}
	return nil
}

// tie makes two neighbours and introduces them; the first, who is known to be awake, makes the offer.
func (r *Room) tie(a, b *viewer, random bool) {
	a.ties = append(a.ties, tie{b, random})
	b.ties = append(b.ties, tie{a, random})
	m := r.peersFor(a)
	m.Add = append(m.Add, introduction(b, a, true))
	m = r.peersFor(b)
	m.Add = append(m.Add, introduction(a, b, false))
}

func introduction(of, to *viewer, offer bool) Peer {
	return Peer{Viewer: of.id, Name: of.name, Near: near(of, to), Offer: offer}
}

// describe returns how a viewer is introduced to its neighbours, in their order; nothing for no viewer.
func describe(v *viewer) (all []Peer) {
	if v != nil {
		for _, t := range v.ties {
			all = append(all, introduction(v, t.peer, false))
		}
	}
	return all
}

// introduceAnew tells those neighbours of v for whom it is not what they know.
func (r *Room) introduceAnew(v *viewer, known []Peer) {
	for i, p := range describe(v) {
		if p != known[i] {
			m := r.peersFor(v.ties[i].peer)
			m.Add = append(m.Add, p)
		}
	}
}

// untie ends that two are neighbours, and tells nobody.
func (r *Room) untie(a, b *viewer, now time.Time) {
	for _, x := range [][2]*viewer{{a, b}, {b, a}} {
		v, p := x[0], x[1]
		v.ties = slices.DeleteFunc(v.ties, func(t tie) bool { return t.peer == p })
		v.remember(p.id, now.Add(avoidSoon))
		v.tryAt, v.tries = now, 0
	}
}

// forgive lets v and those it parted from meet again at once, unless something was wrong between them: a switch parted
// them, and one that is moved back is to be felt.
func (r *Room) forgive(v *viewer, now time.Time) {
	for _, p := range v.past {
		v.shorten(p.id, now)
		if other := r.viewers[p.id]; other != nil {
			other.shorten(v.id, now)
		}
	}
}

// part is untie and tells both.
func (r *Room) part(a, b *viewer, now time.Time) {
	r.untie(a, b, now)
	r.tellRemoved(a, b.id)
	r.tellRemoved(b, a.id)
}
