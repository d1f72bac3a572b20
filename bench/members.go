package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// fleet is several nodes that are one cluster, each a process of its own.
type fleet struct {
	lab   *lab
	boxes []*box
}

// nothing are the flags of a node that has no room for chunks, and so fetches each that it sends.
var nothing = []string{"--capacity", "1"}

// startFleet starts as many nodes as there are sets of flags, lets all but the first join it, and returns when all know of all.
func (l *lab) startFleet(flags ...[]string) (*fleet, error) {
	f := &fleet{lab: l}
	for i, more := range flags {
		if err := f.grow(append([]string{"--name", fmt.Sprintf("node-%d", i)}, more...)); err != nil {
			f.stop()
			return nil, err
		}
	}
	if err := f.united(); err != nil {
		f.stop()
		return nil, err
	}
	return f, nil
}

// grow adds a node.
func (f *fleet) grow(flags []string) error {
	address, err := freeAddress(loopback)
	if err != nil {
		return err
	}
	p2p, err := freeAddress(loopback)
	if err != nil {
		return err
	}
	flags = append(flags, "--p2p", p2p, "--no-mdns")
	if len(f.boxes) > 0 {
		var invite struct{ Link string }
		if err := f.boxes[0].do(f.lab.ctx, http.MethodPost, "/api/v1/invites", nil, &invite); err != nil {
			return err
		}
		flags = append(flags, "--join", invite.Link)
	}
	b, err := f.lab.startBoxAt("", address, flags...)
	if err == nil {
		f.boxes = append(f.boxes, b)
	}
	return err
}

func (f *fleet) stop() {
	for _, b := range f.boxes {
		b.stop()
	}
}

// discard stops the nodes and removes what they stored.
func (f *fleet) discard() {
	f.stop()
	for _, b := range f.boxes {
		if err := os.RemoveAll(b.dir); err != nil {
			f.lab.say("%s could not be removed: %v", b.dir, err)
		}
	}
}

// restart stops a node and starts it over the same data, so that it has nothing in memory, and waits until all know of all again.
func (f *fleet) restart(i int) (err error) {
	f.boxes[i].stop()
	if f.boxes[i], err = f.boxes[i].again(); err != nil {
		return err
	}
	return f.united()
}

// again starts a node that was stopped, over the same data and at the same addresses. After an error it is the node that was
// stopped.
func (b *box) again() (*box, error) {
	next, err := b.lab.startBoxAt(b.dir, strings.TrimPrefix(b.base, "http://"), b.flags...)
	if err != nil {
		return b, err
	}
	return next, nil
}

// united waits until every node counts every node as alive.
func (f *fleet) united() error {
	return f.lab.within(30*time.Second, "all nodes to know of all", func() (bool, error) {
		for _, b := range f.boxes {
			states, err := b.states()
			if err != nil {
				return false, err
			}
			if len(states) != len(f.boxes) || slices.ContainsFunc(states, func(s string) bool { return s != "alive" }) {
				return false, nil
			}
		}
		return true, nil
	})
}

// states are how the node thinks the members are, itself among them.
func (b *box) states() (all []string, err error) {
	var list struct {
		Nodes []struct{ Name, State string }
	}
	if err := b.do(b.lab.ctx, http.MethodGet, "/api/v1/nodes", nil, &list); err != nil {
		return nil, err
	}
	for _, n := range list.Nodes {
		if n.Name == "" { // what it is was not told yet
			n.State = "unknown"
		}
		all = append(all, n.State)
	}
	return all, nil
}

// within asks again and again until something is so.
func (l *lab) within(limit time.Duration, what string, ask func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		is, err := ask()
		switch {
		case err != nil || is:
			return err
		case l.ctx.Err() != nil:
			return l.ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("waited %s in vain for %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// metric returns one number of /metrics, under its name and labels as they are printed there.
func (b *box) metric(name string) (float64, error) {
	text, err := b.get("/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, is := strings.CutPrefix(line, name+" "); is {
			var value float64
			_, err := fmt.Sscan(rest, &value)
			return value, err
		}
	}
	return 0, fmt.Errorf("%s/metrics has no %s", b.base, name)
}

// Metrics of a node.
const (
	readsFromNodes = `shoal_chunk_reads_total{from="node"}`
	repairedBytes  = "shoal_repair_bytes_total"
)

// held is which nodes have a chunk.
type held struct {
	Size  int64
	Nodes []string
}

// holders tells of every chunk of a video which nodes that answer have it.
func (b *box) holders(id string) ([]held, error) {
	var answer struct{ Chunks []held }
	err := b.do(b.lab.ctx, http.MethodGet, "/api/v1/videos/"+id+"/holders", nil, &answer)
	return answer.Chunks, err
}

// copies is the least number of nodes that have a chunk of a video.
func (b *box) copies(id string) (least int, err error) {
	chunks, err := b.holders(id)
	if err != nil || len(chunks) == 0 {
		return 0, err
	}
	least = len(chunks[0].Nodes)
	for _, c := range chunks {
		least = min(least, len(c.Nodes))
	}
	return least, nil
}

// add a film to the first node and wait until it is ready there, has its copies, and is listed by all.
func (f *fleet) add(path string) (string, error) {
	id, err := f.boxes[0].addReady(path)
	for _, b := range f.boxes {
		if err == nil {
			err = f.lab.within(time.Minute, "the others to list the film", func() (bool, error) { return b.lists(id) })
		}
	}
	return id, err
}

// lists tells whether the node has a video that is ready.
func (b *box) lists(id string) (bool, error) {
	var all struct{ Videos []video }
	if err := b.do(b.lab.ctx, http.MethodGet, "/api/v1/videos", nil, &all); err != nil {
		return false, err
	}
	return slices.ContainsFunc(all.Videos, func(v video) bool { return v.ID == id && ready(v) }), nil
}

// total is how many videos the node counts.
func (b *box) total() (int, error) {
	var status struct{ Library struct{ Videos int } }
	err := b.do(b.lab.ctx, http.MethodGet, "/api/v1/status", nil, &status)
	return status.Library.Videos, err
}
