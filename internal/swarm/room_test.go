package swarm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shoal/internal/swarm"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// crowd is a room with what its viewers were told.
type crowd struct {
	*swarm.Room
	now  time.Time
	told map[swarm.ID]map[swarm.ID]bool // the peers of each
}

func newCrowd(seed uint64) *crowd {
	c := &crowd{Room: swarm.NewRoom(1, start, rand.New(rand.NewPCG(seed, 1))), now: start, told: make(map[swarm.ID]map[swarm.ID]bool)}
	c.Learn("v0", 300)
	c.Learn("v1", 300)
	c.Learn("a0", 100)
	return c
}

// hear takes what the room says as viewers would, and tells what is wrong with it.
func (c *crowd) hear(out []swarm.Envelope) error {
	return errors.Join(c.note(out), c.Check())
}

// note is hear without a look at what the room keeps.
func (c *crowd) note(out []swarm.Envelope) error {
	for i, e := range out {
		if e.Message == nil {
			delete(c.told, e.To)
			continue
		}
		// Who is closed in this step may be told something before.
		closed := slices.ContainsFunc(out[i:], func(x swarm.Envelope) bool { return x.To == e.To && x.Message == nil })
		if !c.Here(e.To) && !closed {
			return fmt.Errorf("%s is no viewer and is told %T", e.To, e.Message)
		}
		if c.told[e.To] == nil {
			c.told[e.To] = make(map[swarm.ID]bool)
		}
		switch m := e.Message.(type) {
		case *swarm.Peers:
			for _, id := range m.Remove {
				delete(c.told[e.To], id)
			}
			for _, p := range m.Add {
				c.told[e.To][p.Viewer] = true
			}
		case *swarm.Signalled:
			if !c.told[e.To][m.From] && m.Kind != "bye" {
				return fmt.Errorf("%s has a signal of the stranger %s", e.To, m.From)
			}
			if m.Kind == "bye" {
				delete(c.told[e.To], m.From)
			}
		case *swarm.PeerBanned:
			delete(c.told[e.To], m.Peer)
		}
	}
	return nil
}

// compare tells where what viewers were told is not what the room keeps.
func (c *crowd) compare() error {
	for id, told := range c.told {
		if !c.Here(id) {
			continue
		}
		ties := c.Ties(id)
		for _, p := range ties {
			if !told[p] {
				return fmt.Errorf("%s was not told of %s", id, p)
			}
		}
		if len(ties) != len(told) {
			return fmt.Errorf("%s has %d neighbours and was told of %d", id, len(ties), len(told))
		}
	}
	return nil
}

var addresses = []string{"192.168.1.5", "192.168.1.77", "10.0.0.4", "203.0.113.9", "203.0.113.10", "fd00::1", "fd00::2", "127.0.0.1", ""}

func address(i int) netip.Addr {
	a, _ := netip.ParseAddr(addresses[i%len(addresses)])
	return a
}

func viewerID(n int) swarm.ID {
	return swarm.ID(fmt.Sprintf("aaaaaaaa%c%c%c%c", 'a'+n/17576%26, 'a'+n/676%26, 'a'+n/26%26, 'a'+n%26))
}

func TestWhateverHappensARoomStaysWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCrowd(rapid.Uint64().Draw(t, "seed"))
		shares := []swarm.Share{swarm.ShareAll, swarm.ShareAll, swarm.ShareLAN, swarm.ShareReceive, swarm.ShareOff}
		draw := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
		run := func() swarm.Run {
			return swarm.Run{Rendition: []string{"v0", "v1", "a0", "zz"}[draw("rendition", 3)], First: uint32(draw("first", 305)), Count: uint32(1 + draw("count", 9))}
		}
		step := func() []swarm.Envelope {
			id, other := viewerID(draw("viewer", 16)), viewerID(draw("other", 16))
			var m swarm.Message
			switch draw("kind", 12) {
			case 0, 1:
				return c.Join(swarm.Arrival{ID: id, Share: shares[draw("share", 4)], Address: address(draw("address", 8)), Direct: true, Returns: draw("returns", 9) == 0}, c.now)
			case 2:
				delete(c.told, id)
				return c.Leave(id, draw("gone", 1) == 0, c.now)
			case 3:
				c.now = c.now.Add(time.Duration(draw("wait", 12_000)) * time.Millisecond)
				return c.Tick(c.now)
			case 4, 5:
				m = &swarm.State{Position: float64(draw("position", 300)), Peers: draw("peers", 3), Renditions: []string{[]string{"v0", "v1"}[draw("picture", 1)], "a0"},
					Bytes: swarm.Bytes{Peers: int64(draw("bytes", 1e9))}}
			case 6:
				m = &swarm.Have{Full: draw("full", 4) == 0, Add: swarm.Runs{run(), run()}, Drop: swarm.Runs{run()}}
			case 7, 8:
				m = &swarm.Lease{Chunks: swarm.Runs{run()}, Urgent: draw("urgent", 3) == 0}
			case 9:
				m = &swarm.Release{Chunks: swarm.Runs{run()}}
			case 10:
				m = &swarm.ShareChange{Share: shares[draw("share", 4)]}
			case 11:
				if c.Here(id) {
					delete(c.told[id], other)
				}
				m = &swarm.Failed{Peer: other, Why: []string{"unreachable", "slow", "closed"}[draw("why", 2)]}
			case 12:
				if draw("report", 1) == 0 {
					m = &swarm.Signal{To: other, Kind: []string{"offer", "bye"}[draw("signal", 1)], Data: "x"}
					if m.(*swarm.Signal).Kind == "bye" && c.Here(id) {
						delete(c.told[id], other)
					}
				} else {
					if c.Here(id) {
						delete(c.told[id], other)
					}
					m = &swarm.Report{Peer: other, Chunk: run()}
				}
			}
			return c.Handle(id, m, c.now)
		}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			out := step()
			if err := c.hear(out); err != nil {
				t.Fatal(err)
			}
			if err := c.compare(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// grow lets so many viewers join, each telling where it is.
func (c *crowd) grow(t testing.TB, n int, position func(i int) float64) {
	t.Helper()
	for i := range n {
		out := c.Join(swarm.Arrival{ID: viewerID(i), Share: swarm.ShareAll, Address: netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}), Direct: true}, c.now)
		c.now = c.now.Add(time.Millisecond)
		out = append(out, c.Handle(viewerID(i), &swarm.State{Position: position(i), Renditions: []string{"v0", "a0"}}, c.now)...)
		for _, e := range out {
			if e.Close != 0 {
				t.Fatalf("%s is closed: %d", e.To, e.Close)
			}
		}
		if err := c.note(out); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.Check(), c.compare()); err != nil {
		t.Fatal(err)
	}
}

func TestViewersHaveSixToTenNeighboursAndHangTogether(t *testing.T) {
	for _, n := range []int{7, 12, 64, 300, 2000} {
		for name, position := range map[string]func(int) float64{
			"together":   func(int) float64 { return 60 },
			"spread out": func(i int) float64 { return float64(i*37) - float64(i*37/7200*7200) },
		} {
			c := newCrowd(uint64(n))
			c.grow(t, n, position)
			for range 5 { // viewers go on telling where they are
				c.now = c.now.Add(16 * time.Second)
				for i := range n {
					if err := c.note(c.Handle(viewerID(i), &swarm.State{Position: position(i), Peers: 1, Renditions: []string{"v0", "a0"}}, c.now)); err != nil {
						t.Fatal(err)
					}
				}
			}
			few := 0
			for i := range n {
				if ties := len(c.Ties(viewerID(i))); ties < min(swarm.MinTies, n-1) {
					few++
				}
			}
			if few > 0 {
				t.Errorf("%d viewers %s: %d have fewer than %d neighbours", n, name, few, swarm.MinTies)
			}
			if reached := c.reach(viewerID(0)); reached != n {
				t.Errorf("%d viewers %s: only %d hang together", n, name, reached)
			}
			if err := errors.Join(c.Check(), c.compare()); err != nil {
				t.Error(err)
			}
		}
	}
}

// reach returns how many viewers are connected with one, hand to hand.
func (c *crowd) reach(from swarm.ID) int {
	seen := map[swarm.ID]bool{from: true}
	for todo := []swarm.ID{from}; len(todo) > 0; todo = todo[1:] {
		for _, id := range c.Ties(todo[0]) {
			if !seen[id] {
				seen[id] = true
				todo = append(todo, id)
			}
		}
	}
	return len(seen)
}

func TestNeighboursPlayTheSamePart(t *testing.T) {
	const n = 1000
	c := newCrowd(3)
	at := func(i int) float64 { return float64(i % 10 * 600) }
	c.grow(t, n, at)
	plays := make(map[swarm.ID]float64)
	for i := range n {
		plays[viewerID(i)] = at(i)
	}
	same, all := 0, 0
	for id, position := range plays {
		for _, p := range c.Ties(id) {
			if all++; plays[p] == position {
				same++
			}
		}
	}
	if same*10 < all*7 {
		t.Errorf("only %d of %d neighbours play the same part of the film", same, all)
	}
}
