package main

import (
	"fmt"
	"time"
)

// manyVideos is how large a library is that must not slow down the start.
const manyVideos = 10_000

// measureStart multiplies the only video of a node, and starts the node over that again and again.
func measureStart(l *lab) error {
	dir, err := l.largeLibrary()
	if err != nil {
		return err
	}
	var starts []time.Duration
	var idle []float64
	for round := range l.rounds {
		took, memory, err := l.startAndIdle(dir)
		if err != nil {
			return err
		}
		l.say("  round %d: answers after %s, idles in %s", round+1, inMillis(took), inMB(memory))
		starts, idle = append(starts, took), append(idle, memory)
	}
	l.table.single("start with 10,000 videos, to the first answer", inSeconds(median(starts)), atMost(median(starts).Seconds(), 0.5, " s"))
	l.table.single("… idle after that, resident", inMB(median(idle)), atMost(median(idle)/1e6, 60, " MB"))
	return nil
}

// largeLibrary returns a data directory with many videos.
func (l *lab) largeLibrary() (dir string, err error) {
	source, err := l.film(hd())
	if err != nil {
		return "", err
	}
	b, err := l.startBox("")
	if err != nil {
		return "", err
	}
	id, err := b.addReady(source)
	b.stop()
	if err != nil {
		return "", err
	}
	return b.dir, multiply(l.ctx, b.dir, id, manyVideos)
}

func (l *lab) startAndIdle(dir string) (took time.Duration, memory float64, err error) {
	b, err := l.startBox(dir)
	if err != nil {
		return 0, 0, err
	}
	defer b.stop()
	time.Sleep(3 * time.Second)
	if memory, err = b.memory("VmRSS"); err != nil {
		return 0, 0, err
	}
	videos, err := b.total()
	if err == nil && videos != manyVideos {
		err = fmt.Errorf("the node has %d videos, want %d", videos, manyVideos)
	}
	return b.took, memory, err
}
