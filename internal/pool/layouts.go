package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"shoal/internal/placement"
)

const (
	// keptLayouts is how many layouts chunks may still lie by.
	keptLayouts = 3
	// layoutsBucket has them by cluster: those of another say nothing of where chunks lie.
	layoutsBucket = "layouts"
)

// layouts are the newest ones, kept over restarts: after one, chunks lie where they lay.
type layouts struct {
	cluster string
	mu      sync.RWMutex
	last    []*placement.Layout // guarded by mu; the newest first
}

// wireLayout is a layout as it is stored.
type wireLayout struct {
	_      struct{} `cbor:",toarray"`
	Copies int
	Nodes  []wireNode
}

type wireNode struct {
	_        struct{} `cbor:",toarray"`
	ID       placement.NodeID
	Zone     string
	Capacity int64
	Draining bool
}

// all returns the layouts, the newest first; the slice is not changed any more.
func (l *layouts) all() []*placement.Layout {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last
}

// push makes a layout the newest, durably, and tells whether it is another one.
func (l *layouts) push(ctx context.Context, records Records, next *placement.Layout) (news bool, err error) {
	before := l.all()
	if len(before) > 0 && before[0].Version() == next.Version() {
		return false, nil
	}
	after := []*placement.Layout{next}
	for _, old := range before {
		if len(after) < keptLayouts && !slices.ContainsFunc(after, func(n *placement.Layout) bool { return n.Version() == old.Version() }) {
			after = append(after, old)
		}
	}
	var stored []wireLayout
	for _, layout := range after {
		w := wireLayout{Copies: layout.Copies()}
		for n := range layout.Nodes() {
			w.Nodes = append(w.Nodes, wireNode{ID: n.ID, Zone: n.Zone, Capacity: n.Capacity, Draining: n.Draining})
		}
		stored = append(stored, w)
	}
	if err := records.Save(ctx, layoutsBucket, l.cluster, encode(stored)); err != nil {
		return false, fmt.Errorf("keep the layout: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = after
	return true, nil
}

// load reads what was kept of a cluster.
func (l *layouts) load(ctx context.Context, records Records, cluster string) error {
	l.cluster = cluster
	text, err := records.Load(ctx, layoutsBucket, cluster)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var stored []wireLayout
	if err == nil {
		err = strict.Unmarshal(text, &stored)
	}
	for _, w := range stored {
		var nodes []placement.Node
		for _, n := range w.Nodes {
			nodes = append(nodes, placement.Node{ID: n.ID, Zone: n.Zone, Capacity: n.Capacity, Draining: n.Draining})
		}
		layout, bad := placement.NewLayout(w.Copies, nodes)
		if bad != nil {
			return fmt.Errorf("read the layouts: %w", bad)
		}
		l.last = append(l.last, layout)
	}
	if err != nil {
		return fmt.Errorf("read the layouts: %w", err)
	}
	return nil
}
