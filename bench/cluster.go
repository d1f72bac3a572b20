package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// measureCluster measures what several nodes on this machine do together.
func measureCluster(l *lab) error {
	var failed []error
	for _, part := range []struct {
		about string
		run   func(*lab) error
	}{
		{"reading from other nodes", measureReading},
		{"adding a film where nodes share", measureSharedImport},
		{"a node dies", measureDeath},
		{"catching up", measureCatchUp},
	} {
		if l.ctx.Err() != nil {
			break
		}
		l.say(" %s", part.about)
		if err := part.run(l); err != nil {
			l.skip(part.about, err.Error())
			failed = append(failed, fmt.Errorf("%s: %w", part.about, err))
		}
	}
	return errors.Join(failed...)
}

const (
	// rangesAtRandom are read in each round, viewersAtOnce come together.
	rangesAtRandom = 20
	viewersAtOnce  = 20
	mebibyte       = 1 << 20
)

// reading is what was measured of a node that holds nothing.
type reading struct {
	ours, bare, direct []float64 // MiB/s
	costs, bareCosts   []float64 // seconds of processor for each GiB, of all processes
	first, ranges      []time.Duration
	crowd              []float64
}

// measureReading reads films through a node that holds nothing of them, started anew in each round.
func measureReading(l *lab) error {
	f, err := l.startFleet(nil, nil, nothing)
	if err != nil {
		return err
	}
	defer f.discard()
	var ids []string
	for _, film := range []film{fullHD(), hd(), thin()} {
		path, err := l.film(film)
		if err != nil {
			return err
		}
		id, err := f.add(path)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	b, err := l.startBare()
	if err != nil {
		return err
	}
	defer b.stop()
	var m reading
	for round := range l.rounds {
		if err := m.round(f, b, ids); err != nil {
			return err
		}
		l.say("  round %d: %.0f MiB/s beside %.0f through a bare stream and %.0f of it alone, %.1f and %.1f s/GiB; first bytes %v; ranges %v; crowd %.3f", round+1,
			m.ours[round], m.bare[round], m.direct[round], m.costs[round], m.bareCosts[round], m.first[3*round:], median(m.ranges[rangesAtRandom*round:]), m.crowd[round])
	}
	m.rows(l)
	return nil
}

// round measures everything once. The first of ids is a film that is larger than what a node keeps in memory.
func (m *reading) round(f *fleet, bare *bareReader, ids []string) error {
	if err := f.restart(2); err != nil {
		return err
	}
	c := f.boxes[2]
	for _, id := range ids {
		first, err := c.firstByte("/stream/" + id + ".mp4")
		if err != nil {
			return err
		}
		m.first = append(m.first, first)
	}
	size, err := m.race(f, bare, "/stream/"+ids[0]+".mp4")
	if err != nil {
		return err
	}
	if err := m.readRanges(c, ids[0], size); err != nil {
		return err
	}
	return m.readTogether(f, ids[1])
}

// race reads a film through the node that holds nothing, and as many bytes through a bare stream.
func (m *reading) race(f *fleet, bare *bareReader, path string) (size int64, err error) {
	nodes := []*process{f.boxes[0].process, f.boxes[1].process, f.boxes[2].process}
	ours, size, cost, err := f.boxes[2].speed(path, nodes)
	if err != nil {
		return 0, err
	}
	both, reader := []*process{bare.sender, bare.reader}, &box{lab: f.lab, base: bare.base}
	through, _, bareCost, err := reader.speed(fmt.Sprintf("/through?pieces=%d", size/mebibyte), both)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := reader.get(fmt.Sprintf("/direct?pieces=%d", size/mebibyte)); err != nil {
		return 0, err
	}
	m.direct = append(m.direct, float64(size/mebibyte)/time.Since(began).Seconds())
	m.ours, m.bare = append(m.ours, ours), append(m.bare, through)
	m.costs, m.bareCosts = append(m.costs, cost), append(m.bareCosts, bareCost)
	return size, nil
}

// firstByte is how long it takes from the request to the first byte of the answer's content.
func (b *box) firstByte(path string) (time.Duration, error) {
	began := time.Now()
	res, err := b.open(path, "")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.ReadFull(res.Body, make([]byte, 1))
	return time.Since(began), err
}

// open begins to read a path, or a range of it.
func (b *box) open(path, bytes string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(b.lab.ctx, http.MethodGet, b.base+path, nil)
	if err != nil {
		return nil, err
	}
	if bytes != "" {
		r.Header.Set("Range", "bytes="+bytes)
	}
	res, err := http.DefaultClient.Do(r)
	if err == nil && res.StatusCode >= 300 {
		res.Body.Close()
		err = fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return res, err
}

// speed reads all of a path and returns MiB/s, bytes, and the seconds of processor for each GiB that some processes used meanwhile.
func (b *box) speed(path string, of []*process) (speed float64, size int64, cost float64, err error) {
	before, err := computed(of)
	if err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	size, err = b.drop(path, "")
	took := time.Since(began)
	if err != nil {
		return 0, 0, 0, err
	}
	after, err := computed(of)
	mebibytes := float64(size) / mebibyte
	return mebibytes / took.Seconds(), size, (after - before).Seconds() / mebibytes * 1024, err
}

// computed is the processor time of all of them.
func computed(all []*process) (sum time.Duration, err error) {
	for _, p := range all {
		one, err := p.processor()
		if err != nil {
			return 0, err
		}
		sum += one
	}
	return sum, nil
}

// drop reads all of a path, or a range of it, and keeps nothing.
func (b *box) drop(path, bytes string) (int64, error) {
	res, err := b.open(path, bytes)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return io.CopyBuffer(struct{ io.Writer }{io.Discard}, res.Body, make([]byte, 256<<10))
}

// readRanges reads from the first half of a film that was just read to its end, which is not in memory any more.
func (m *reading) readRanges(c *box, id string, size int64) error {
	before, err := c.metric(readsFromNodes)
	if err != nil {
		return err
	}
	for _, at := range rand.Perm(int(size / 2 / (4 * mebibyte)))[:rangesAtRandom] {
		from := int64(at)*4*mebibyte + rand.Int64N(2*mebibyte)
		began := time.Now()
		if _, err := c.drop("/stream/"+id+".mp4", fmt.Sprintf("%d-%d", from, from+mebibyte-1)); err != nil {
			return err
		}
		m.ranges = append(m.ranges, time.Since(began))
	}
	after, err := c.metric(readsFromNodes)
	if err == nil && after-before < rangesAtRandom {
		err = fmt.Errorf("of %d ranges only %.0f chunks came from other nodes", rangesAtRandom, after-before)
	}
	return err
}

// readTogether has many viewers read all segments of a film at once, and counts what the node fetched for them.
func (m *reading) readTogether(f *fleet, id string) error {
	if err := f.restart(2); err != nil {
		return err
	}
	c := f.boxes[2]
	paths, err := c.files(id)
	if err != nil {
		return err
	}
	before, err := c.received()
	if err != nil {
		return err
	}
	sizes, errs := make(chan int64, viewersAtOnce), make(chan error, viewersAtOnce)
	for range viewersAtOnce {
		go func() {
			var size int64
			for _, path := range paths {
				n, err := c.drop(path, "")
				if size += n; err != nil {
					errs <- err
					return
				}
			}
			sizes <- size
		}()
	}
	var size int64
	for range viewersAtOnce {
		select {
		case size = <-sizes:
		case err = <-errs:
		}
	}
	if err != nil {
		return err
	}
	after, err := c.received()
	m.crowd = append(m.crowd, float64(after-before)/float64(size))
	return err
}

func (m *reading) rows(l *lab) {
	inSpeed := func(v float64) string { return fmt.Sprintf("%.0f MiB/s", v) }
	var ratios, direct []float64
	for i := range m.ours {
		ratios, direct = append(ratios, m.ours[i]/m.bare[i]), append(direct, m.ours[i]/m.direct[i])
	}
	l.table.compared("a film from other nodes, verified; theirs: a bare libp2p stream", inSpeed(median(m.ours)), inSpeed(median(m.bare)),
		median(ratios), atLeast(median(ratios), 0.8, ""))
	l.table.beside("… theirs without handing it on over HTTP", inSpeed(median(m.ours)), inSpeed(median(m.direct)), fmt.Sprintf("%.2f", median(direct)), nil)
	inCost := func(v float64) string { return fmt.Sprintf("%.1f s/GiB", v) }
	l.table.beside("… processor time of all nodes", inCost(median(m.costs)), inCost(median(m.bareCosts)),
		fmt.Sprintf("%.2f", median(m.costs)/median(m.bareCosts)), nil)
	l.table.single("… first byte of a film that is not there", inMillis(median(m.first)), atMost(float64(median(m.first).Microseconds())/1e3, 40, " ms"))
	l.table.single("… 1 MiB from anywhere in it", inMillis(median(m.ranges)), atMost(float64(median(m.ranges).Microseconds())/1e3, 25, " ms"))
	l.table.single(fmt.Sprintf("… bytes from other nodes, %d viewers at once, of the film's", viewersAtOnce), fmt.Sprintf("%.2f", median(m.crowd)),
		atMost(median(m.crowd), 1.1, ""))
}
