package network

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// stream is both directions of a connection.
type stream struct {
	net               *Network
	dialler, answerer string
	there, back       *half
}

func newStream(n *Network, from, to string) *stream {
	s := &stream{net: n, dialler: from, answerer: to}
	s.there, s.back = newHalf(n, way{from, to}), newHalf(n, way{to, from})
	return s
}

func (s *stream) breakBoth() {
	s.net.forget(s)
	s.there.end(ErrReset)
	s.back.end(ErrReset)
}

func (s *stream) dialling() *end  { return &end{s: s, in: s.back, out: s.there, dialled: true} }
func (s *stream) answering() *end { return &end{s: s, in: s.there, out: s.back} }

// end is one end of a stream, a net.Conn.
type end struct {
	s       *stream
	in, out *half
	dialled bool
	once    sync.Once
}

func (e *end) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }

// Close of the answering end lets arrive what was written; of the dialling end it gives the stream up, unless its end was read.
func (e *end) Close() error {
	e.once.Do(func() {
		if e.dialled {
			e.s.breakBoth()
			return
		}
		e.out.end(io.EOF)
		e.in.end(ErrReset)
	})
	return nil
}

func (e *end) LocalAddr() net.Addr  { return address(e.out.way.from) }
func (e *end) RemoteAddr() net.Addr { return address(e.out.way.to) }

func (e *end) SetDeadline(t time.Time) error {
	e.in.deadline(&e.in.readBy, t)
	e.out.deadline(&e.out.writeBy, t)
	return nil
}
func (e *end) SetReadDeadline(t time.Time) error  { e.in.deadline(&e.in.readBy, t); return nil }
func (e *end) SetWriteDeadline(t time.Time) error { e.out.deadline(&e.out.writeBy, t); return nil }

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// half is one direction.
type half struct {
	net *Network
	way way

	mu              sync.Mutex
	moved           *sync.Cond
	parcels         []parcel // guarded by mu
	size            int      // guarded by mu; of all parcels
	ended           error    // guarded by mu; io.EOF lets parcels arrive before it
	readBy, writeBy time.Time
}

// parcel is what one Write brought, and when it arrives.
type parcel struct {
	text []byte
	at   time.Time
}

func newHalf(n *Network, w way) *half {
	h := &half{net: n, way: w}
	h.moved = sync.NewCond(&h.mu)
	return h
}

func (h *half) wakeUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moved.Broadcast()
}

func (h *half) wakeAt(t time.Time) { time.AfterFunc(time.Until(t), h.wakeUp) }

func (h *half) end(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil || h.ended == io.EOF {
		h.ended = err
	}
	h.moved.Broadcast()
}

func (h *half) deadline(of *time.Time, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*of = t
	if !t.IsZero() {
		h.wakeAt(t)
	}
	h.moved.Broadcast()
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		held := h.net.holds(h.way)
		switch {
		case passed(h.readBy):
			return 0, os.ErrDeadlineExceeded
		case h.ended != nil && h.ended != io.EOF:
			return 0, h.ended
		case held:
		case len(h.parcels) > 0 && !time.Now().Before(h.parcels[0].at):
			return h.take(p), nil
		case len(h.parcels) > 0:
			h.wakeAt(h.parcels[0].at)
		case h.ended != nil:
			return 0, h.ended
		}
		h.moved.Wait()
	}
}

func (h *half) take(p []byte) int {
	first := &h.parcels[0]
	n := copy(p, first.text)
	if first.text = first.text[n:]; len(first.text) == 0 {
		h.parcels = h.parcels[1:]
	}
	h.size -= n
	h.moved.Broadcast()
	return n
}

func (h *half) write(p []byte) (n int, err error) {
	at := h.net.sent(h.way, len(p))
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch room := window - h.size; {
		case passed(h.writeBy):
			return n, os.ErrDeadlineExceeded
		case h.ended == io.EOF:
			return n, io.ErrClosedPipe
		case h.ended != nil:
			return n, h.ended
		case len(p) == 0:
			return n, nil
		case room > 0:
			some := p[:min(room, len(p))]
			h.parcels = append(h.parcels, parcel{append([]byte(nil), some...), at})
			h.size += len(some)
			n, p = n+len(some), p[len(some):]
			h.moved.Broadcast()
			continue
		}
		h.moved.Wait()
	}
}
