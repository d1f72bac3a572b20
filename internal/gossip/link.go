package gossip

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/hashicorp/memberlist"

	"shoal/internal/placement"
)

// On a stream for packets each frame is four bytes of length, one that says what it is, and the rest.
const (
	framePacket = 0
	frameFacts  = 1
	// maxFrame is far above what memberlist sends at once.
	maxFrame = 8 << 10
)

const (
	// queued is how many packets may wait to be sent to one member.
	queued = 64
	// writeWithin is how long a stream may take nothing before it is given up.
	writeWithin = 5 * time.Second
	// pauseFirst and pauseLast are how long packets to a member that cannot be reached are dropped before it is dialled again.
	pauseFirst = 500 * time.Millisecond
	pauseLast  = 2 * time.Second
)

// link sends packets to one member.
type link struct {
	wires *wires
	to    placement.NodeID
	queue chan []byte
	stop  context.CancelFunc

	// What follows belongs to run.
	conn   net.Conn
	unhook func() bool // from the end of the link
	told   int         // the edition of the facts that the stream has carried
	pause  time.Duration
	again  time.Time // no dialling before
}

func (l *link) run(ctx context.Context) {
	defer l.stop()
	defer l.close()
	for {
		select {
		case <-ctx.Done():
			return
		case packet := <-l.queue:
			if err := l.send(ctx, packet); err != nil {
				l.wires.cfg.Log.Debug("a packet was lost", "node", l.to, "error", err)
			}
		}
	}
}

func (l *link) close() {
	if l.conn != nil {
		l.unhook()
		_ = l.conn.Close()
	}
	l.conn, l.told = nil, 0
}

// send sends a packet. A stream that was good before may have ended with the member's last life, so it gets a second try.
func (l *link) send(ctx context.Context, packet []byte) error {
	old := l.conn != nil
	err := l.try(ctx, packet)
	if err != nil && old && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = l.try(ctx, packet)
	}
	return err
}

func (l *link) try(ctx context.Context, packet []byte) error {
	if err := l.connect(ctx); err != nil {
		return err
	}
	var text []byte
	facts := l.wires.toTell()
	if facts.edition != l.told {
		text = appendFrame(text, frameFacts, facts.text)
	}
	err := l.conn.SetWriteDeadline(time.Now().Add(writeWithin))
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		_, err = l.conn.Write(appendFrame(text, framePacket, packet))
	}
	if err != nil {
		l.close()
		return err
	}
	l.told = facts.edition
	return nil
}

func appendFrame(text []byte, kind byte, body []byte) []byte {
	text = binary.BigEndian.AppendUint32(text, uint32(len(body))+1)
	return append(append(text, kind), body...)
}

func (l *link) connect(ctx context.Context) (err error) {
	if l.conn != nil {
		return nil
	}
	if time.Now().Before(l.again) {
		return errors.New("it could not be reached a moment ago")
	}
	if l.conn, err = l.wires.open(ctx, l.to, forPackets, dialWithin); err != nil {
		l.pause = min(max(pauseFirst, 2*l.pause), pauseLast)
		l.again = time.Now().Add(l.pause)
		return err
	}
	l.pause = 0
	conn := l.conn
	l.unhook = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return nil
}

// takePackets hands packets on as they come, until the stream ends or the member opens another one.
func (w *wires) takePackets(ctx context.Context, end context.CancelFunc, from placement.NodeID, conn net.Conn) {
	w.mu.Lock()
	if older := w.inbound[from]; older != nil {
		older()
	}
	w.inbound[from] = end
	w.mu.Unlock()
	r := bufio.NewReaderSize(conn, maxFrame/4)
	for {
		kind, body, err := readFrame(ctx, conn, r)
		if err != nil {
			w.cfg.Log.Debug("a stream of packets ended", "node", from, "error", err)
			return
		}
		w.take(ctx, from, kind, body)
	}
}

func (w *wires) take(ctx context.Context, from placement.NodeID, kind byte, body []byte) {
	switch kind {
	case framePacket:
		w.heard(from, nil)
		if !plain(from, body) {
			return
		}
		select {
		case w.packets <- &memberlist.Packet{Buf: body, From: w.sender(from), Timestamp: time.Now()}:
			if news(body) {
				w.news.Store(true)
			}
		case <-ctx.Done():
		}
	case frameFacts:
		if len(body) <= MaxFacts {
			w.heard(from, body)
		}
	}
}

// readFrame waits long for a frame to begin and not long for its end.
func readFrame(ctx context.Context, conn net.Conn, r *bufio.Reader) (kind byte, body []byte, err error) {
	var head [4]byte
	if err := readWithin(ctx, conn, r, idleFor, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes, at most %d", size, maxFrame)
	}
	body = make([]byte, size)
	if err := readWithin(ctx, conn, r, frameWithin, body); err != nil {
		return 0, nil, err
	}
	return body[0], body[1:], nil
}

// readWithin looks at ctx after it has set the deadline: whoever ends ctx sets another one after that. A stream that the other side has
// closed may take no deadline any more, and yet have something to read.
func readWithin(ctx context.Context, conn net.Conn, r *bufio.Reader, within time.Duration, p []byte) error {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := io.ReadFull(r, p)
	return err
}
