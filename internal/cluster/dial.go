package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

// ErrUnreachable says that a member answers at none of its addresses.
var ErrUnreachable = errors.New("the node cannot be reached")

// reachTime bounds connecting and saying hello.
const reachTime = 15 * time.Second

// attempt is one try to connect, which everybody waits for who wants that node.
type attempt struct {
	// known are the addresses that it began with.
	known []ma.Multiaddr
	done  chan struct{}
	err   error // before done is closed
}

// Dial opens a stream to a member, over the connection there is or a new one; ctx bounds that alone. See conn.Close for how it ends.
// Errors: ErrNotMember, ErrRemoved for this node itself, ErrUnreachable. Whether the member knows the protocol and has time shows
// when the stream is read: ErrUnknown, ErrBusy, ErrRefused, ErrStopping; io.ErrUnexpectedEOF when it was cut off.
func (h *Host) Dial(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error) {
	c, err := h.dial(ctx, to, protocol)
	if err != nil {
		return nil, fmt.Errorf("dial node %s for %s: %w", to, protocol, err)
	}
	return c, nil
}

func (h *Host) dial(ctx context.Context, to placement.NodeID, protocol string) (*conn, error) {
	if err := h.mayDial(to); err != nil {
		return nil, err
	}
	link, err := h.connect(ctx, to)
	if err != nil {
		return nil, err
	}
	s, err := h.openStream(ctx, link, protocol)
	if err != nil && ctx.Err() == nil && link.IsClosed() {
		// It has ended just now; what else there is, or a new one, may do.
		if link, err = h.connect(ctx, to); err == nil {
			s, err = h.openStream(ctx, link, protocol)
		}
	}
	return s, err
}

func (h *Host) mayDial(to placement.NodeID) error {
	switch {
	case !h.members.Has(to) || to == h.ID():
		return ErrNotMember
	case !h.members.Has(h.ID()):
		return ErrRemoved
	}
	return nil
}

// openStream opens a stream on a connection and names its protocol.
func (h *Host) openStream(ctx context.Context, c network.Conn, protocol string) (*conn, error) {
	s, err := c.NewStream(ctx)
	if err == nil {
		err = nameProtocol(ctx, s, protocol)
	}
	switch {
	case err == nil:
		return &conn{s: s, dialled: true}, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, network.ErrResourceLimitExceeded):
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// nameProtocol begins a stream. Writing waits when the connection does, but not longer than ctx.
func nameProtocol(ctx context.Context, s network.Stream, protocol string) error {
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	err := writeProtocol(s, protocol)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = s.Reset()
	}
	return err
}

// connect returns a connection to a member on which both have said hello.
func (h *Host) connect(ctx context.Context, to placement.NodeID) (network.Conn, error) {
	if link := h.link(to); link != nil {
		return link, nil
	}
	if err := h.await(ctx, to); err != nil {
		return nil, err
	}
	if link := h.link(to); link != nil {
		return link, nil
	}
	return nil, ErrUnreachable
}

// link returns the newest connection to a node that is of use, because an older one may be dead without knowing; or nil.
func (h *Host) link(to placement.NodeID) network.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range slices.Backward(h.links[to]) {
		if c.greeted && !c.IsClosed() {
			return c.Conn
		}
	}
	return nil
}

// await waits until an attempt to connect has ended. One that began before other addresses were known is not the last.
func (h *Host) await(ctx context.Context, to placement.NodeID) error {
	for {
		known := h.book.addresses(to)
		a := h.attempt(to, known)
		if a == nil {
			return ErrStopping
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if a.err == nil || slices.EqualFunc(a.known, known, ma.Multiaddr.Equal) {
			return a.err
		}
	}
}

// attempt returns the attempt to connect that is under way, or a new one; nil when the host closes.
func (h *Host) attempt(to placement.NodeID, known []ma.Multiaddr) *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	a, under := h.attempts[to]
	if !under {
		a = &attempt{known: known, done: make(chan struct{})}
		h.attempts[to] = a
		h.running.Go(func() { h.try(to, a) })
	}
	return a
}

func (h *Host) try(to placement.NodeID, a *attempt) {
	ctx, cancel := context.WithTimeout(h.ctx, reachTime)
	defer cancel()
	a.err = h.reach(ctx, to)
	h.mu.Lock()
	delete(h.attempts, to)
	h.mu.Unlock()
	close(a.done)
}

// reach connects to a member and says hello.
func (h *Host) reach(ctx context.Context, to placement.NodeID) error {
	p, err := peerOf(to)
	if err != nil {
		return err
	}
	c, err := h.meetAt(ctx, p)
	if err != nil && c != nil && c.IsClosed() && ctx.Err() == nil {
		// It was one of before, and has ended since.
		c, err = h.meetAt(ctx, p)
	}
	if err != nil {
		// A connection may be the one by which a node is just joining, this one or the other.
		if c != nil && c.Stat().Direction == network.DirOutbound && !h.door.expects(p) {
			_ = c.Close()
		}
		return err
	}
	if c.Stat().Direction == network.DirOutbound {
		if err := h.book.reached(ctx, to, c.RemoteMultiaddr()); err != nil {
			h.log.Warn("an address was not kept", "node", to, "err", err)
		}
	}
	return nil
}

// meetAt connects to a member and says hello. The connection is returned with an error too, when there was one.
func (h *Host) meetAt(ctx context.Context, p peer.ID) (network.Conn, error) {
	c, err := h.find(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := h.greet(ctx, c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	h.greeted(c)
	return c, nil
}

// find connects to a member where it is known to answer, and else where others know.
func (h *Host) find(ctx context.Context, p peer.ID) (network.Conn, error) {
	known := h.book.addresses(nodeOf(p))
	c, err := h.connectAt(ctx, p, known)
	if err == nil {
		return c, nil
	}
	h.askAround(ctx)
	if now := h.book.addresses(nodeOf(p)); !slices.EqualFunc(known, now, ma.Multiaddr.Equal) {
		return h.connectAt(ctx, p, now)
	}
	return nil, err
}

// connectAt connects to a peer at one of some addresses, or takes the connection that there is. Where the machine is there and says that
// nobody listens, QUIC is not tried: it has no such answer, and would be waited for.
func (h *Host) connectAt(ctx context.Context, p peer.ID, at []ma.Multiaddr) (network.Conn, error) {
	overTCP := slices.DeleteFunc(slices.Clone(at), isQUIC)
	overQUIC := slices.DeleteFunc(slices.Clone(at), func(a ma.Multiaddr) bool { return !isQUIC(a) })
	c, err := h.dialAt(ctx, p, overTCP)
	if err != nil && len(overQUIC) > 0 && ctx.Err() == nil && !errors.Is(err, syscall.ECONNREFUSED) {
		c, err = h.dialAt(ctx, p, overQUIC)
	}
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	// libp2p tells of each address on a line of its own.
	return nil, fmt.Errorf("%w: %s", ErrUnreachable, strings.ReplaceAll(err.Error(), "\n", ""))
}

func (h *Host) dialAt(ctx context.Context, p peer.ID, at []ma.Multiaddr) (network.Conn, error) {
	h.lines.Peerstore().ClearAddrs(p)
	h.lines.Peerstore().AddAddrs(p, at, peerstore.TempAddrTTL)
	// When to try again is decided here, and an address may have come back to life.
	h.lines.Backoff().Clear(p)
	return h.lines.DialPeer(network.WithDialPeerTimeout(ctx, handshakeTime), p)
}

// came and went are told of each connection.
func (h *Host) came(_ network.Network, c network.Conn) {
	h.door.came(c)
	h.mu.Lock()
	defer h.mu.Unlock()
	id := nodeOf(c.RemotePeer())
	h.links[id] = append(h.links[id], &connection{Conn: c})
}

func (h *Host) went(_ network.Network, c network.Conn) {
	h.door.went(c)
	h.mu.Lock()
	defer h.mu.Unlock()
	id := nodeOf(c.RemotePeer())
	h.links[id] = slices.DeleteFunc(h.links[id], func(other *connection) bool { return other.Conn == c })
	if len(h.links[id]) == 0 {
		delete(h.links, id)
	}
	nudge(h.news)
	nudge(h.wake)
}

// greeted notes that a connection is one between members.
func (h *Host) greeted(c network.Conn) {
	h.door.went(c)
	h.mu.Lock()
	defer h.mu.Unlock()
	id := nodeOf(c.RemotePeer())
	links := h.links[id]
	i := slices.IndexFunc(links, func(l *connection) bool { return l.Conn == c })
	if i < 0 || links[i].greeted {
		return
	}
	if !slices.ContainsFunc(links, isGreeted) {
		h.sessions[id]++
	}
	links[i].greeted = true
	nudge(h.news)
}

func isGreeted(c *connection) bool { return c.greeted }
