package pool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"shoal/internal/cluster"
	"shoal/internal/placement"
)

func (p *Pool) hostConfig() cluster.Config {
	return cluster.Config{
		Dir: p.cfg.Dir, Records: p.cfg.Records, Listen: p.cfg.Listen, Advertise: p.cfg.Advertise, Name: p.cfg.Name, NoMDNS: p.cfg.NoMDNS,
		Admitted:  p.admitted,
		Connected: func(placement.NodeID) { signal(p.kick) },
		Lost:      func(placement.NodeID) { signal(p.kick) },
		Moved:     func([]byte) { signal(p.kick) },
		Log:       p.log,
	}
}

// The digest of the invite that was used last, so that it is known when it is still in the command line.
const (
	joinedBucket = "joined"
	joinedKey    = "link"
)

// join uses the invite that the node was started with. One that it has used stays in its command line, and does no harm there. Another one
// of the same cluster is tried: a node that was removed while it was off does not know that yet.
func (p *Pool) join(ctx context.Context) error {
	if p.cfg.Join == "" {
		return nil
	}
	of, err := cluster.ClusterOfLink(p.cfg.Join)
	if err != nil {
		return err
	}
	link := sha256.Sum256([]byte(p.cfg.Join))
	member := of == p.host.Members().Cluster() && !p.host.Removed()
	if used, err := p.cfg.Records.Load(ctx, joinedBucket, joinedKey); member && err == nil && bytes.Equal(used, link[:]) {
		p.log.Info("this node is a member already; the invite was not used")
		return nil
	}
	_, err = p.host.Join(ctx, p.cfg.Join, nil)
	switch {
	case err == nil, member && errors.Is(err, cluster.ErrAlreadyMember):
	case !member:
		return err
	default:
		p.log.Warn("the invite was not used; this node stays the member that it is", "err", err)
		return nil
	}
	if err := p.cfg.Records.Save(ctx, joinedBucket, joinedKey, link[:]); err != nil {
		return fmt.Errorf("note the invite that was used: %w", err)
	}
	return nil
}

// admitted writes a certificate into the records that all nodes have.
func (p *Pool) admitted(ctx context.Context, c *cluster.Certificate) error {
	if p.membership == nil || c.Cluster() != p.host.Members().Cluster() {
		return nil // this node is opening, or about to change its cluster; what it knows is written when it has
	}
	return p.keepAdmission(ctx, c)
}

func (p *Pool) keepAdmission(ctx context.Context, c *cluster.Certificate) error {
	known, err := p.membership.Load(ctx, admissions, string(c.Node()))
	if err == nil {
		if old, err := cluster.ReadCertificate(known); err == nil && old.Serial() >= c.Serial() {
			return nil
		}
	}
	if err := p.membership.Save(ctx, admissions, string(c.Node()), c.Encode()); err != nil {
		return fmt.Errorf("note the admission of node %s: %w", c.Node(), err)
	}
	return nil
}
