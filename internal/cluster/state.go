package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"shoal/internal/filesystem"
	"shoal/internal/placement"
)

// certificateBucket has the newest certificate of each member that this node has met, its own among them. The rows that all nodes
// have say the same and more; with this a node finds its cluster after a restart before it has any.
const certificateBucket = "certificates"

// openMembers reads the certificates, or begins a cluster.
func (h *Host) openMembers(ctx context.Context) (*Members, error) {
	own, err := h.ownCertificate(ctx)
	if err != nil {
		return nil, err
	}
	m := newMembers(own, h.changed)
	err = h.cfg.Records.Each(ctx, certificateBucket, func(key string, value []byte) error {
		c, err := ReadCertificate(value)
		if err != nil || c.Cluster() != own.Cluster() || c.Node() == own.Node() {
			return nil // of a cluster that this node has left, or damaged: the rows have it
		}
		_, _, err = m.admit(c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	return m, nil
}

// ownCertificate reads this node's certificate. The first time there is none, and it makes a cluster with a key.
func (h *Host) ownCertificate(ctx context.Context) (*Certificate, error) {
	text, err := h.cfg.Records.Load(ctx, certificateBucket, string(h.identity.ID()))
	if errors.Is(err, fs.ErrNotExist) {
		return h.begin(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read this node's certificate: %w", err)
	}
	c, err := ReadCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("read this node's certificate: %w", err)
	}
	return c, nil
}

// begin makes a cluster of this node.
func (h *Host) begin(ctx context.Context) (*Certificate, error) {
	key, err := openKey(h.clusterKeyPath())
	if err != nil {
		return nil, fmt.Errorf("begin a cluster: %w", err)
	}
	c := certifyByCluster(key, h.identity.ID(), 1, h.cfg.Now())
	return c, h.keepCertificate(ctx, c)
}

func (h *Host) keepCertificate(ctx context.Context, c *Certificate) error {
	if err := h.cfg.Records.Save(ctx, certificateBucket, string(c.Node()), c.Encode()); err != nil {
		return fmt.Errorf("save the certificate of node %s: %w", c.Node(), err)
	}
	return nil
}

// issuer returns what certifies a node: the cluster's key where that is here, else this node's own chain with one more.
func (h *Host) issuer(node placement.NodeID) (func(serial uint64) (*Certificate, error), error) {
	own, isMember := h.members.Certificate(h.ID())
	if !isMember {
		return nil, ErrNotMember
	}
	if len(h.members.All()) >= placement.MaxNodes && !h.members.Has(node) {
		return nil, ErrFull
	}
	key, err := readKey(h.clusterKeyPath())
	if err == nil && clusterOf(key) == own.Cluster() {
		return func(serial uint64) (*Certificate, error) {
			return certifyByCluster(key, node, serial, h.cfg.Now()), nil
		}, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(own.links) >= maxChain {
		return nil, ErrLongChain
	}
	return func(serial uint64) (*Certificate, error) {
		return own.certify(h.identity, node, serial, h.cfg.Now())
	}, nil
}

func (h *Host) clusterKeyPath() string { return filepath.Join(h.cfg.Dir, clusterKeyFile) }

// adopt makes this node a member of the cluster that own is of, durably, and forgets the one before.
func (h *Host) adopt(ctx context.Context, own *Certificate, others []*Certificate) error {
	// This is the moment that decides after a crash: certificates of another cluster than this one are not read.
	if err := h.keepCertificate(ctx, own); err != nil {
		return err
	}
	h.members.begin(own)
	h.mu.Lock()
	h.refused = false
	h.mu.Unlock()
	if err := h.dropClusterKey(own.Cluster()); err != nil {
		h.log.Warn("the key of the cluster before was not deleted", "err", err)
	}
	for _, c := range others {
		if err := h.admit(ctx, c); err != nil {
			h.log.Warn("a member was passed over", "node", c.Node(), "err", err)
		}
	}
	return nil
}

// dropClusterKey deletes the key of a cluster that is not this node's any more.
func (h *Host) dropClusterKey(of ID) error {
	path := h.clusterKeyPath()
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && clusterOf(key) == of {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return filesystem.SyncDir(h.cfg.Dir)
}
