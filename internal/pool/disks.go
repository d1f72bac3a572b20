package pool

import (
	"context"

	"shoal/internal/exchange"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// ownDisk is this node's disk as repair sees it.
type ownDisk struct {
	Disk
	groups *exchange.Groups
	room   func() int64
}

func (d ownDisk) Room() int64 { return d.room() }

func (d ownDisk) Digests(ctx context.Context, groups []placement.Group) ([]repair.Digest, error) {
	digests, err := d.groups.Digests(ctx, groups)
	return forRepair(digests), err
}

func forRepair(digests []exchange.Digest) []repair.Digest {
	all := make([]repair.Digest, len(digests))
	for i, d := range digests {
		all[i] = repair.Digest(d)
	}
	return all
}

// otherDisks are those of the other nodes as repair sees them.
type otherDisks struct{ *exchange.Client }

func (d otherDisks) Digests(ctx context.Context, node placement.NodeID, groups []placement.Group) ([]repair.Digest, error) {
	digests, err := d.Client.Digests(ctx, node, groups)
	return forRepair(digests), err
}
