package swarm_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
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
	for _, e := range out {
		if e.Message == nil {
			delete(c.told, e.To)
			continue
		}
		if !c.Here(e.To) {
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
	return c.Check()
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
	}
	if err := c.Check(); err != nil {
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
					c.Handle(viewerID(i), &swarm.State{Position: position(i), Peers: 1, Renditions: []string{"v0", "a0"}}, c.now)
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
			if err := c.Check(); err != nil {
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

func TestAFloodEndsTheConnection(t *testing.T) {
	c := newCrowd(1)
	c.Join(swarm.Arrival{ID: viewerID(1), Share: swarm.ShareAll}, c.now)
	for i := range swarm.MessageBurst + 1 {
		out := c.Handle(viewerID(1), &swarm.Have{}, c.now)
		if closed := len(out) == 1 && out[0].Close == swarm.Flooding; closed != (i == swarm.MessageBurst) {
			t.Fatalf("message %d: %+v", i, out)
		}
	}
	if c.Handle(viewerID(1), &swarm.Have{}, c.now) != nil || c.Here(viewerID(1)) {
		t.Error("it is listened to still")
	}
}

func TestSignalsToStrangersGoNowhereAndToPeersHaveABudget(t *testing.T) {
	c := newCrowd(1)
	c.grow(t, 2, func(int) float64 { return 0 })
	c.Join(swarm.Arrival{ID: viewerID(2), Share: swarm.ShareOff}, c.now)
	if out := c.Handle(viewerID(0), &swarm.Signal{To: viewerID(2), Kind: "offer", Data: "x"}, c.now); out != nil {
		t.Errorf("a stranger was told %+v", out)
	}
	passed := 0
	for range 350 {
		passed += len(c.Handle(viewerID(0), &swarm.Signal{To: viewerID(1), Kind: "offer", Data: "x"}, c.now))
	}
	if passed < 150 || passed > 210 {
		t.Errorf("%d of 350 signals at once were passed on", passed)
	}
}

func TestNumbersThatCannotBeTrueAreNotCounted(t *testing.T) {
	c := newCrowd(1)
	c.Join(swarm.Arrival{ID: viewerID(0), Share: swarm.ShareAll}, c.now)
	tell := func(after time.Duration, bytes int64) {
		c.now = c.now.Add(after)
		c.Handle(viewerID(0), &swarm.State{Bytes: swarm.Bytes{Peers: bytes}}, c.now)
	}
	tell(time.Second, 5000)
	tell(2*time.Second, 9000)
	tell(2*time.Second, 2000) // it never falls
	if got := c.Counts().PeerBytes; got != 9000 {
		t.Errorf("counted %d bytes, want 9000", got)
	}
	tell(2*time.Second, 1<<53-1)
	if got := c.Counts().PeerBytes; got > 3e9 {
		t.Errorf("counted %d bytes in two seconds", got)
	}
	// Who comes back after a restart is counted from where it was.
	c.Join(swarm.Arrival{ID: viewerID(1), Share: swarm.ShareAll, Returns: true}, c.now)
	before := c.Counts().PeerBytes
	c.Handle(viewerID(1), &swarm.State{Bytes: swarm.Bytes{Peers: 700}}, c.now)
	c.Handle(viewerID(1), &swarm.State{Bytes: swarm.Bytes{Peers: 800}}, c.now.Add(time.Second))
	if got := c.Counts().PeerBytes - before; got != 100 {
		t.Errorf("counted %d bytes, want 100", got)
	}
}

func TestAChunkLeavesTheOriginOnceForACrowd(t *testing.T) {
	const n = 300
	c := newCrowd(5)
	c.grow(t, n, func(int) float64 { return 60 })
	granted := make(map[swarm.ID]bool)
	note := func(out []swarm.Envelope) {
		for _, e := range out {
			if m, ok := e.Message.(*swarm.Leases); ok && len(m.Granted) > 0 {
				granted[e.To] = true
			}
		}
	}
	ask := func() {
		for i := range n {
			note(c.Handle(viewerID(i), &swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 20, Count: 1}}}, c.now))
		}
	}
	ask()
	if len(granted) != 1 {
		t.Fatalf("%d viewers fetch the chunk", len(granted))
	}
	for id := range granted {
		note(c.Handle(id, &swarm.Have{Add: swarm.Runs{{Rendition: "v0", First: 20, Count: 1}}}, c.now))
	}
	ask() // it goes from hand to hand, though few are neighbours of the one who has it
	if len(granted) != 1 {
		t.Errorf("%d viewers fetch a chunk that one has", len(granted))
	}
}

func TestALoneViewerIsNotSentToAChunkThatCannotReachIt(t *testing.T) {
	c := newCrowd(5)
	c.grow(t, 200, func(i int) float64 { return 60 })
	c.Handle(viewerID(7), &swarm.Have{Add: swarm.Runs{{Rendition: "v0", First: 200, Count: 3}}}, c.now)
	// One jumps far ahead, where one other has chunks whose neighbours are elsewhere.
	c.now = c.now.Add(20 * time.Second)
	c.Handle(viewerID(9), &swarm.State{Position: 900, Peers: 3, Renditions: []string{"v0", "a0"}}, c.now)
	out := c.Handle(viewerID(9), &swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 200, Count: 1}}}, c.now)
	answer, _ := out[len(out)-1].Message.(*swarm.Leases)
	if answer == nil {
		t.Fatalf("no answer in %+v", out)
	}
	neighbour := false
	for _, id := range c.Ties(viewerID(9)) {
		neighbour = neighbour || id == viewerID(7)
	}
	if (len(answer.Ready) == 1) != neighbour || len(answer.Ready)+len(answer.Granted) != 1 {
		t.Errorf("answer %+v, introduced to who has it: %v", answer, neighbour)
	}
}

func TestTenThousandViewersFitIntoLittleMemory(t *testing.T) {
	const n = 10_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	c := newCrowd(9)
	c.grow(t, n, func(i int) float64 { return float64(i % 3600) })
	for i := range n {
		c.Handle(viewerID(i), &swarm.Have{Full: true, Add: swarm.Runs{{Rendition: "v0", First: uint32(i % 200), Count: 40}, {Rendition: "a0", First: uint32(i % 60), Count: 20}}}, c.now)
		c.Handle(viewerID(i), &swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: uint32(i % 250), Count: 4}}}, c.now)
	}
	each := (heap() - before) / n
	t.Logf("%d bytes for each of %d viewers", each, n)
	if each > 6000 {
		t.Errorf("%d bytes for each viewer", each)
	}
	runtime.KeepAlive(c)
}

func TestOneViewerCannotFillTheMemory(t *testing.T) {
	c := newCrowd(1)
	c.Learn("v0", 1_000_000)
	c.Join(swarm.Arrival{ID: viewerID(0), Share: swarm.ShareAll}, c.now)
	for round := range 300 {
		c.now = c.now.Add(time.Second)
		var have swarm.Have
		for i := range 512 {
			have.Add = append(have.Add, swarm.Run{Rendition: "v0", First: uint32(round*2048 + i*4), Count: 1})
		}
		c.Handle(viewerID(0), &have, c.now)
		c.Handle(viewerID(0), &swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: uint32(round * 64), Count: 64}}}, c.now)
		c.Handle(viewerID(0), &swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: uint32(round * 64), Count: 64}}, Urgent: true}, c.now)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func BenchmarkMessagesInALargeRoom(b *testing.B) {
	const n = 10_000
	c := newCrowd(9)
	c.grow(b, n, func(i int) float64 { return float64(i % 3600) })
	i := 0
	for b.Loop() {
		i++
		id := viewerID(i * 7 % n)
		c.now = c.now.Add(500 * time.Microsecond)
		switch i % 3 {
		case 0:
			c.Handle(id, &swarm.State{Position: float64(i % 3600), Peers: 3, Renditions: []string{"v0", "a0"}}, c.now)
		case 1:
			c.Handle(id, &swarm.Have{Add: swarm.Runs{{Rendition: "v0", First: uint32(i % 300), Count: 2}}, Drop: swarm.Runs{{Rendition: "v0", First: uint32((i + 100) % 300), Count: 2}}}, c.now)
		case 2:
			c.Handle(id, &swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: uint32(i % 300), Count: 2}}}, c.now)
		}
		c.Tick(c.now)
	}
}
