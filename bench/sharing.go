package main

import (
	"fmt"
	"slices"
	"time"
)

// measureSharedImport adds the same film to a node that is alone and to one of three, in turn, each new.
func measureSharedImport(l *lab) error {
	source, err := l.film(fullHD())
	if err != nil {
		return err
	}
	var shared, single []time.Duration
	var ratios []float64
	for round := range l.rounds {
		one, err := l.timeAdding(source, nil)
		if err != nil {
			return err
		}
		three, err := l.timeAdding(source, nil, nil, nil)
		if err != nil {
			return err
		}
		l.say("  round %d: %s on one of three nodes, %s on one alone", round+1, inSeconds(three), inSeconds(one))
		shared, single, ratios = append(shared, three), append(single, one), append(ratios, ratioOf(one, three))
	}
	l.table.compared("adding a film, 304 MB, to one of three nodes; theirs: to a node alone, as speed", inSeconds(median(shared)), inSeconds(median(single)),
		median(ratios), atLeast(median(ratios), 0.5, ""))
	return nil
}

// timeAdding is from the first byte of a film until the first of new nodes has it ready.
func (l *lab) timeAdding(source string, flags ...[]string) (time.Duration, error) {
	f, err := l.startFleet(flags...)
	if err != nil {
		return 0, err
	}
	defer f.discard()
	if err := l.settle(); err != nil {
		return 0, err
	}
	a, err := f.boxes[0].add(source)
	if err != nil {
		return 0, err
	}
	done, err := f.boxes[0].until(a.id, ready)
	return done.Sub(a.began), err
}

const (
	// awayFor is how long a node may be away before its copies are made anew; usually that is ten minutes.
	awayFor = 5 * time.Second
	// lastCopyRate is how many bytes a second a node pulls of what has one copy left: twice the usual rate.
	lastCopyRate = 40e6
)

// death is what was measured of nodes of which one is killed.
type death struct {
	known, repaired []time.Duration
	rates           []float64 // bytes a second, of each node that pulls
}

// measureDeath kills one of four nodes.
func measureDeath(l *lab) error {
	var m death
	for round := range l.rounds {
		if err := m.round(l); err != nil {
			return err
		}
		l.say("  round %d: known dead after %s, all copies after %s", round+1, inSeconds(m.known[round]), inSeconds(m.repaired[round]))
	}
	l.table.single("one of four nodes is killed: until the others call it dead", inSeconds(median(m.known)), atMost(slices.Max(m.known).Seconds(), 10, " s"))
	l.table.told(fmt.Sprintf("… until there are two copies again; %s of it are waited", awayFor), inSeconds(median(m.repaired)), "")
	rate := median(m.rates)
	l.table.compared("… a node's rate of copying; theirs: its limit", inMB(rate)+"/s", inMB(lastCopyRate)+"/s", rate/lastCopyRate, atLeast(rate/lastCopyRate, 0.8, ""))
	return nil
}

func (m *death) round(l *lab) error {
	flags := []string{"--repair-after", awayFor.String()}
	f, err := l.startFleet(flags, flags, flags, flags)
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
	if err := f.copied(ids); err != nil {
		return err
	}
	return m.kill(f, ids)
}

// copied waits until every chunk of the films is on two nodes.
func (f *fleet) copied(ids []string) error {
	return f.lab.within(2*time.Minute, "two copies of all", func() (bool, error) {
		for _, id := range ids {
			if n, err := f.boxes[0].copies(id); err != nil || n < 2 {
				return false, err
			}
		}
		return true, nil
	})
}

// kill ends the last node without warning, and watches the others.
func (m *death) kill(f *fleet, ids []string) error {
	if err := f.boxes[3].cmd.Process.Kill(); err != nil {
		return err
	}
	began := time.Now()
	err := f.lab.within(time.Minute, "the others to call a node dead", func() (bool, error) {
		for _, b := range f.boxes[:3] {
			states, err := b.states()
			if err != nil || !slices.Contains(states, "dead") {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	m.known = append(m.known, time.Since(began))
	var pulls [3]pulling
	err = f.lab.within(2*time.Minute, "chunks to be copied", func() (bool, error) {
		for i, b := range f.boxes[:3] {
			if err := pulls[i].look(b); err != nil {
				return false, err
			}
		}
		done := !slices.ContainsFunc(pulls[:], func(p pulling) bool { return p.bytes == 0 || time.Since(p.ended) < time.Second })
		return done, nil
	})
	if err == nil {
		err = f.copied(ids)
	}
	var ended time.Time
	for _, p := range pulls {
		if p.ended.After(ended) {
			ended = p.ended
		}
		m.rates = append(m.rates, p.rate())
	}
	m.repaired = append(m.repaired, ended.Sub(began))
	return err
}

// pulling is how a node's count of copied bytes grows.
type pulling struct {
	first, bytes float64
	began, ended time.Time
}

func (p *pulling) look(b *box) error {
	bytes, err := b.metric(repairedBytes)
	now := time.Now()
	switch {
	case err != nil || bytes == p.bytes:
		return err
	case p.bytes == 0:
		p.first, p.began = bytes, now
	}
	p.bytes, p.ended = bytes, now
	return nil
}

// rate is in bytes a second, from when the first bytes were seen.
func (p *pulling) rate() float64 {
	if p.ended == p.began {
		return 0
	}
	return (p.bytes - p.first) / p.ended.Sub(p.began).Seconds()
}
