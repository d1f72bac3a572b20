package exchange

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// pieceSize is how much of a chunk is read or written under one deadline.
const pieceSize = 128 << 10

// link is one stream, on which each frame, and each piece of a chunk, has to come or go within patience. One goroutine at a
// time reads, and one writes.
type link struct {
	conn     net.Conn
	patience time.Duration
	// detach ends watching the context.
	detach func() bool
	// broken is the error of a write that failed: the rest would not be understood.
	broken error
}

// attach has conn closed when ctx ends, which ends what it is used for.
func attach(ctx context.Context, conn net.Conn, patience time.Duration) *link {
	return &link{conn: conn, patience: patience, detach: context.AfterFunc(ctx, func() { conn.Close() })}
}

// close gives the stream up, or ends it when all was said.
func (l *link) close() {
	l.detach()
	l.conn.Close()
}

// read fills p, a piece at a time, and calls seen with what came, each time something did.
func (l *link) read(p []byte, seen func(came []byte)) error {
	for len(p) > 0 {
		piece := p[:min(len(p), pieceSize)]
		if err := l.conn.SetReadDeadline(time.Now().Add(l.patience)); err != nil {
			return err
		}
		for got := 0; got < len(piece); {
			n, err := l.conn.Read(piece[got:])
			if n > 0 {
				seen(piece[got : got+n])
				got += n
			}
			if err != nil && got < len(piece) {
				return unexpected(err)
			}
		}
		p = p[len(piece):]
	}
	return nil
}

// write writes p, a piece at a time.
func (l *link) write(p []byte) error {
	for len(p) > 0 && l.broken == nil {
		piece := p[:min(len(p), pieceSize)]
		if l.broken = l.conn.SetWriteDeadline(time.Now().Add(l.patience)); l.broken == nil {
			_, l.broken = l.conn.Write(piece)
		}
		p = p[len(piece):]
	}
	return l.broken
}

// appendFrame appends a message as it travels.
func appendFrame(to []byte, message any) ([]byte, error) {
	text, err := canonical.Marshal(message)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...), nil
}

// send writes a frame.
func (l *link) send(message any) error {
	frame, err := appendFrame(nil, message)
	if err != nil {
		return err
	}
	return l.write(frame)
}

// receive reads a frame of at most limit bytes.
func (l *link) receive(into any, limit int) error {
	if err := l.conn.SetReadDeadline(time.Now().Add(l.patience)); err != nil {
		return err
	}
	text, err := readFrame(l.conn, limit)
	if err != nil {
		return err
	}
	return decode(text, into)
}

func readFrame(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if int64(size) > int64(limit) {
		return nil, fmt.Errorf("a frame of %d bytes, at most %d: %w", size, limit, errRefused)
	}
	// Room is made as bytes come, not as many as were claimed.
	var text bytes.Buffer
	if _, err := io.CopyN(&text, r, int64(size)); err != nil {
		return nil, fmt.Errorf("a frame of %d bytes: %w", size, unexpected(err))
	}
	return text.Bytes(), nil
}

// unexpected turns an end that comes too early into an error that nobody takes for the end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
