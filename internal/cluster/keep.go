package cluster

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

const (
	// maxDoublings bounds the time between two tries.
	maxDoublings = 8
	// triesAtOnce bounds the connecting that nobody asked for.
	triesAtOnce = 8
	// addressesEvery is how often this node looks whether its own addresses are still the same.
	addressesEvery = 15 * time.Second
)

// redials decides when which member is looked for. It is used by one goroutine.
type redials struct {
	base time.Duration
	// jitter returns a factor from 0.5 to 1.5: nodes that lost each other together shall not come back together.
	jitter func() float64
	tries  map[placement.NodeID]redial
}

type redial struct {
	failed int
	at     time.Time
	under  bool
}

// due returns those of missing to look for now, and when to ask again; zero when nobody is waited for.
func (r *redials) due(now time.Time, missing []placement.NodeID) (due []placement.NodeID, next time.Time) {
	for id := range r.tries {
		if !slices.Contains(missing, id) && !r.tries[id].under {
			delete(r.tries, id)
		}
	}
	for _, id := range missing {
		switch t := r.tries[id]; {
		case t.under:
		case !t.at.After(now):
			due = append(due, id)
		case next.IsZero() || t.at.Before(next):
			next = t.at
		}
	}
	return due, next
}

func (r *redials) begin(id placement.NodeID) {
	t := r.tries[id]
	t.under = true
	r.tries[id] = t
}

func (r *redials) end(id placement.NodeID, ok bool, now time.Time) {
	if ok {
		delete(r.tries, id)
		return
	}
	failed := r.tries[id].failed
	wait := time.Duration(float64(r.base<<min(failed, maxDoublings)) * r.jitter())
	r.tries[id] = redial{failed: failed + 1, at: now.Add(wait)}
}

// forgive has a member looked for at once, because it may answer elsewhere now.
func (r *redials) forgive(id placement.NodeID) {
	if t := r.tries[id]; !t.under {
		delete(r.tries, id)
	}
}

// outcome is how a look for a member ended.
type outcome struct {
	id placement.NodeID
	ok bool
}

// keep connects to the members that this node has no connection to, again and again, until the host closes.
func (h *Host) keep() {
	r := &redials{base: h.cfg.Redial, jitter: func() float64 { return 0.5 + rand.Float64() }, tries: make(map[placement.NodeID]redial)}
	ended, slots := make(chan outcome), make(chan struct{}, triesAtOnce)
	under := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-h.wake:
		case <-timer.C:
		case o := <-ended:
			under--
			r.end(o.id, o.ok, time.Now())
		case <-h.ctx.Done():
			for ; under > 0; under-- {
				<-ended
			}
			return
		}
		for id := range h.takeMoved() {
			r.forgive(id)
		}
		due, next := r.due(time.Now(), h.missing())
		for _, id := range due {
			r.begin(id)
			under++
			h.running.Go(func() { ended <- h.lookFor(id, slots) })
		}
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// missing returns the members without a connection.
func (h *Host) missing() []placement.NodeID {
	if !h.members.Has(h.ID()) {
		return nil
	}
	return slices.DeleteFunc(h.members.All(), func(id placement.NodeID) bool { return id == h.ID() || h.link(id) != nil })
}

// lookFor tries to connect to a member.
func (h *Host) lookFor(id placement.NodeID, slots chan struct{}) outcome {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-h.ctx.Done():
		return outcome{id, false}
	}
	_, err := h.connect(h.ctx, id)
	if err != nil && h.ctx.Err() == nil {
		h.log.Debug("a member was not reached", "node", id, "err", err)
	}
	return outcome{id, err == nil}
}

// askAround hears from a member that is there what it knows of where the others are.
func (h *Host) askAround(ctx context.Context) {
	here := slices.Collect(maps.Keys(h.present()))
	if len(here) == 0 {
		return
	}
	link := h.link(here[rand.IntN(len(here))])
	if link == nil {
		return
	}
	if err := h.greet(ctx, link); err != nil && ctx.Err() == nil {
		h.log.Debug("a member did not tell where others are", "node", link.RemotePeer(), "err", err)
	}
}

// present returns the members with a connection, each with the number of its session.
func (h *Host) present() map[placement.NodeID]uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[placement.NodeID]uint64)
	for id, links := range h.links {
		if slices.ContainsFunc(links, isGreeted) {
			all[id] = h.sessions[id]
		}
	}
	return all
}

// notify tells who came and who went, one after the other.
func (h *Host) notify() {
	told := make(map[placement.NodeID]uint64)
	for {
		select {
		case <-h.news:
		case <-h.ctx.Done():
			return
		}
		now := h.present()
		for id, session := range told {
			if now[id] != session {
				h.log.Info("a node is gone", "node", id)
				call(h.cfg.Lost, id)
			}
		}
		for id, session := range now {
			if told[id] != session {
				h.log.Info("a node is here", "node", id)
				call(h.cfg.Connected, id)
			}
		}
		told = now
	}
}

func call(f func(placement.NodeID), id placement.NodeID) {
	if f != nil {
		f(id)
	}
}

// ownAddresses returns where others reach this node, the advertised ones first.
func (h *Host) ownAddresses() []ma.Multiaddr {
	all := distinct(append(ways(h.cfg.Advertise), h.lines.listening()...))
	return all[:min(len(all), 2*maxAddresses)]
}

// Record returns what this node signed of its own addresses, to be spread and handed to Learn elsewhere.
func (h *Host) Record() []byte {
	text, _ := h.book.record(h.ID())
	return text
}

// Learn takes over where a member answers, from what that one signed; an older record than is known changes nothing. Errors:
// ErrRecord, ErrNotMember.
func (h *Host) Learn(ctx context.Context, record []byte) (news bool, err error) {
	id, news, err := h.book.learn(ctx, record, func(id placement.NodeID) bool { return id != h.ID() && h.members.Has(id) })
	if news {
		h.mu.Lock()
		h.moved[id] = true
		h.mu.Unlock()
		nudge(h.wake)
	}
	return news, err
}

func (h *Host) takeMoved() map[placement.NodeID]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	moved := h.moved
	h.moved = make(map[placement.NodeID]bool)
	return moved
}

// renew signs this node's addresses when they are not those that it signed last.
func (h *Host) renew(ctx context.Context) (news bool, err error) {
	now := h.ownAddresses()
	text, before := h.book.record(h.ID())
	if text != nil {
		if _, old, err := readRecord(text); err == nil && slices.EqualFunc(old.signed, now, ma.Multiaddr.Equal) {
			return false, nil
		}
	}
	if text, err = seal(h.key, h.peer, now, before, h.cfg.Now()); err != nil {
		return false, err
	}
	_, news, err = h.book.learn(ctx, text, func(id placement.NodeID) bool { return id == h.ID() })
	return news, err
}

// watchAddresses notices when this machine has come to another network.
func (h *Host) watchAddresses() {
	ticker := time.NewTicker(addressesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-h.ctx.Done():
			return
		}
		news, err := h.renew(h.ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			h.log.Warn("this node's new addresses were not kept", "err", err)
		}
		if news {
			h.tellMoved()
		}
	}
}

// tellMoved has everybody who is here hear of this node's new addresses.
func (h *Host) tellMoved() {
	if h.cfg.Moved != nil {
		h.cfg.Moved(h.Record())
	}
	for id := range h.present() {
		var link network.Conn
		if link = h.link(id); link == nil {
			continue
		}
		if err := h.greet(h.ctx, link); err != nil && h.ctx.Err() == nil {
			h.log.Debug("a member did not hear that this node moved", "node", id, "err", err)
		}
	}
}
