package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"shoal/internal/placement"
)

// Two nodes that have connected say hello: the one that dialled shows its certificate and where it answers, and the other does the
// same, or says why it will not. Then each tells what it knows of where the others answer: so a node is found that moved.

const (
	maxGreeting = 16 << 10
	// maxTold bounds the records that are told, in bytes.
	maxTold = 512 << 10
	maxTale = maxTold + 8<<10
)

// greeting is one side's part.
type greeting struct {
	// Refused is why there is nothing else in it.
	Refused     string `cbor:"1,keyasint,omitempty"`
	Certificate []byte `cbor:"2,keyasint,omitempty"`
	Record      []byte `cbor:"3,keyasint,omitempty"`
}

// tale is what a node knows of others.
type tale struct {
	Records [][]byte `cbor:"1,keyasint"`
}

// greet says hello over a connection that this node opened, or to hear what is new.
func (h *Host) greet(ctx context.Context, c network.Conn) error {
	s, err := h.openStream(ctx, c, helloProtocol)
	if err != nil {
		return fmt.Errorf("say hello: %w", err)
	}
	defer s.Close()
	_ = s.SetDeadline(time.Now().Add(h.cfg.Patience))
	defer context.AfterFunc(ctx, func() { _ = s.SetDeadline(time.Unix(1, 0)) })()
	if err := h.greetOver(ctx, s, nodeOf(c.RemotePeer())); err != nil {
		return fmt.Errorf("say hello: %w", err)
	}
	return nil
}

func (h *Host) greetOver(ctx context.Context, s net.Conn, to placement.NodeID) error {
	if err := send(s, h.ownGreeting()); err != nil {
		return err
	}
	var theirs greeting
	if err := receive(s, maxGreeting, &theirs); err != nil {
		return err
	}
	if theirs.Refused != "" {
		h.wasRefused(theirs.Refused, to)
		return meaningOf(theirs.Refused)
	}
	if err := h.meet(ctx, to, theirs); err != nil {
		return err
	}
	var told tale
	if err := receive(s, maxTale, &told); err != nil {
		return err
	}
	h.hear(ctx, told)
	return send(s, h.tell(to))
}

// answerHello is the other side of greet. Strangers come here too.
func (h *Host) answerHello(ctx context.Context, from placement.NodeID, s net.Conn) {
	_ = s.SetDeadline(time.Now().Add(h.cfg.Patience))
	var theirs greeting
	if err := receive(s, maxGreeting, &theirs); err != nil {
		return
	}
	if err := h.meet(ctx, from, theirs); err != nil {
		h.log.Info("a node was refused", "node", from, "err", err)
		_ = send(s, greeting{Refused: reasonOf(err)})
		return
	}
	if send(s, h.ownGreeting()) != nil || send(s, h.tell(from)) != nil {
		return
	}
	h.greeted(s.(*conn).s.Conn())
	var told tale
	if receive(s, maxTale, &told) == nil {
		h.hear(ctx, told)
	}
}

func (h *Host) ownGreeting() greeting {
	own, _ := h.members.Certificate(h.identity.ID())
	text, _ := h.book.record(h.identity.ID())
	return greeting{Certificate: own.Encode(), Record: text}
}

// meet takes a node for a member whose certificate says so.
func (h *Host) meet(ctx context.Context, node placement.NodeID, g greeting) error {
	c, err := ReadCertificate(g.Certificate)
	if err != nil {
		return err
	}
	if c.Node() != node {
		return fmt.Errorf("the certificate of %s: %w", c.Node(), ErrInvalid)
	}
	err = h.admit(ctx, c)
	if errors.Is(err, ErrOtherCluster) {
		// Who takes this node in may say hello before this node has read that it was taken in.
		h.awaitJoining()
		err = h.admit(ctx, c)
	}
	if err != nil && !h.members.Has(node) {
		return err
	}
	if len(g.Record) > 0 {
		h.hear(ctx, tale{[][]byte{g.Record}})
	}
	return nil
}

func (h *Host) awaitJoining() {
	h.joining.Lock()
	defer h.joining.Unlock()
}

// tell returns what a member is told of others.
func (h *Host) tell(to placement.NodeID) tale { return tale{h.book.all(to, maxTold)} }

// hear learns from what a member tells. What is wrong or of strangers is passed over.
func (h *Host) hear(ctx context.Context, told tale) {
	for _, text := range told.Records {
		if _, err := h.Learn(ctx, text); err != nil {
			h.log.Debug("a record of addresses was passed over", "err", err)
		}
	}
}
