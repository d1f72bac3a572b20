package repair

import (
	"slices"
	"time"

	"shoal/internal/placement"
)

// place is what a layout means to one node.
type place struct {
	layout *placement.Layout
	// own are the groups that the node is to hold, in their order.
	own []placement.Group
	// member is true when the node stands in the layout, draining when it is to leave.
	member, draining bool
}

func newPlace(self placement.NodeID, l *placement.Layout) place {
	p := place{layout: l}
	for n := range l.Nodes() {
		if n.ID == self {
			p.member, p.draining = true, n.Draining
		}
	}
	for g := placement.Group(0); p.member && !p.draining && g < placement.Groups; g++ {
		if l.Holds(self, g) {
			p.own = append(p.own, g)
		}
	}
	return p
}

// foreign returns the groups that the node is not to hold.
func (p place) foreign() []placement.Group {
	groups := make([]placement.Group, 0, placement.Groups-len(p.own))
	for g, at := placement.Group(0), 0; g < placement.Groups; g++ {
		if at < len(p.own) && p.own[at] == g {
			at++
			continue
		}
		groups = append(groups, g)
	}
	return groups
}

// place returns what the newest layout means to this node, and since when this process has known it as the newest.
func (r *Repairer) place() (p place, since time.Time) {
	newest := r.cfg.Layouts()[0]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.places.layout == nil || r.places.layout.Version() != newest.Version() {
		r.places, r.since = newPlace(r.cfg.Self, newest), time.Now()
	}
	return r.places, r.since
}

// others returns the nodes of all layouts that are thought to answer, without this one, in the order of their ids. All of
// them may have something: who puts a chunk while its holders are away leaves it with whoever comes next in their rank.
func (r *Repairer) others() (ids []placement.NodeID) {
	for _, l := range r.cfg.Layouts() {
		for n := range l.Nodes() {
			if n.ID != r.cfg.Self && r.cfg.Alive(n.ID) {
				ids = append(ids, n.ID)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// lone tells whether no layout knows another node.
func (r *Repairer) lone() bool {
	for _, l := range r.cfg.Layouts() {
		for n := range l.Nodes() {
			if n.ID != r.cfg.Self {
				return false
			}
		}
	}
	return true
}
