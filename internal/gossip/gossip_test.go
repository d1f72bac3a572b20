package gossip_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/gossip"
	"shoal/internal/placement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settle lets end what memberlist does for others, which takes it 0.3 s: time stands still when a bubble's first goroutine is gone.
func settle() { time.Sleep(400 * time.Millisecond) }

// bubble runs a test in virtual time with n nodes that have met.
func bubble(t *testing.T, n int, test func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer settle()
		c := newCluster(named(n)...)
		defer c.close()
		took := until(t, "all see all alive", 10*time.Second, c.whole)
		t.Logf("%d nodes met in %v", n, took)
		test(t, c)
	})
}

func TestACrashIsSeenByAllWithinTenSeconds(t *testing.T) {
	for _, n := range []int{2, 3, 5, 10, 50} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, n, func(t *testing.T, c *cluster) {
				time.Sleep(5 * time.Second)
				victim := c.names[n/2]
				c.crash(victim)
				within := 10 * time.Second
				if n == 50 {
					within = 12 * time.Second // one in some hundred takes longer than ten
				}
				took := until(t, "all see the crash", within, func() bool { return c.all(victim, gossip.Dead) })
				t.Logf("%d nodes saw a crash within %v", n, took)
				for id, other := range c.nodes {
					if deaths := other.count(gossip.Dead); deaths != 1 {
						t.Errorf("%s saw %d deaths", id, deaths)
					}
				}
			})
		})
	}
}

func TestInQuietTimesNobodyIsSuspected(t *testing.T) {
	for _, n := range []int{2, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, n, func(t *testing.T, c *cluster) {
				c.net.Delay(20 * time.Millisecond)
				time.Sleep(2 * time.Minute)
				for id, node := range c.nodes {
					if node.count(gossip.Suspect)+node.count(gossip.Dead) > 0 {
						t.Errorf("%s suspected somebody", id)
					}
				}
			})
		})
	}
}

func TestSuspicionIsSeenBeforeDeath(t *testing.T) {
	bubble(t, 4, func(t *testing.T, c *cluster) {
		victim := c.names[1]
		c.net.Freeze(string(victim))
		until(t, "somebody suspects it", 5*time.Second, func() bool { return c.nodes[c.names[0]].State(victim) == gossip.Suspect })
		until(t, "all think it dead", 10*time.Second, func() bool { return c.nodes[c.names[0]].State(victim) == gossip.Dead })
		c.net.Thaw(string(victim))
		until(t, "all see all alive", 15*time.Second, c.whole)
	})
}

func TestTwoSecondsOfStandingStillAreNoDeath(t *testing.T) {
	for _, n := range []int{2, 3, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, n, func(t *testing.T, c *cluster) {
				for i := range 5 {
					victim := string(c.names[i%n])
					c.net.Freeze(victim)
					time.Sleep(2 * time.Second)
					c.net.Thaw(victim)
					time.Sleep(time.Second) // until a suspicion is noticed at the latest
					until(t, "all see all alive", 5*time.Second, c.whole)
				}
				for id, node := range c.nodes {
					if deaths := node.count(gossip.Dead); deaths > 0 {
						t.Errorf("%s saw %d deaths", id, deaths)
					}
				}
			})
		})
	}
}

func TestLeavingIsToldFromDying(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		goes := c.names[2]
		if err := c.nodes[goes].Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.end(goes)
		took := until(t, "the others know", 3*time.Second, func() bool { return c.all(goes, gossip.Left) })
		t.Logf("leaving was seen within %v", took)
		time.Sleep(2 * time.Minute)
		if !c.all(goes, gossip.Left) {
			t.Error("it is not known any more that it left")
		}
		c.start(goes)
		until(t, "it is back", 12*time.Second, c.whole)
	})
}

func TestWhoRestartsAtOnceIsAliveAgain(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		for range 3 {
			c.crash(c.names[0])
			c.start(c.names[0])
			time.Sleep(time.Second)
		}
		until(t, "all see all alive", 10*time.Second, c.whole)
		time.Sleep(30 * time.Second)
		if !c.whole() {
			t.Error("not all see all alive half a minute later")
		}
	})
}

func TestHalvesThatWereApartForLongMeetAgain(t *testing.T) {
	bubble(t, 6, func(t *testing.T, c *cluster) {
		one, other := texts(c.names[:3]), texts(c.names[3:])
		c.net.Split(one, other)
		until(t, "each half thinks the other dead", 40*time.Second, func() bool {
			for i, id := range c.names {
				for j, peer := range c.names {
					if apart := (i < 3) != (j < 3); apart && c.nodes[id].State(peer) != gossip.Dead {
						return false
					}
				}
			}
			return true
		})
		time.Sleep(10 * time.Minute)
		c.net.Heal(one, other)
		took := until(t, "all see all alive", 20*time.Second, c.whole)
		t.Logf("halves met again within %v", took)
	})
}

func TestOneWhoHearsButIsNotHeardIsFound(t *testing.T) {
	bubble(t, 4, func(t *testing.T, c *cluster) {
		mute := c.names[0]
		for _, id := range c.names[1:] {
			c.net.Hold(string(mute), string(id))
		}
		until(t, "the others think it dead", 12*time.Second, func() bool {
			return c.nodes[c.names[1]].State(mute) == gossip.Dead && c.nodes[c.names[2]].State(mute) == gossip.Dead
		})
		c.net.FreeAll()
		until(t, "all see all alive", 20*time.Second, c.whole)
	})
}

func TestTwoThatDoNotReachEachOtherAreAliveThroughOthers(t *testing.T) {
	bubble(t, 4, func(t *testing.T, c *cluster) {
		a, b := string(c.names[0]), string(c.names[1])
		c.net.Hold(a, b)
		c.net.Hold(b, a)
		time.Sleep(time.Minute)
		until(t, "all see all alive", 10*time.Second, c.whole)
		for id, node := range c.nodes {
			if deaths := node.count(gossip.Dead); deaths > 0 {
				t.Errorf("%s saw %d deaths", id, deaths)
			}
		}
	})
}

func TestALinkThatComesAndGoesEndsWithAllAlive(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		for range 60 {
			c.net.Freeze(string(c.names[1]))
			time.Sleep(500 * time.Millisecond)
			c.net.Thaw(string(c.names[1]))
			time.Sleep(500 * time.Millisecond)
		}
		until(t, "all see all alive", 10*time.Second, c.whole)
	})
}

func TestNewMembersAreFoundAndRemovedOnesForgotten(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		fresh := placement.NodeID("fresh")
		c.belong(append(c.names, fresh)...)
		c.start(fresh)
		until(t, "all see all alive", 12*time.Second, c.whole)
		c.belong(c.names...)
		until(t, "it is forgotten", 5*time.Second, func() bool {
			for _, id := range c.names {
				if len(c.nodes[id].All()) != 2 || c.nodes[id].State(fresh) != gossip.Dead {
					return false
				}
			}
			return true
		})
		time.Sleep(time.Minute)
		if deaths := c.nodes[c.names[0]].count(gossip.Dead); deaths > 0 {
			t.Errorf("%d deaths", deaths)
		}
	})
}

func TestMembersThatWereNeverThereAreSuspectAndThenDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer settle()
		c := newCluster("here")
		defer c.close()
		c.belong("here", "gone")
		n := c.nodes["here"]
		time.Sleep(3 * time.Second)
		if s := n.State("gone"); s != gossip.Suspect {
			t.Errorf("it is %v at first", s)
		}
		until(t, "it is dead", 12*time.Second, func() bool { return n.State("gone") == gossip.Dead })
	})
}

func TestFactsComeFromTheirNodeAndArriveSoon(t *testing.T) {
	bubble(t, 5, func(t *testing.T, c *cluster) {
		for round := range 3 {
			for id, n := range c.nodes {
				if err := n.SetFacts(fmt.Appendf(nil, "%s %d", id, round)); err != nil {
					t.Fatal(err)
				}
			}
			until(t, "all have all facts", 20*time.Second, func() bool {
				for _, n := range c.nodes {
					for _, p := range n.All() {
						if !bytes.Equal(p.Facts, fmt.Appendf(nil, "%s %d", p.ID, round)) {
							return false
						}
					}
				}
				return true
			})
		}
		if c.nodes[c.names[0]].SetFacts(make([]byte, gossip.MaxFacts+1)) == nil {
			t.Error("too many facts are taken")
		}
	})
}

func TestRunEndsWhateverTheOthersDo(t *testing.T) {
	bubble(t, 4, func(t *testing.T, c *cluster) {
		for _, id := range c.names[1:] {
			c.net.Freeze(string(id))
		}
		time.Sleep(1500 * time.Millisecond)
		n := c.nodes[c.names[0]]
		begun := time.Now()
		c.end(c.names[0])
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %v to end", took)
		}
		if err := n.Leave(context.Background()); err != nil {
			t.Errorf("leave after the end: %v", err)
		}
		if n.Run(t.Context()) == nil {
			t.Error("it ran twice")
		}
		c.net.FreeAll()
	})
}
