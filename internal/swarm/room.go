package swarm

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

const (
	// maxRoomRenditions bounds the renditions of a video that a room takes note of.
	maxRoomRenditions = 64
	// maxBanned bounds the viewers that a room remembers as banned.
	maxBanned = 1024
	// maxDepartures bounds how many viewers a Tick forgets, so that no Tick takes long.
	maxDepartures = 500
)

// Counts are what happened in rooms since they began.
type Counts struct {
	// Granted, Held and Ready count the answers for a chunk, Urgent the chunks fetched without leave, and Expired
	// the leases that ran out.
	Granted, Held, Ready, Urgent, Expired int64
	// Reports counts the chunks with wrong bytes that viewers told of.
	Reports int64
	// PeerBytes are the bytes that viewers say they got from each other, as far as that can be true.
	PeerBytes int64
}

// Room is the viewers of one video.
type Room struct {
	epoch  int64
	random *rand.Rand
	counts *Counts

	viewers  map[ID]*viewer
	everyone roster // who is here
	away     []*viewer
	networks map[netip.Prefix]*network
	crowds   map[placeKey]*roster
	banned   []ID

	renditions []rendition
	shared     tally // what viewers have who give to everybody
	entries    map[chunkKey]*entry
	first      *lease // the oldest
	last       *lease
	born       time.Time
	grace      time.Time // until when nothing is granted
	settled    bool      // whether what waited for the end of grace was answered

	noticed  int // the number of viewers of the last notice
	noticeAt time.Time
	idle     time.Time // when somebody was forgotten last

	out []Envelope
}

// rendition is one of the video's, with the number of chunks that are known of it.
type rendition struct {
	name   string
	chunks uint32
}

// NewRoom returns an empty room. Epochs of a video's rooms grow.
func NewRoom(epoch int64, now time.Time, random *rand.Rand) *Room {
	return newRoom(epoch, now, random, new(Counts))
}

func newRoom(epoch int64, now time.Time, random *rand.Rand, counts *Counts) *Room {
	return &Room{
		epoch: epoch, random: random, counts: counts, born: now, idle: now, noticeAt: now, settled: true,
		viewers: make(map[ID]*viewer), networks: make(map[netip.Prefix]*network), crowds: make(map[placeKey]*roster),
		shared: make(tally), entries: make(map[chunkKey]*entry),
	}
}

// Learn takes note that a rendition has at least so many chunks. Viewers' words on others are not believed.
func (r *Room) Learn(name string, chunks uint32) {
	for i := range r.renditions {
		if r.renditions[i].name == name {
			r.renditions[i].chunks = max(r.renditions[i].chunks, chunks)
			return
		}
	}
	if len(r.renditions) < maxRoomRenditions {
		r.renditions = append(r.renditions, rendition{name, chunks})
	}
}

// number returns the number of a rendition that the room knows.
func (r *Room) number(name string) (uint16, bool) {
	i := slices.IndexFunc(r.renditions, func(x rendition) bool { return x.name == name })
	return uint16(max(i, 0)), i >= 0
}

// span returns what of a run is known; it is empty for nothing.
func (r *Room) span(run Run) span {
	n, known := r.number(run.Rendition)
	if !known {
		return span{}
	}
	most := uint64(r.renditions[n].chunks)
	end := min(uint64(run.First)+uint64(run.Count), most)
	return span{n, uint32(min(uint64(run.First), end)), uint32(end)}
}

// Viewers returns how many viewers are here.
func (r *Room) Viewers() int { return len(r.everyone.members) }

// Counts returns what happened so far.
func (r *Room) Counts() Counts { return *r.counts }

// Join lets a viewer in and returns what is to be sent. Who is here already, or was a moment ago, takes its old
// place; the host closes the older connection with Replaced.
func (r *Room) Join(a Arrival, now time.Time) []Envelope {
	if slices.Contains(r.banned, a.ID) {
		return []Envelope{{To: a.ID, Close: Banned}}
	}
	v := r.viewers[a.ID]
	known := describe(v)
	if v == nil {
		v = &viewer{id: a.ID}
		r.viewers[a.ID] = v
	} else if v.present() {
		r.withdraw(v, now)
	} else {
		r.away = slices.DeleteFunc(r.away, func(w *viewer) bool { return w == v })
	}
	v.name, v.share, v.address, v.direct = a.Name, a.Share, a.Address.Unmap(), a.Direct
	v.joined, v.shares, v.left, v.stateAt, v.tryAt, v.tries, v.peers = now, now, time.Time{}, time.Time{}, now, 0, 0
	v.hasBase = v.hasBase || !a.Returns // what a viewer got before the node started was counted then
	r.admit(v)
	r.beginGrace(a.Returns, now)
	r.send(v, r.welcome(v))
	v.told = r.Viewers()
	r.introduceAnew(v, known)
	r.untieStrangers(v, now)
	for _, t := range v.ties {
		m := r.peersFor(v)
		m.Add = append(m.Add, introduction(t.peer, v, true))
	}
	return r.flush()
}

func (r *Room) welcome(v *viewer) *Welcome {
	n := r.Viewers()
	// Large rooms are told less often, so that the node's work grows slower than they do.
	state, have := stateEvery, haveEvery
	switch {
	case n > 2000:
		state, have = 5*stateEvery, 6*haveEvery
	case n > 200:
		state, have = 5*stateEvery/2, 2*haveEvery
	}
	return &Welcome{Viewer: v.id, Epoch: r.epoch, Viewers: n,
		StateMS: state.Milliseconds(), HaveMS: have.Milliseconds(), LeaseMS: leaseTime.Milliseconds()}
}

// beginGrace waits a moment when a viewer comes back to a room that was formed anew.
func (r *Room) beginGrace(returns bool, now time.Time) {
	if returns && r.grace.IsZero() && now.Sub(r.born) < graceAge {
		r.grace, r.settled = now.Add(graceTime), false
	}
}

// admit enters a viewer into what is kept of those who are here.
func (r *Room) admit(v *viewer) {
	r.everyone.add(v)
	v.network = nil
	if key := networkOf(v.address); key.IsValid() {
		n := r.networks[key]
		if n == nil {
			n = &network{key: key, roster: roster{kind: inNetwork}}
			r.networks[key] = n
		}
		v.network = n
		n.add(v)
	}
	r.enterShare(v)
}

// Leave ends a viewer's presence. One that has gone for good is forgotten at once, another one keeps its
// neighbours for a while, since its connections to them live on.
func (r *Room) Leave(id ID, gone bool, now time.Time) []Envelope {
	v := r.viewers[id]
	if v == nil || !v.present() {
		return nil
	}
	r.withdraw(v, now)
	v.left = now
	if gone || len(v.ties) == 0 {
		r.forget(v, now)
	} else {
		r.away = append(r.away, v)
	}
	return r.flush()
}

// withdraw takes a viewer out of what is kept of those who are here; its neighbours stay.
func (r *Room) withdraw(v *viewer, now time.Time) {
	r.leaveShare(v, now)
	v.have, v.ready = nil, nil
	r.everyone.remove(v)
	r.unplace(v)
	if n := v.network; n != nil {
		n.remove(v)
		if len(n.members) == 0 {
			delete(r.networks, n.key)
		}
	}
}

// forget removes a viewer that is not here, and tells its neighbours. Who is back at once, as a page that was put away
// for a moment, may be theirs again.
func (r *Room) forget(v *viewer, now time.Time) {
	for len(v.ties) > 0 {
		p := v.ties[0].peer
		r.untie(v, p, now)
		r.tellRemoved(p, v.id)
	}
	r.forgive(v, now)
	delete(r.viewers, v.id)
	r.idle = now
}

// Handle takes a message of a viewer and returns what is to be sent. Nobody but who has joined is listened to.
func (r *Room) Handle(id ID, m Message, now time.Time) []Envelope {
	v := r.viewers[id]
	if v == nil || !v.present() {
		return nil
	}
	if !v.messages.take(now, messageBurst, messageRate) {
		r.close(v, Flooding, now)
		return r.flush()
	}
	switch m := m.(type) {
	case *State:
		r.takeState(v, m, now)
	case *Have:
		r.takeHave(v, m, now)
	case *Lease:
		r.takeLease(v, m, now)
	case *Release:
		r.takeRelease(v, m, now)
	case *ShareChange:
		r.takeShare(v, m.Share, now)
	case *Signal:
		r.takeSignal(v, m, now)
	case *Failed:
		r.takeFailed(v, m, now)
	case *Report:
		r.takeReport(v, m, now)
	default: // a second join, or what only rooms say
		r.close(v, BadWords, now)
	}
	return r.flush()
}

// Tick does what is due by now and returns what is to be sent.
func (r *Room) Tick(now time.Time) []Envelope {
	r.expireLeases(now)
	if !r.settled && !now.Before(r.grace) {
		r.settled = true
		r.settleAll(now)
	}
	for range maxDepartures {
		if len(r.away) == 0 || now.Sub(r.away[0].left) < awayTime {
			break
		}
		v := r.away[0]
		r.away = slices.Delete(r.away, 0, 1)
		r.forget(v, now)
	}
	if n := r.Viewers(); n != r.noticed && n <= smallRoom && !now.Before(r.noticeAt) {
		r.noticed, r.noticeAt = n, now.Add(noticeEvery)
		for _, v := range r.everyone.members {
			r.tellSize(v)
		}
	}
	return r.flush()
}

// Due returns when Tick has something to do, the zero time for never. Messages change it.
func (r *Room) Due() time.Time {
	var due time.Time
	at := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if r.first != nil {
		at(r.first.expires)
	}
	if !r.settled {
		at(r.grace)
	}
	if len(r.away) > 0 {
		at(r.away[0].left.Add(awayTime))
	}
	if n := r.Viewers(); n != r.noticed && n <= smallRoom {
		at(r.noticeAt)
	}
	return due
}

// tellSize tells a viewer how many there are, if it does not know.
func (r *Room) tellSize(v *viewer) {
	if n := r.Viewers(); v.told != n {
		v.told = n
		r.send(v, &RoomSize{n})
	}
}

func (r *Room) send(v *viewer, m Message) {
	if v.present() {
		r.out = append(r.out, Envelope{To: v.id, Message: m})
	}
}

// close ends a viewer's connection, and forgets it.
func (r *Room) close(v *viewer, code Code, now time.Time) {
	r.withdraw(v, now)
	v.left = now
	r.forget(v, now)
	r.out = append(r.out, Envelope{To: v.id, Close: code})
}

// peersFor returns the message that introduces others to v in this step.
func (r *Room) peersFor(v *viewer) *Peers {
	for i := len(r.out) - 1; i >= max(0, len(r.out)-32); i-- {
		if m, ok := r.out[i].Message.(*Peers); ok && r.out[i].To == v.id {
			return m
		}
	}
	m := new(Peers)
	if v.present() {
		r.out = append(r.out, Envelope{To: v.id, Message: m})
	}
	return m
}

func (r *Room) tellRemoved(v *viewer, id ID) {
	m := r.peersFor(v)
	if i := slices.IndexFunc(m.Add, func(p Peer) bool { return p.Viewer == id }); i >= 0 {
		m.Add = slices.Delete(m.Add, i, i+1)
	}
	m.Remove = append(m.Remove, id)
}

func (r *Room) flush() []Envelope {
	out := r.out
	r.out = nil
	return out
}
