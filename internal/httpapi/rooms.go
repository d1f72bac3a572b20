package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"shoal/internal/swarm"
)

const (
	// maxRooms bounds the rooms of a node.
	maxRooms = 1000
	// maxJoining bounds the connections that have not joined a room yet, maxJoiningEach those of one client.
	maxJoining, maxJoiningEach = 1000, 64
	// maxTakers is how many messages are read and written as JSON at once.
	maxTakers = 4
	// tickTime is how exactly rooms keep their times, sweepTime how often silent viewers are looked for.
	tickTime  = 100 * time.Millisecond
	sweepTime = 5 * time.Second
	// quietTime is how long a viewer may be silent before it is pinged.
	quietTime = 20 * time.Second
	// goodbyeTime is how long viewers have to answer when the node stops.
	goodbyeTime = 2 * time.Second
)

// rooms brings what viewers say to their rooms, and what those say to viewers. One lock guards them all: a message
// takes a few microseconds.
type rooms struct {
	tickets *swarm.Tickets
	// large has a place for each long message that is being read.
	large slots
	// lines are all goroutines of connections.
	lines sync.WaitGroup
	wake  chan struct{}
	// work is what those who take messages are to do.
	work chan job

	mu       sync.Mutex
	rooms    *swarm.Rooms       // guarded by mu
	joined   map[swarm.ID]*line // guarded by mu
	open     map[*line]struct{} // every connection, joined or not; guarded by mu
	stopping bool               // guarded by mu

	// comings counts the connections that have not joined, coming those of each client; guarded by mu.
	comings int
	coming  map[netip.Addr]int
}

func newRooms(key []byte, viewers int) *rooms {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	random := mathrand.New(mathrand.NewPCG(binary.BigEndian.Uint64(seed[:]), binary.BigEndian.Uint64(seed[8:])))
	return &rooms{
		tickets: swarm.NewTickets(key, rand.Reader),
		large:   make(slots, maxLarge), wake: make(chan struct{}, 1), work: make(chan job),
		rooms:  swarm.NewRooms(swarm.Limits{Rooms: maxRooms, Viewers: viewers, RoomViewers: viewers}, random),
		joined: make(map[swarm.ID]*line), open: make(map[*line]struct{}), coming: make(map[netip.Addr]int),
	}
}

// ticket returns a viewer's ticket for a video, and where in its first segments it is to begin. Before is the ticket
// that the same browser got last, if any.
func (r *rooms) ticket(video, before string) (ticket string, stripe float64) {
	old, _ := r.tickets.Open(before, video)
	id, ticket := r.tickets.Issue(video)
	r.mu.Lock()
	defer r.mu.Unlock()
	return ticket, r.rooms.Stripe(video, old, id, time.Now())
}

// learn lets viewers of a video speak of so many chunks.
func (r *rooms) learn(video string, film []chunkCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if room := r.rooms.Room(video); room != nil {
		for _, c := range film {
			room.Learn(c.rendition, c.chunks)
		}
	}
}

// enter counts a connection that is to become a line, or tells that there are too many, of that client or in all.
func (r *rooms) enter(client netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping || r.comings == maxJoining || r.coming[client] == maxJoiningEach {
		return false
	}
	r.comings++
	r.coming[client]++
	r.lines.Add(1)
	return true
}

// entered takes back what enter counted, once the connection has joined or failed to.
func (r *rooms) entered(client netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.comings--
	if r.coming[client]--; r.coming[client] == 0 {
		delete(r.coming, client)
	}
}

// add notes a connection; it tells when the node stops.
func (r *rooms) add(l *line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return errStopping
	}
	r.open[l] = struct{}{}
	return nil
}

// join lets the viewer of a line into its room. An older line of the same viewer ends.
func (r *rooms) join(l *line, m *swarm.Join, film []chunkCount) error {
	id, ok := r.tickets.Open(m.Ticket, l.video)
	if !ok || l.gone {
		return errTicket
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	room, old := r.rooms.Room(l.video), r.joined[id]
	if old == nil || room == nil {
		var err error
		if room, err = r.rooms.Open(l.video, now); err != nil {
			return errFull
		}
	}
	if old != nil {
		r.lines.Go(func() { old.close(errReplacedBy) })
	}
	for _, c := range film {
		room.Learn(c.rendition, c.chunks)
	}
	l.id = id
	r.joined[id] = l
	r.deliver(room, room.Join(swarm.Arrival{
		ID: id, Name: m.Name, Share: m.Share, Address: l.address, Direct: l.direct, Returns: r.tickets.Returns(id),
	}, now))
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// handle hands a message to the room of its sender.
func (r *rooms) handle(l *line, m swarm.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.joined[l.id] == l {
		room := r.rooms.Room(l.video)
		r.deliver(room, room.Handle(l.id, m, time.Now()))
	}
}

// drop forgets a line that has ended; gone when its viewer left on purpose.
func (r *rooms) drop(l *line, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, l)
	if r.joined[l.id] == l {
		delete(r.joined, l.id)
		room := r.rooms.Room(l.video)
		r.deliver(room, room.Leave(l.id, gone, time.Now()))
	}
}

// deliver puts what a room says into the queues of its viewers; mu must be held. Who does not take it is taken out
// of the room, which may have more to say about that.
func (r *rooms) deliver(room *swarm.Room, out []swarm.Envelope) {
	for i := 0; i < len(out); i++ {
		l := r.joined[out[i].To]
		switch {
		case l == nil:
		case out[i].Message == nil:
			r.end(l, words{out[i].Close, "the room ends this"})
		case !l.send(swarm.Encode(out[i].Message)):
			r.end(l, errSlow)
			out = append(out, room.Leave(l.id, false, time.Now())...)
		}
	}
}

// end ends the line of a viewer that the room has forgotten; mu must be held.
func (r *rooms) end(l *line, why words) {
	delete(r.joined, l.id)
	r.lines.Go(func() { l.close(why) })
}

// closeVideo sends the viewers of a video away.
func (r *rooms) closeVideo(video string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := r.rooms.Room(video)
	for id, l := range r.joined {
		if l.video == video {
			r.end(l, errTicket)
			r.deliver(room, room.Leave(id, true, time.Now()))
		}
	}
}

// run keeps the times of the rooms until ctx ends, and then ends all lines and waits for them.
func (r *rooms) run(ctx context.Context) {
	r.mu.Lock()
	r.stopping = false
	r.mu.Unlock()
	end := make(chan struct{})
	var takers sync.WaitGroup
	for range maxTakers {
		takers.Go(func() { r.takeMessages(end) })
	}
	defer takers.Wait()
	defer close(end)
	defer r.stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			r.watch(ctx)
		}
	}
}

// takeMessages works for all lines.
func (r *rooms) takeMessages(end <-chan struct{}) {
	for {
		select {
		case j := <-r.work:
			j.line.done <- j.line.take(j.text)
		case <-end:
			return
		}
	}
}

// watch ticks as long as there are rooms.
func (r *rooms) watch(ctx context.Context) {
	ticker := time.NewTicker(tickTime)
	defer ticker.Stop()
	var swept time.Time
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-ticker.C:
		}
		r.mu.Lock()
		r.rooms.Tick(now, func(video string, out []swarm.Envelope) { r.deliver(r.rooms.Room(video), out) })
		if now.Sub(swept) >= sweepTime {
			swept = now
			r.sweep(now)
		}
		empty := r.rooms.Len() == 0
		r.mu.Unlock()
		if empty {
			return
		}
	}
}

// sweep pings who has been silent; mu must be held.
func (r *rooms) sweep(now time.Time) {
	for _, l := range r.joined {
		if now.Unix()-l.wire.heard.Load() >= int64(quietTime/time.Second) {
			l.ping()
		}
	}
}

// stop tells all viewers that the node stops, gives them a moment to answer, and returns when no line is left.
func (r *rooms) stop() {
	r.mu.Lock()
	r.stopping = true
	for l := range r.open {
		r.lines.Go(func() { l.close(errStopping) })
	}
	r.mu.Unlock()
	hurry := time.AfterFunc(goodbyeTime, r.cutOff)
	defer hurry.Stop()
	r.lines.Wait()
}

// cutOff ends the connections of those who do not answer.
func (r *rooms) cutOff() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.open {
		_ = l.wire.Close() // whoever reads or writes on it notices
	}
}

// status returns at most so many viewers.
func (r *rooms) status(most int) []swarm.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms.Snapshot(most)
}

func (r *rooms) viewers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms.Viewers()
}

func (r *rooms) counts() swarm.Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms.Counts()
}
