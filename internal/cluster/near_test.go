package cluster_test

import (
	"errors"
	"testing"

	"shoal/internal/cluster"
)

func TestANodeNearByAsksAndIsApproved(t *testing.T) {
	a, b := start(t, func(c *cluster.Config) { c.Name = "cellar" }), start(t, func(c *cluster.Config) { c.Name = "attic\n\x1b[1m" })
	if _, err := b.AskOnce(t.Context(), a.ID()); !errors.Is(err, cluster.ErrNotNear) {
		t.Errorf("before it was seen: %v", err)
	}
	b.Saw(cluster.Near{ID: a.ID(), Name: "cellar", Addresses: a.Addresses()})
	if err := a.Approve(b.ID()); !errors.Is(err, cluster.ErrNotAsking) {
		t.Errorf("approved before it asked: %v", err)
	}
	if _, err := b.AskOnce(t.Context(), a.ID()); !errors.Is(err, cluster.ErrWaits) {
		t.Fatalf("asking: %v", err)
	}
	list := a.Near()
	if len(list) != 1 || list[0].ID != b.ID() || !list[0].Asks || list[0].Code != cluster.Code(b.ID(), a.ID()) || list[0].Name != "attic[1m" {
		t.Fatalf("near are %+v", list)
	}
	if err := a.Approve(b.ID()); err != nil {
		t.Fatal(err)
	}
	w, err := b.Ask(t.Context(), a.ID(), nil)
	if err != nil || w.By != a.ID() {
		t.Fatalf("joining: %v", err)
	}
	b.echo(t, a)
	if len(a.Near()) != 0 || len(b.Near()) != 0 {
		t.Errorf("near are %+v and %+v", a.Near(), b.Near())
	}
}

func TestApprovingOneNodeLetsNoOtherIn(t *testing.T) {
	a, b, c := start(t), start(t), start(t)
	for _, n := range []*node{b, c} {
		n.Saw(cluster.Near{ID: a.ID(), Addresses: a.Addresses()})
		if _, err := n.AskOnce(t.Context(), a.ID()); !errors.Is(err, cluster.ErrWaits) {
			t.Fatal(err)
		}
	}
	if err := a.Approve(b.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AskOnce(t.Context(), a.ID()); !errors.Is(err, cluster.ErrWaits) {
		t.Errorf("the other: %v", err)
	}
}
