//go:build unix

package gossip_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"shoal/internal/gossip"
)

// BenchmarkCrash measures in real time how long it takes until all have seen a crash.
func BenchmarkCrash(b *testing.B) {
	for _, n := range []int{3, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newCluster(named(n)...)
			defer c.close()
			until(b, "all see all alive", time.Minute, c.whole)
			for b.Loop() {
				victim := c.names[n-1]
				c.crash(victim)
				until(b, "all see the crash", time.Minute, func() bool { return c.all(victim, gossip.Dead) })
				b.StopTimer()
				c.start(victim)
				until(b, "all see all alive", time.Minute, c.whole)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkQuiet measures what a node costs while nothing happens, and counts who was thought gone that was not.
func BenchmarkQuiet(b *testing.B) {
	const span = 10 * time.Second
	for _, n := range []int{3, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newCluster(named(n)...)
			defer c.close()
			until(b, "all see all alive", time.Minute, c.whole)
			spent, spans := cpu(b), 0
			for b.Loop() {
				time.Sleep(span)
				spans++
			}
			each := (cpu(b) - spent) / time.Duration(spans*n) / time.Duration(span/time.Second)
			b.ReportMetric(float64(each.Microseconds()), "µs-cpu/node-second")
			suspects, deaths := 0, 0
			for _, node := range c.nodes {
				suspects, deaths = suspects+node.count(gossip.Suspect), deaths+node.count(gossip.Dead)
			}
			b.ReportMetric(float64(suspects), "suspects")
			b.ReportMetric(float64(deaths), "deaths")
		})
	}
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
