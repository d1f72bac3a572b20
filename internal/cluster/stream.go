package cluster

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Errors of streams: why the other side ended one.
var (
	ErrBusy     = errors.New("the node serves as many such streams of this one as it will")
	ErrUnknown  = errors.New("the node does not know this protocol")
	ErrRefused  = errors.New("the node does not take this one for a member")
	ErrStopping = errors.New("the node is stopping")
)

// maxProtocol is the longest name of a protocol.
const maxProtocol = 64

// conn is a stream as a net.Conn. Both sides may close it more than once, and while others use it.
type conn struct {
	s       network.Stream
	dialled bool
	// ended says that the other side's end was read, closed that this side has closed.
	ended, closed atomic.Bool
}

var _ net.Conn = (*conn)(nil)

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.s.Read(p)
	if err == io.EOF {
		c.ended.Store(true)
		return n, err
	}
	return n, c.explain(err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.s.Write(p)
	return n, c.explain(err)
}

// Close of the side that answers lets what was written arrive. Close of the side that dialled gives the stream up unless it has read
// the end: what the other side reads or writes then fails at once.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if c.dialled && !c.ended.Load() {
		return c.s.Reset()
	}
	return c.s.Close()
}

// CloseWrite tells the other side that nothing more will be written.
func (c *conn) CloseWrite() error { return c.explain(c.s.CloseWrite()) }

func (c *conn) LocalAddr() net.Addr  { return netAddr(c.s.Conn().LocalMultiaddr()) }
func (c *conn) RemoteAddr() net.Addr { return netAddr(c.s.Conn().RemoteMultiaddr()) }

func (c *conn) SetDeadline(t time.Time) error      { return c.s.SetDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.s.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.s.SetWriteDeadline(t) }

// netAddr returns the host and the port of an address.
func netAddr(address ma.Multiaddr) net.Addr {
	if at, err := manet.ToNetAddr(address[:min(len(address), 2)]); err == nil {
		return at
	}
	return &net.TCPAddr{}
}

// explain says in the words of this package and of package net why a stream failed.
func (c *conn) explain(err error) error {
	var ended *network.StreamError
	var cut *network.ConnError
	switch late, timed := err.(interface{ Timeout() bool }); {
	case err == nil:
		return nil
	case c.closed.Load():
		return fmt.Errorf("%w: %w", net.ErrClosed, err)
	case timed && late.Timeout():
		return os.ErrDeadlineExceeded
	case errors.As(err, &ended):
		return fmt.Errorf("%w: %w", meaning(ended), err)
	case errors.Is(err, network.ErrReset) || errors.As(err, &cut):
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return err
}

func meaning(ended *network.StreamError) error {
	if !ended.Remote {
		return net.ErrClosed
	}
	switch ended.ErrorCode {
	case network.StreamRateLimited, network.StreamResourceLimitExceeded:
		return ErrBusy
	case network.StreamProtocolNegotiationFailed:
		return ErrUnknown
	case network.StreamGated:
		return ErrRefused
	case network.StreamShutdown:
		return ErrStopping
	}
	return io.ErrUnexpectedEOF
}

// A stream begins with the name of its protocol: one byte of length, and the name. There is no answer to that: who does not know it
// ends the stream.

func writeProtocol(w io.Writer, protocol string) error {
	if protocol == "" || len(protocol) > maxProtocol {
		return fmt.Errorf("protocol %q: %w", protocol, errMalformed)
	}
	_, err := w.Write(append([]byte{byte(len(protocol))}, protocol...))
	return err
}

func readProtocol(r io.Reader) (string, error) {
	var name [1 + maxProtocol]byte
	if _, err := io.ReadFull(r, name[:1]); err != nil {
		return "", err
	}
	size := int(name[0])
	if size == 0 || size > maxProtocol {
		return "", fmt.Errorf("a protocol of %d bytes: %w", size, errMalformed)
	}
	_, err := io.ReadFull(r, name[1:1+size])
	return string(name[1 : 1+size]), err
}
