package cluster

import (
	"context"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"shoal/internal/placement"
)

const (
	joinProtocol  = "/shoal/join/1"
	helloProtocol = "/shoal/hello/1"
)

// service is what answers to a protocol.
type service struct {
	serve func(ctx context.Context, from placement.NodeID, conn net.Conn)
	// perPeer bounds the streams of one node that are served at once; 0 is no bound.
	perPeer int
	// forStrangers bounds those of all who are no members. They take nothing from those who are.
	forStrangers int
	busy         map[placement.NodeID]int // guarded by Host.mu
	strangers    int                      // guarded by Host.mu
}

// Handle has serve answer the streams of a protocol, at most perPeer of one member at a time; the others are ended, and the member
// sees ErrBusy. A stream counts until serve has returned, which is a little after the other side has read its end. When serve
// returns, the stream is closed so that what was written arrives; ctx ends when the host closes. What comes before Handle was called
// is not known.
func (h *Host) Handle(protocol string, perPeer int, serve func(ctx context.Context, from placement.NodeID, conn net.Conn)) {
	h.handle(protocol, &service{serve: serve, perPeer: perPeer})
}

func (h *Host) handle(protocol string, s *service) {
	s.busy = make(map[placement.NodeID]int)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.services[protocol] = s
}

// answer serves a stream that another node opened.
func (h *Host) answer(s network.Stream) {
	if !h.enter() {
		_ = s.ResetWithError(network.StreamShutdown)
		return
	}
	defer h.running.Done()
	_ = s.SetReadDeadline(time.Now().Add(h.cfg.Patience))
	name, err := readProtocol(s)
	if err != nil {
		_ = s.ResetWithError(network.StreamProtocolViolation)
		return
	}
	from := nodeOf(s.Conn().RemotePeer())
	svc, release, refusal := h.admitStream(from, name)
	if refusal != 0 {
		_ = s.ResetWithError(refusal)
		return
	}
	defer release()
	if err := s.SetProtocol(protocol.ID(name)); err != nil {
		_ = s.ResetWithError(network.StreamResourceLimitExceeded)
		return
	}
	_ = s.SetReadDeadline(time.Time{})
	c := &conn{s: s}
	defer c.Close()
	svc.serve(h.ctx, from, c)
}

// admitStream says who serves a stream and what is called at its end, or why nobody does.
func (h *Host) admitStream(from placement.NodeID, protocol string) (svc *service, release func(), refusal network.StreamErrorCode) {
	isMember := h.members.Has(from)
	h.mu.Lock()
	defer h.mu.Unlock()
	s, known := h.services[protocol]
	switch {
	case !isMember && (!known || s.forStrangers == 0):
		return nil, nil, network.StreamGated
	case !known:
		return nil, nil, network.StreamProtocolNegotiationFailed
	case s.perPeer > 0 && s.busy[from] >= s.perPeer, !isMember && s.strangers >= s.forStrangers:
		return nil, nil, network.StreamRateLimited
	}
	strangers := 0
	if !isMember {
		strangers = 1
	}
	s.busy[from]++
	s.strangers += strangers
	return s, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		s.strangers -= strangers
		if s.busy[from]--; s.busy[from] == 0 {
			delete(s.busy, from)
		}
	}, 0
}
