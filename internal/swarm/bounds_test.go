package swarm_test

import (
	"runtime"
	"testing"
	"time"

	"shoal/internal/swarm"
)

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

func TestASwitchThatIsMovedAllTheTimeDoesNotKeepOthersBusy(t *testing.T) {
	c := newCrowd(1)
	c.grow(t, 2, func(int) float64 { return 0 })
	told := 0
	for i := range 100 {
		share := []swarm.Share{swarm.ShareOff, swarm.ShareAll}[i%2]
		for _, e := range c.Handle(viewerID(0), &swarm.ShareChange{Share: share}, c.now) {
			if e.To == viewerID(1) {
				told++
			}
		}
	}
	if told < 3 || told > 10 {
		t.Errorf("the other was told %d times", told)
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
