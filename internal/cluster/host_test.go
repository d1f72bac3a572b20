package cluster_test

import (
	"testing"
)

func TestANodeJoinsByAnInviteAndBothReachEachOther(t *testing.T) {
	a, b := start(t), start(t)
	w := b.join(t, a)
	if w.By != a.ID() || b.Members().Cluster() != a.Members().Cluster() || !a.Members().Has(b.ID()) || !b.Members().Has(a.ID()) {
		t.Errorf("joined by %s", w.By)
	}
	a.echo(t, b)
	b.echo(t, a)
}

func TestThreeNodesAreAllConnected(t *testing.T) {
	a, b, c := trio(t)
	for _, n := range []*node{a, b, c} {
		for _, other := range []*node{a, b, c} {
			if n != other {
				n.echo(t, other)
			}
		}
	}
}
