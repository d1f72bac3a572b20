package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

// Errors of joining, each with what to do in its text.
var (
	ErrOwnInvite     = errors.New("this node made the invite itself; use it on the machine that shall join")
	ErrAlreadyMember = errors.New("this node belongs to that cluster already; there is nothing to do")
	ErrHasCluster    = errors.New("this node belongs to a cluster with others; remove it there first, or start a new node with another --data")
	ErrTooOften      = errors.New("too many attempts to join come from this address; wait a minute and try again")
)

const (
	// maxFacts and maxName are of what a newcomer says of itself, in bytes.
	maxFacts = 32 << 10
	maxName  = 64
	maxJoin  = maxFacts + maxRecord + 4<<10
	// maxBlobs is what a newcomer gets of the composition's, maxWelcome everything it gets.
	maxBlobs   = 2 << 20
	maxWelcome = maxBlobs + maxTold + placement.MaxNodes*maxCertificate + 64<<10
	// joinTime bounds joining as the newcomer sees it: connecting, the question, and its answer.
	joinTime = 20 * time.Second
)

// joinRequest is what a newcomer says. Who it is, the connection has proved.
type joinRequest struct {
	// Cluster and Secret are the invite's; without an invite both are empty, and somebody has to approve.
	Cluster ID     `cbor:"1,keyasint,omitempty"`
	Secret  []byte `cbor:"2,keyasint,omitempty"`
	Name    string `cbor:"3,keyasint,omitempty"`
	Facts   []byte `cbor:"4,keyasint,omitempty"`
	Record  []byte `cbor:"5,keyasint"`
}

// joinAnswer is what it gets.
type joinAnswer struct {
	// Refused is why there is nothing else in it.
	Refused     string `cbor:"1,keyasint,omitempty"`
	Certificate []byte `cbor:"2,keyasint,omitempty"`
	// Members are the certificates of all, Records where they answer.
	Members [][]byte `cbor:"3,keyasint,omitempty"`
	Records [][]byte `cbor:"4,keyasint,omitempty"`
	Blobs   [][]byte `cbor:"5,keyasint,omitempty"`
}

// Welcome is what a node got that has joined.
type Welcome struct {
	// By is who admitted it.
	By placement.NodeID
	// Blobs are what the other's Config.Welcome returned.
	Blobs [][]byte
}

// Invite returns a link with which one node may join, once, as long as it lasts. Errors: ErrNotMember, ErrFull, ErrLongChain,
// ErrManyInvites.
func (h *Host) Invite(ctx context.Context, lasts time.Duration) (link string, err error) {
	if _, err := h.issuer(""); err != nil {
		return "", fmt.Errorf("make invite: %w", err)
	}
	addresses := h.Addresses()
	if len(addresses) == 0 {
		return "", errors.New("make invite: this node has no address; start it with --p2p, or name one with --advertise")
	}
	own, err := publicKey(h.ID())
	if err != nil {
		return "", err
	}
	cluster, err := h.members.Cluster().key()
	if err != nil {
		return "", err
	}
	secret, expires, err := h.invites.make(ctx, lasts)
	if err != nil {
		return "", err
	}
	return invite{Cluster: cluster, Inviter: own, Secret: secret, Expires: expires, Addresses: addresses}.text(), nil
}

// Join makes this node a member of the cluster that a link is of. facts, at most 32 KiB, are for those that welcome it. The same link
// may be used again by the same node when the answer got lost. Errors: ErrNotLink, ErrDamagedLink, ErrOtherVersion, ErrExpired,
// ErrOwnInvite, ErrHasCluster, ErrUnreachable, ErrUnknownInvite, ErrUsedInvite, ErrOtherCluster, ErrAlreadyMember, ErrTooOften,
// ErrFull, ErrLongChain, ErrLater.
func (h *Host) Join(ctx context.Context, link string, facts []byte) (*Welcome, error) {
	i, err := parseLink(link, h.cfg.Now())
	if err != nil {
		return nil, err
	}
	by, err := i.inviter()
	if err == nil && by == h.ID() {
		err = ErrOwnInvite
	}
	if err == nil && len(facts) > maxFacts {
		err = fmt.Errorf("facts of %d bytes: %w", len(facts), errMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("join cluster: %w", err)
	}
	w, err := h.joinAt(ctx, by, ways(i.Addresses), joinRequest{Cluster: i.cluster(), Secret: i.Secret, Name: h.cfg.Name, Facts: facts, Record: h.Record()})
	if err != nil {
		return nil, fmt.Errorf("join cluster at %v: %w", i.Addresses, err)
	}
	return w, nil
}

// joinAt asks a node to be taken in, and becomes a member by its answer.
func (h *Host) joinAt(ctx context.Context, by placement.NodeID, at []ma.Multiaddr, request joinRequest) (*Welcome, error) {
	h.joining.Lock()
	defer h.joining.Unlock()
	if h.members.Cluster() != request.Cluster && len(h.members.All()) > 1 && !h.Removed() {
		return nil, ErrHasCluster
	}
	p, err := peerOf(by)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	defer h.door.expect(p)()
	c, err := h.connectAt(ctx, p, at)
	if err != nil {
		return nil, err
	}
	answer, err := h.ask(ctx, c, request)
	if err != nil && c.IsClosed() && ctx.Err() == nil {
		// It was one of before, and has ended since. To ask again is safe.
		if c, err = h.connectAt(ctx, p, at); err == nil {
			answer, err = h.ask(ctx, c, request)
		}
	}
	if err == nil {
		err = h.become(ctx, by, request.Cluster, answer)
	}
	if err != nil {
		if c != nil && !h.members.Has(by) {
			_ = c.Close()
		}
		return nil, err
	}
	if err := h.book.reached(ctx, by, c.RemoteMultiaddr()); err != nil {
		h.log.Warn("an address was not kept", "node", by, "err", err)
	}
	nudge(h.wake)
	return &Welcome{By: by, Blobs: answer.Blobs}, nil
}

// ask sends a request and returns the answer, unless that refuses.
func (h *Host) ask(ctx context.Context, c network.Conn, request joinRequest) (*joinAnswer, error) {
	s, err := h.openStream(ctx, c, joinProtocol)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { _ = s.SetDeadline(time.Unix(1, 0)) })()
	var answer joinAnswer
	if err = send(s, request); err == nil {
		err = receive(s, maxWelcome, &answer)
	}
	if errors.Is(err, ErrBusy) {
		err = ErrTooOften
	}
	if err == nil && answer.Refused != "" {
		err = meaningOf(answer.Refused)
	}
	return &answer, err
}

// become takes over the membership that an answer gives.
func (h *Host) become(ctx context.Context, by placement.NodeID, cluster ID, answer *joinAnswer) error {
	own, err := ReadCertificate(answer.Certificate)
	if err != nil {
		return err
	}
	if own.Node() != h.ID() || cluster != "" && own.Cluster() != cluster {
		return fmt.Errorf("the certificate is of node %s in cluster %s: %w", own.Node(), own.Cluster(), ErrInvalid)
	}
	var others []*Certificate
	known := false
	for _, text := range answer.Members {
		c, err := ReadCertificate(text)
		if err != nil {
			return err
		}
		others = append(others, c)
		known = known || c.Node() == by && c.Cluster() == own.Cluster()
	}
	if !known {
		return fmt.Errorf("who admits is itself no member: %w", ErrInvalid)
	}
	if err := h.adopt(ctx, own, others); err != nil {
		return err
	}
	h.hear(ctx, tale{answer.Records})
	return nil
}

// answerJoin takes in who has an invite or was approved. It is all that strangers get.
func (h *Host) answerJoin(ctx context.Context, from placement.NodeID, s net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Patience)
	defer cancel()
	_ = s.SetDeadline(time.Now().Add(h.cfg.Patience))
	answer, err := h.welcome(ctx, from, s)
	if err != nil {
		h.log.Info("a node did not join", "node", from, "from", s.RemoteAddr(), "err", err)
		_ = send(s, joinAnswer{Refused: reasonOf(err)})
		return
	}
	h.log.Info("a node joined", "node", from, "from", s.RemoteAddr())
	_ = send(s, answer)
}

func (h *Host) welcome(ctx context.Context, from placement.NodeID, s net.Conn) (*joinAnswer, error) {
	leave, err := h.door.join(s.(*conn).s.Conn().RemoteMultiaddr())
	if err != nil {
		return nil, err
	}
	defer leave()
	var request joinRequest
	if err := receive(s, maxJoin, &request); err != nil {
		return nil, err
	}
	own, err := h.takeIn(ctx, from, request, s.RemoteAddr().String())
	if err != nil {
		return nil, err
	}
	answer := &joinAnswer{Certificate: own.Encode(), Records: h.book.all(from, maxTold)}
	for _, id := range h.members.All() {
		if c, is := h.members.Certificate(id); is && id != from {
			answer.Members = append(answer.Members, c.Encode())
		}
	}
	if len(request.Record) > 0 {
		h.hear(ctx, tale{[][]byte{request.Record}})
	}
	answer.Blobs, err = h.blobs(ctx, from, request.Facts)
	return answer, err
}

// takeIn decides whether a node may join, and certifies it.
func (h *Host) takeIn(ctx context.Context, from placement.NodeID, request joinRequest, at string) (*Certificate, error) {
	h.admitting.Lock()
	defer h.admitting.Unlock()
	// Two nodes that join each other must not wait for each other.
	if !h.joining.TryLock() {
		return nil, ErrLater
	}
	defer h.joining.Unlock()
	if request.Cluster != "" && request.Cluster != h.members.Cluster() {
		return nil, ErrOtherCluster
	}
	issue, err := h.issuer(from)
	if err != nil {
		return nil, err
	}
	serial, err := h.serialFor(ctx, from, request, at)
	if err != nil {
		return nil, err
	}
	c, err := issue(serial)
	if err != nil {
		return nil, err
	}
	return c, h.admit(ctx, c)
}

// serialFor returns with which serial a node may join: a new one, or the one it got before when the answer to that was lost.
func (h *Host) serialFor(ctx context.Context, from placement.NodeID, request joinRequest, at string) (uint64, error) {
	next := h.members.nextSerial(from)
	known, isMember := h.members.Certificate(from)
	again := func(serial uint64) bool { return serial == next || isMember && serial == known.Serial() }
	if len(request.Secret) == 0 {
		return h.asks.use(ask{Node: from, Name: cleanName(request.Name), Address: at}, next, isMember, again)
	}
	if isMember && !h.invites.usedBy(ctx, request.Secret, from) {
		return 0, ErrAlreadyMember
	}
	return h.invites.use(ctx, request.Secret, from, next, again)
}

// blobs returns what the composition gives a newcomer.
func (h *Host) blobs(ctx context.Context, to placement.NodeID, facts []byte) ([][]byte, error) {
	if h.cfg.Welcome == nil {
		return nil, nil
	}
	blobs, err := h.cfg.Welcome(ctx, to, facts)
	size := 0
	for _, blob := range blobs {
		size += len(blob)
	}
	if err == nil && (size > maxBlobs || len(blobs) > maxElements) {
		err = fmt.Errorf("%d pieces of %d bytes, at most %d: %w", len(blobs), size, maxBlobs, errMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("welcome node %s: %w", to, err)
	}
	return blobs, nil
}
