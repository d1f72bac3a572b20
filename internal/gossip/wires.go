package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"shoal/internal/placement"
)

// The first byte of a stream says what it is for.
const (
	forPackets  = 'p'
	forExchange = 'x'
)

const (
	// exchangeWithin bounds an exchange of all states, and dialFor the opening of a stream for packets.
	exchangeWithin = 5 * time.Second
	dialWithin     = 3 * time.Second
	// frameWithin is how long the rest of a frame may take, and idleFor how long nothing may come.
	frameWithin = 10 * time.Second
	idleFor     = 10 * time.Minute
	// maxExchanges bounds those that are answered at one time.
	maxExchanges = 64
)

var errGone = errors.New("gossip has ended")

// wires are memberlist's network: packets, which may be lost, go through one lasting stream to each member, and exchanges through
// streams of their own.
type wires struct {
	cfg     Config
	belongs func(placement.NodeID) bool
	heard   func(id placement.NodeID, facts []byte)

	// news is set when something that came or went may have changed what memberlist believes.
	news      atomic.Bool
	packets   chan *memberlist.Packet
	streams   chan net.Conn
	exchanges chan struct{} // has a place for each that is answered

	mu      sync.Mutex
	ctx     context.Context // guarded by mu; nil before the start
	cancel  context.CancelFunc
	work    sync.WaitGroup
	links   map[placement.NodeID]*link              // guarded by mu
	inbound map[placement.NodeID]context.CancelFunc // guarded by mu; ends the newest stream of packets from a member
	facts   note                                    // guarded by mu
	late    []byte                                  // guarded by mu; the last packet that came after the end
}

// waitedFor is among how many of the last questions those are that are not answered yet.
const waitedFor = 64

// note is what a node tells of itself, with the number of its edition.
type note struct {
	text    []byte
	edition int
}

var _ memberlist.NodeAwareTransport = (*wires)(nil)

func newWires(cfg Config, belongs func(placement.NodeID) bool, heard func(placement.NodeID, []byte)) *wires {
	return &wires{
		cfg: cfg, belongs: belongs, heard: heard,
		packets: make(chan *memberlist.Packet), streams: make(chan net.Conn), exchanges: make(chan struct{}, maxExchanges),
		links: make(map[placement.NodeID]*link), inbound: make(map[placement.NodeID]context.CancelFunc),
	}
}

func (w *wires) start(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.cancel = context.WithCancel(ctx)
}

// stop ends everything that goes over the wires, and waits for it.
func (w *wires) stop() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.work.Wait()
}

// enter counts one more at work, to be followed by work.Done; false when there is no work any more, or not yet.
func (w *wires) enter() (context.Context, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.ctx.Err() != nil {
		return nil, false
	}
	w.work.Add(1)
	return w.ctx, true
}

func (w *wires) tell(facts []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts = note{facts, w.facts.edition + 1}
}

func (w *wires) toTell() note {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts
}

// link returns the link to a member, which comes to be when it is first used.
func (w *wires) link(to placement.NodeID) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.ctx.Err() != nil {
		return nil
	}
	l := w.links[to]
	if l == nil {
		ctx, cancel := context.WithCancel(w.ctx)
		l = &link{wires: w, to: to, queue: make(chan []byte, queued), stop: cancel}
		w.links[to] = l
		w.work.Go(func() { l.run(ctx) })
	}
	return l
}

// drop ends what there is with one who is no member any more.
func (w *wires) drop(id placement.NodeID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.links[id]; l != nil {
		l.stop()
		delete(w.links, id)
	}
	if end := w.inbound[id]; end != nil {
		end()
		delete(w.inbound, id)
	}
}

// FinalAdvertiseAddr is part of memberlist.Transport.
func (w *wires) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return ip(w.cfg.Self), port, nil
}

// WriteToAddress sends a packet, or drops it when too many wait.
func (w *wires) WriteToAddress(packet []byte, a memberlist.Address) (time.Time, error) {
	to := placement.NodeID(a.Name)
	if w.tooLate(packet) {
		return time.Time{}, errGone
	}
	if to == w.cfg.Self || !w.belongs(to) {
		return time.Time{}, fmt.Errorf("send packet to %q: it does not belong", to)
	}
	l := w.link(to)
	if l == nil {
		return time.Time{}, errGone
	}
	if news(packet) {
		w.news.Store(true)
	}
	select {
	case l.queue <- packet:
	default:
	}
	return time.Now(), nil
}

func (w *wires) tooLate(packet []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() == nil {
		return false
	}
	w.late = packet
	return true
}

// release ends what memberlist still waits for, which would take seconds: it is told that the answers have come. ask has it ask one more
// question, from which follow the numbers of those before.
func (w *wires) release(ask func()) {
	ask()
	w.mu.Lock()
	last, found := questionIn(w.late)
	w.mu.Unlock()
	for n := range uint32(waitedFor) {
		if !found || n > last {
			return
		}
		w.packets <- &memberlist.Packet{Buf: answerTo(last - n), From: w.sender(w.cfg.Self), Timestamp: time.Now()}
	}
}

func (w *wires) sender(id placement.NodeID) net.Addr { return &net.TCPAddr{IP: ip(id), Port: port} }

// WriteTo is part of memberlist.Transport; names are required, so it is not used.
func (w *wires) WriteTo([]byte, string) (time.Time, error) { return time.Time{}, errors.ErrUnsupported }

// DialTimeout is as WriteTo.
func (w *wires) DialTimeout(string, time.Duration) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// PacketCh is part of memberlist.Transport.
func (w *wires) PacketCh() <-chan *memberlist.Packet { return w.packets }

// StreamCh is part of memberlist.Transport.
func (w *wires) StreamCh() <-chan net.Conn { return w.streams }

// Shutdown is part of memberlist.Transport.
func (w *wires) Shutdown() error {
	w.stop()
	return nil
}

// DialAddressTimeout opens a stream for an exchange.
func (w *wires) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	to := placement.NodeID(a.Name)
	if to == w.cfg.Self || !w.belongs(to) {
		return nil, fmt.Errorf("open exchange with %q: it does not belong", to)
	}
	ctx, at := w.enter()
	if !at {
		return nil, errGone
	}
	conn, err := w.open(ctx, to, forExchange, timeout)
	if err != nil {
		w.work.Done()
		return nil, err
	}
	return newLent(ctx, conn, func() {
		_ = conn.Close()
		w.news.Store(true)
		w.work.Done()
	}), nil
}

// open opens a stream and says what it is for.
func (w *wires) open(ctx context.Context, to placement.NodeID, what byte, within time.Duration) (net.Conn, error) {
	within = max(within, time.Millisecond)
	opening, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := w.cfg.Dial(opening, to, Protocol)
	if err != nil {
		return nil, err
	}
	err = conn.SetWriteDeadline(time.Now().Add(within))
	if err == nil {
		_, err = conn.Write([]byte{what})
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// hand gives memberlist a stream to answer; false when it takes none any more.
func (w *wires) hand(conn net.Conn) bool {
	ctx, at := w.enter()
	if !at {
		return false
	}
	defer w.work.Done()
	select {
	case w.streams <- conn:
		return true
	case <-ctx.Done():
		return false
	}
}

// serve answers a stream from a member.
func (w *wires) serve(ctx context.Context, from placement.NodeID, conn net.Conn) {
	mine, at := w.enter()
	if !at {
		return
	}
	defer w.work.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(mine, cancel)()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := conn.SetDeadline(time.Now().Add(frameWithin)); err != nil || ctx.Err() != nil {
		return
	}
	var what [1]byte
	if _, err := io.ReadFull(conn, what[:]); err != nil {
		return
	}
	switch what[0] {
	case forPackets:
		w.takePackets(ctx, cancel, from, conn)
	case forExchange:
		w.answer(ctx, from, conn)
	}
}

// answer has memberlist answer an exchange, and waits until it has.
func (w *wires) answer(ctx context.Context, from placement.NodeID, conn net.Conn) {
	select {
	case w.exchanges <- struct{}{}:
		defer func() { <-w.exchanges }()
	default:
		return
	}
	w.heard(from, nil)
	done := make(chan struct{})
	lent := newLent(ctx, conn, func() { close(done) })
	select {
	case w.streams <- lent:
		<-done
		w.news.Store(true)
	case <-ctx.Done():
	}
}
