package gossip

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"

	"shoal/internal/placement"
)

// The kinds of memberlist's messages that this package lets through (memberlist, net.go). It never sends others, and others can
// make the one who reads them make much room: compressed ones, and those for applications.
const (
	pingMessage     = 0
	indirectMessage = 1
	ackMessage      = 2
	suspectMessage  = 3
	aliveMessage    = 4
	deadMessage     = 5
	exchangeMessage = 6
	compoundMessage = 7
	nackMessage     = 11
	checkedMessage  = 12
	errorMessage    = 13
)

const (
	// maxStates is how many nodes one may tell of in an exchange: all members, and as many that went.
	maxStates = 2 * placement.MaxNodes
	// maxExchange is how many bytes that takes at most.
	maxExchange = maxStates << 10
	// maxDepth is how deep messages are put into each other: a checksum around several in one.
	maxDepth = 2
)

// plain tells whether a packet has only messages that memberlist may read, and questions in the name of its sender alone.
func plain(from placement.NodeID, packet []byte) bool {
	return walk(packet, maxDepth, func(kind byte, message []byte) bool {
		switch kind {
		case pingMessage, indirectMessage:
			return asks(from, message)
		case ackMessage, nackMessage, suspectMessage, aliveMessage, deadMessage:
			return true
		}
		return false
	})
}

// news tells whether a packet has something to say of a node's state.
func news(packet []byte) (found bool) {
	walk(packet, maxDepth, func(kind byte, _ []byte) bool {
		found = found || kind == suspectMessage || kind == aliveMessage || kind == deadMessage
		return true
	})
	return found
}

// walk visits the messages in a packet, and tells whether it could and visit returned true for all.
func walk(p []byte, depth int, visit func(kind byte, message []byte) bool) bool {
	switch {
	case len(p) == 0:
		return false
	case p[0] == checkedMessage:
		return depth > 0 && len(p) > 5 && walk(p[5:], depth-1, visit)
	case p[0] == compoundMessage:
		return depth > 0 && walkAll(p[1:], depth-1, visit)
	}
	return visit(p[0], p[1:])
}

// walkAll reads a number of messages: how many, in one byte, the length of each, in two, and the messages.
func walkAll(p []byte, depth int, visit func(kind byte, message []byte) bool) bool {
	if len(p) < 1 || len(p) < 1+2*int(p[0]) {
		return false
	}
	lengths, rest := p[1:1+2*int(p[0])], p[1+2*int(p[0]):]
	for ; len(lengths) > 0; lengths = lengths[2:] {
		n := int(lengths[0])<<8 | int(lengths[1])
		if n > len(rest) || !walk(rest[:n], depth, visit) {
			return false
		}
		rest = rest[n:]
	}
	return true
}

// asks tells whether a question is its sender's own: the answer goes to who is named in it.
func asks(from placement.NodeID, p []byte) bool {
	var question struct{ SourceNode string }
	var handle codec.MsgpackHandle
	err := codec.NewDecoder(bytes.NewReader(p), &handle).Decode(&question)
	return err == nil && placement.NodeID(question.SourceNode) == from
}

// questionIn returns the number of the question in a packet of this node.
func questionIn(packet []byte) (number uint32, found bool) {
	walk(packet, maxDepth, func(kind byte, message []byte) bool {
		if kind == pingMessage {
			var question struct{ SeqNo uint32 }
			var handle codec.MsgpackHandle
			found = codec.NewDecoder(bytes.NewReader(message), &handle).Decode(&question) == nil
			number = question.SeqNo
		}
		return !found
	})
	return number, found
}

// answerTo returns what answers a question.
func answerTo(number uint32) []byte {
	text := bytes.NewBuffer([]byte{ackMessage})
	var handle codec.MsgpackHandle
	_ = codec.NewEncoder(text, &handle).Encode(struct {
		SeqNo   uint32
		Payload []byte
	}{SeqNo: number}) // into memory
	return text.Bytes()
}

// lent is a stream that memberlist uses: it hears only what it may, ends with ctx, and says when it is no longer needed.
type lent struct {
	net.Conn
	ctx    context.Context
	rest   io.Reader
	head   bytes.Buffer
	begun  bool
	once   sync.Once
	closed func()
	unhook func() bool
}

func newLent(ctx context.Context, conn net.Conn, closed func()) *lent {
	l := &lent{Conn: conn, ctx: ctx, rest: bufio.NewReader(io.LimitReader(conn, maxExchange)), closed: closed}
	l.unhook = context.AfterFunc(ctx, l.expire)
	return l
}

func (l *lent) expire() { _ = l.Conn.SetDeadline(time.Unix(1, 0)) }

// Close does not close the stream: that is for who lent it.
func (l *lent) Close() error {
	l.once.Do(func() {
		l.unhook()
		l.closed()
	})
	return nil
}

func (l *lent) SetDeadline(t time.Time) error {
	err := l.Conn.SetDeadline(t)
	if l.ctx.Err() != nil {
		l.expire()
	}
	return err
}

func (l *lent) SetReadDeadline(t time.Time) error  { return l.SetDeadline(t) }
func (l *lent) SetWriteDeadline(t time.Time) error { return l.SetDeadline(t) }

// Read checks what comes first before any of it is passed on.
func (l *lent) Read(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		if err := readHead(io.TeeReader(l.rest, &l.head)); err != nil {
			return 0, fmt.Errorf("begin exchange: %w", err)
		}
	}
	if l.head.Len() > 0 {
		return l.head.Read(p)
	}
	return l.rest.Read(p)
}

// readHead reads what an exchange begins with: room is made for as many states as it says.
func readHead(r io.Reader) error {
	var kind [1]byte
	if _, err := io.ReadFull(r, kind[:]); err != nil {
		return err
	}
	switch kind[0] {
	case errorMessage:
		return nil
	case exchangeMessage:
	default:
		return fmt.Errorf("a message of kind %d", kind[0])
	}
	var handle codec.MsgpackHandle
	var head exchangeHead
	if err := codec.NewDecoder(r, &handle).Decode(&head); err != nil {
		return err
	}
	if head.Nodes < 0 || head.Nodes > maxStates {
		return fmt.Errorf("%d states, at most %d", head.Nodes, maxStates)
	}
	if head.UserStateLen != 0 {
		return errors.New("more than states")
	}
	return nil
}
