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
	// perPeer and inAll bound the streams that are served at once; 0 is no bound.
	perPeer, inAll int
	forStrangers   bool
	busy           map[placement.NodeID]int // guarded by Host.mu
	total          int                      // guarded by Host.mu
}

// Handle has serve answer the streams of a protocol, at most perPeer of one member at a time; the others are ended, and the member
// sees ErrBusy. Serve returns when it is done, and the stream is closed afterwards so that what was written arrives; ctx ends when
// the host closes. It is called before Start.
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
	svc, refusal := h.admitStream(from, name)
	if refusal != 0 {
		_ = s.ResetWithError(refusal)
		return
	}
	defer h.releaseStream(from, svc)
	if err := s.SetProtocol(protocol.ID(name)); err != nil {
		_ = s.ResetWithError(network.StreamResourceLimitExceeded)
		return
	}
	_ = s.SetReadDeadline(time.Time{})
	c := &conn{s: s}
	defer c.Close()
	svc.serve(h.ctx, from, c)
}

// admitStream says who serves a stream, or why nobody does.
func (h *Host) admitStream(from placement.NodeID, protocol string) (*service, network.StreamErrorCode) {
	isMember := h.members.Has(from)
	h.mu.Lock()
	defer h.mu.Unlock()
	s, known := h.services[protocol]
	switch {
	case !isMember && (!known || !s.forStrangers):
		return nil, network.StreamGated
	case !known:
		return nil, network.StreamProtocolNegotiationFailed
	case s.perPeer > 0 && s.busy[from] >= s.perPeer, s.inAll > 0 && s.total >= s.inAll:
		return nil, network.StreamRateLimited
	}
	s.busy[from]++
	s.total++
	return s, 0
}

func (h *Host) releaseStream(from placement.NodeID, s *service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.total--
	if s.busy[from]--; s.busy[from] == 0 {
		delete(s.busy, from)
	}
}
