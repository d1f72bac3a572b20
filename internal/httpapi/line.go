package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"

	"shoal/internal/swarm"
)

const (
	// maxQueue and maxQueueBytes bound what waits to be sent to a viewer.
	maxQueue, maxQueueBytes = 256, 256 << 10
	// smallMessage is the length up to which messages are read at any time; longer ones take turns.
	smallMessage = 4 << 10
	maxLarge     = 64
	pingTime     = 10 * time.Second
	maxPings     = 200
	closeTime    = time.Second
)

// line is the connection of a viewer to its room. It has one goroutine, that reads, and another one only while
// there is something to send.
type line struct {
	rooms   *rooms
	conn    *websocket.Conn
	wire    *wire
	video   string
	client  netip.Addr // who is counted while it has not joined
	address netip.Addr // where the viewer is, none if that is not known
	direct  bool
	film    []chunkCount
	gone    bool     // there is no such video
	id      swarm.ID // "" until it has joined; guarded by rooms.mu

	mu      sync.Mutex
	queue   [][]byte // guarded by mu
	bytes   int      // in queue and being sent; guarded by mu
	sending bool     // guarded by mu
	ended   bool     // guarded by mu
	pinging bool     // guarded by mu

	// done tells how a message was taken.
	done chan error
	// joined is set when the first message was taken; pinged is when the viewer's last ping came, pings how many came
	// too early. Only the reader uses them, or who takes a message for it.
	joined bool
	pinged time.Time
	pings  int
}

// words is why a connection ends, as its viewer is told.
type words struct {
	code   swarm.Code
	reason string
}

func (w words) Error() string { return w.reason }

var (
	errLong       = words{swarm.BadWords, "the message is too long"}
	errNotJoined  = words{swarm.BadWords, "join comes first"}
	errNotText    = words{swarm.BadWords, "messages are texts"}
	errTicket     = words{swarm.BadTicket, "no good ticket for a video that is here"}
	errFull       = words{swarm.Full, "no room for another viewer"}
	errStopping   = words{swarm.Stopping, "the node stops"}
	errReplacedBy = words{swarm.Replaced, "joined from elsewhere"}
	errSlow       = words{swarm.TooSlow, "messages are not taken"}
	errClosed     = words{0, "closed by the room"}
)

// run serves the line until it ends.
func (l *line) run() {
	defer l.rooms.lines.Done()
	err := l.rooms.add(l)
	if err == nil {
		err = l.next()
	}
	l.rooms.entered(l.client)
	for err == nil {
		err = l.next()
	}
	var why words
	if errors.As(err, &why) && why.code != 0 {
		l.rooms.drop(l, true)
		l.close(why)
		return
	}
	status := websocket.CloseStatus(err)
	l.rooms.drop(l, status == websocket.StatusNormalClosure || status == websocket.StatusGoingAway)
	if !l.over() {
		_ = l.conn.CloseNow() // it has failed already
	}
}

// next takes a message. Reading and writing JSON needs a deep stack, which would stay with a goroutine that goes on
// reading; so few goroutines do that for all lines, while this one waits.
func (l *line) next() error {
	if l.over() {
		return errClosed
	}
	text, err := l.read()
	if err != nil {
		return err
	}
	l.rooms.work <- job{l, text}
	return <-l.done
}

// job is a message to be taken.
type job struct {
	line *line
	text []byte
}

// take brings a message to the room.
func (l *line) take(text []byte) error {
	m, err := swarm.Decode(text)
	if err != nil {
		return words{swarm.BadWords, shortened(err.Error())}
	}
	if l.joined {
		l.rooms.handle(l, m)
		return nil
	}
	join, ok := m.(*swarm.Join)
	if !ok {
		return errNotJoined
	}
	film := l.film
	l.joined, l.film = true, nil
	l.wire.until(time.Time{})
	return l.rooms.join(l, join, film)
}

// read returns the next text.
func (l *line) read() ([]byte, error) {
	// A context that can end would cost a timer and more with each message; the wire has deadlines.
	kind, from, err := l.conn.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	most := swarm.MaxJoin
	if l.joined {
		most = swarm.MaxMessage
		l.wire.until(time.Now().Add(messageTime))
		defer l.wire.until(time.Time{})
	}
	if kind != websocket.MessageText {
		return nil, errNotText
	}
	return l.readText(from, most)
}

// readText reads a text whole. Long ones take turns, so that who sends them slowly cannot fill the memory.
func (l *line) readText(from io.Reader, most int) ([]byte, error) {
	var text bytes.Buffer
	n, err := io.Copy(&text, io.LimitReader(from, int64(min(most, smallMessage))+1))
	if err != nil || n <= int64(min(most, smallMessage)) {
		return text.Bytes(), err
	}
	if most > smallMessage {
		l.rooms.large <- struct{}{}
		defer l.rooms.large.give()
		_, err = io.Copy(&text, io.LimitReader(from, int64(most-text.Len())+1))
	}
	if err == nil && text.Len() > most {
		err = errLong
	}
	return text.Bytes(), err
}

// shortened makes a reason fit into a close frame, which holds 123 bytes.
func shortened(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most]
}

func (l *line) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// send puts a message into the queue, and tells whether there was room for it.
func (l *line) send(text []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return true
	}
	if len(l.queue) >= maxQueue || l.bytes+len(text) > maxQueueBytes {
		return false
	}
	l.queue = append(l.queue, text)
	l.bytes += len(text)
	if !l.sending {
		l.sending = true
		l.rooms.lines.Go(l.drain)
	}
	return true
}

// drain sends what is in the queue.
func (l *line) drain() {
	for {
		l.mu.Lock()
		queue := l.queue
		l.queue = nil
		if len(queue) == 0 || l.ended {
			l.sending = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		for _, text := range queue {
			if err := l.conn.Write(context.Background(), websocket.MessageText, text); err != nil {
				_ = l.conn.CloseNow() // the reader notices
				return
			}
			l.mu.Lock()
			l.bytes -= len(text)
			l.mu.Unlock()
		}
	}
}

// ping asks a viewer that has been silent whether it is there.
func (l *line) ping() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pinging || l.ended {
		return
	}
	l.pinging = true
	l.rooms.lines.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), pingTime)
		defer cancel()
		if err := l.conn.Ping(ctx); err != nil {
			_ = l.conn.CloseNow() // the reader notices
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pinging = false
	})
}

// answers tells whether a ping of the viewer's is answered. Browsers send none; who floods us with them is cut off.
func (l *line) answers(context.Context, []byte) bool {
	now := time.Now()
	early := now.Sub(l.pinged) < time.Second
	l.pinged = now
	if early {
		if l.pings++; l.pings > maxPings {
			l.wire.until(now) // the next reading fails
		}
	}
	return !early
}

// close says why and ends the connection. It takes up to ten seconds with a viewer that takes nothing.
func (l *line) close(why words) {
	l.mu.Lock()
	first := !l.ended
	l.ended, l.queue = true, nil
	l.mu.Unlock()
	if first {
		// Until the viewer answers, all that it sends is read for nothing.
		l.wire.until(time.Now().Add(closeTime))
		_ = l.conn.Close(websocket.StatusCode(why.code), why.reason) // it ends in any case
	}
}
