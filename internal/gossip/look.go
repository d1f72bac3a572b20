package gossip

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"

	"shoal/internal/placement"
)

const (
	// lookEvery is how long a suspicion may go unnoticed; deaths and joins are noticed at once. askEvery is how often memberlist is
	// asked though there is no news.
	lookEvery = 500 * time.Millisecond
	askEvery  = 10 * time.Second
	// foundWithin is how long a member that was never heard of counts as suspect.
	foundWithin = 10 * time.Second
	// maxJoins bounds the attempts to find members at one time, joinsEach those that one look begins: the first that is found knows
	// most others.
	maxJoins  = 16
	joinsEach = 3
	// seekFirst and seekLast are how long to wait before looking for a member again.
	seekFirst = time.Second
	seekLast  = 10 * time.Second
)

// peer is what is kept of a member.
type peer struct {
	Peer
	known bool // that memberlist has, or had, a state for it
	seek  time.Time
	pause time.Duration
	busy  bool // an attempt to find it is under way
}

func cmpIDs(a, b placement.NodeID) int { return strings.Compare(string(a), string(b)) }

// look compares what memberlist believes with what was known, and tells what changed.
func (g *Gossip) look() {
	members := g.enlist()
	now := g.cfg.Now()
	if g.wires.news.Swap(false) || now.Sub(g.asked) >= askEvery {
		states, err := g.ask()
		if err != nil {
			g.cfg.Log.Error("the state of the members is unknown", "error", err)
			return
		}
		g.states, g.asked = states, now
	}
	for _, p := range g.update(members, g.states, now) {
		g.cfg.Log.Info("a node's state changed", "node", p.ID, "state", p.State)
		g.cfg.Changed(p)
	}
}

// update takes over the states, and returns who changed.
func (g *Gossip) update(members []placement.NodeID, states map[placement.NodeID]State, now time.Time) (changed []Peer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.peers
	g.peers = make(map[placement.NodeID]*peer, len(members))
	for _, id := range members {
		p := old[id]
		if p == nil {
			p = &peer{Peer: Peer{ID: id, State: Suspect, Since: now}}
		}
		g.peers[id] = p
		if to := p.next(states, now); to != p.State {
			p.State, p.Since = to, now
			p.seek, p.pause = time.Time{}, 0
			changed = append(changed, p.Peer)
		}
	}
	for id := range old {
		if g.peers[id] == nil {
			g.wires.drop(id)
		}
	}
	return changed
}

// next returns the peer's state after what memberlist believes now. It forgets who is gone for long.
func (p *peer) next(states map[placement.NodeID]State, now time.Time) State {
	state, there := states[p.ID]
	switch {
	case there:
		p.known = true
		return state
	case p.State == Left:
		return Left
	case p.known || now.Sub(p.Since) >= foundWithin:
		return Dead
	}
	return p.State
}

// heard notes that something came from a member itself. Whoever seems gone and talks is looked for at once.
func (g *Gossip) heard(id placement.NodeID, facts []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.peers[id]
	if p == nil {
		return
	}
	p.LastSeen = g.cfg.Now()
	if facts != nil {
		p.Facts = facts
	}
	if p.State != Alive && p.pause > seekFirst {
		p.seek, p.pause = time.Time{}, 0
		g.nudge()
	}
}

// nudge has the next look come at once.
func (g *Gossip) nudge() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// seek tries to find the members that memberlist does not think alive: it forgets who was gone for half a minute, and two
// halves of a cluster that were apart for longer would never meet again.
func (g *Gossip) seek(joining *sync.WaitGroup) {
	now := g.cfg.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	begun := 0
	for id, p := range g.peers {
		if p.State == Alive || p.State == Suspect && p.known || p.busy || now.Before(p.seek) {
			continue
		}
		if begun == joinsEach || g.joins == maxJoins {
			return
		}
		begun++
		g.joins++
		p.busy = true
		joining.Go(func() { g.find(id) })
	}
}

func (g *Gossip) find(id placement.NodeID) {
	_, err := g.swim.Join([]string{fmt.Sprintf("%s/%s", id, addressOf(id))})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joins--
	p := g.peers[id]
	if p == nil {
		return
	}
	p.busy = false
	p.pause = min(max(seekFirst, 2*p.pause), seekLast)
	// Many that look for each other at the same moments would be in each other's way.
	p.seek = g.cfg.Now().Add(p.pause/2 + rand.N(p.pause))
	if err == nil {
		g.nudge()
	}
}

// exchangeHead and exchangeState are how memberlist tells all that it believes (its pushPullHeader and pushNodeState).
type exchangeHead struct {
	Nodes        int
	UserStateLen int
	Join         bool
}

type exchangeState struct {
	Name        string
	Addr        []byte
	Port        uint16
	Meta        []byte
	Incarnation uint32
	State       memberlist.NodeStateType
	Vsn         []uint8
}

// ask returns what memberlist believes of each node. Its own functions do not tell whom it suspects; only who asks it over its
// protocol learns that, so this node does.
func (g *Gossip) ask() (map[placement.NodeID]State, error) {
	here, there := net.Pipe()
	defer here.Close()
	if err := here.SetDeadline(time.Now().Add(exchangeWithin)); err != nil {
		return nil, err
	}
	if !g.wires.hand(there) {
		return nil, net.ErrClosed
	}
	var handle codec.MsgpackHandle
	request := bytes.NewBuffer([]byte{byte(exchangeMessage)})
	if err := codec.NewEncoder(request, &handle).Encode(exchangeHead{}); err != nil {
		return nil, err
	}
	if _, err := here.Write(request.Bytes()); err != nil {
		return nil, err
	}
	return readStates(bufio.NewReader(here))
}

// readStates reads an answer to an exchange.
func readStates(from io.Reader) (map[placement.NodeID]State, error) {
	var kind [1]byte
	if _, err := io.ReadFull(from, kind[:]); err != nil {
		return nil, err
	}
	var handle codec.MsgpackHandle
	decoder := codec.NewDecoder(from, &handle)
	var head exchangeHead
	if err := decoder.Decode(&head); err != nil {
		return nil, err
	}
	states := make(map[placement.NodeID]State, head.Nodes)
	for range head.Nodes {
		var s exchangeState
		if err := decoder.Decode(&s); err != nil {
			return nil, err
		}
		states[placement.NodeID(s.Name)] = stateOf(s.State)
	}
	return states, nil
}

func stateOf(s memberlist.NodeStateType) State {
	switch s {
	case memberlist.StateAlive:
		return Alive
	case memberlist.StateSuspect:
		return Suspect
	case memberlist.StateLeft:
		return Left
	}
	return Dead
}
