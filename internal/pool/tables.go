package pool

import (
	"context"
	"errors"
	"fmt"
	"net"

	"shoal/internal/cluster"
	"shoal/internal/placement"
	"shoal/internal/rows"
)

// The buckets of the membership table, by node but for the last.
const (
	// admissions have certificates, removals what beats them.
	admissions = "admissions"
	removals   = "removals"
	// nodes have what each node says of itself, draining those that are to leave.
	nodes    = "nodes"
	draining = "draining"
	// settings are those of the cluster.
	settings = "settings"
)

// The names of the two tables, as they travel.
const (
	membershipTable = "membership"
	recordsTable    = "records"
)

var errRow = errors.New("the row is not what belongs there")

// openTables reads the rows. Those of membership lie apart for each cluster: who joins another begins anew with them.
func (p *Pool) openTables(ctx context.Context) (err error) {
	p.membership, err = rows.Open(ctx, rows.Config{
		Storage: p.cfg.Records, Bucket: membershipTable + " " + string(p.host.Members().Cluster()), Signer: p.host.Identity(),
		Verifier: verifier(p.verifyMembership), Changed: p.membershipChanged,
	})
	if err != nil {
		return err
	}
	p.records, err = rows.Open(ctx, rows.Config{
		Storage: p.cfg.Records, Signer: p.host.Identity(), Verifier: verifier(p.verifyRecord), Changed: p.recordChanged,
	})
	if err != nil {
		return err
	}
	p.spread = rows.NewSpread(rows.SpreadConfig{
		Tables: []rows.Named{{Name: membershipTable, Table: p.membership}, {Name: recordsTable, Table: p.records}},
		Peers:  p.reachable, Dial: p.dialText, Log: p.log,
	})
	if err := p.recall(ctx); err != nil {
		return err
	}
	return p.adopt(ctx)
}

// adopt writes anew, in this node's name, what was written by nodes that this cluster never knew: by this one before its records were
// restored under another key, or by those of a cluster that it has left. Others would refuse it.
func (p *Pool) adopt(ctx context.Context) error {
	adopted, err := p.records.Adopt(ctx, func(_ rows.ID, s rows.Stamp) bool { return p.mayDecide(placement.NodeID(s.Writer)) != nil })
	if adopted > 0 {
		p.log.Info("records of nodes that are not here were taken over", "records", adopted)
	}
	return err
}

// recall takes what the rows say of members into memory.
func (p *Pool) recall(ctx context.Context) error {
	for _, bucket := range []string{removals, admissions, nodes} {
		err := p.membership.Each(ctx, bucket, func(key string, value []byte) error {
			p.heed(rows.ID{Bucket: bucket, Key: key}, value)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read who belongs: %w", err)
		}
	}
	return nil
}

// heed takes a row of membership into memory.
func (p *Pool) heed(id rows.ID, value []byte) {
	switch id.Bucket {
	case admissions:
		if c, err := cluster.ReadCertificate(value); err == nil {
			if _, err := p.host.Members().Admit(c); err != nil {
				p.log.Debug("a certificate was passed over", "node", id.Key, "err", err)
			}
		}
	case removals:
		if r, err := cluster.ReadRemoval(value); err == nil {
			p.host.Members().Remove(r)
		}
	case nodes:
		p.hear(placement.NodeID(id.Key), value)
	}
}

// verifier makes a rows.Verifier of a function.
type verifier func(r *rows.Row) error

// Verify checks the signature, and then what the function does.
func (v verifier) Verify(r *rows.Row, signed []byte) error {
	if !cluster.Signed(placement.NodeID(r.Writer), signed, r.Proof) {
		return errors.New("it is not signed by its writer")
	}
	return v(r)
}

// verifyMembership tells whether a row may stand in the membership table. Certificates prove themselves; a node speaks of itself
// alone; members decide the rest.
func (p *Pool) verifyMembership(r *rows.Row) error {
	switch writer := placement.NodeID(r.Writer); r.Bucket {
	case admissions:
		c, err := cluster.ReadCertificate(r.Value)
		if err != nil || r.Deleted || string(c.Node()) != r.Key || c.Cluster() != p.host.Members().Cluster() {
			return errors.Join(errRow, err)
		}
		return nil
	case removals:
		gone, err := cluster.ReadRemoval(r.Value)
		if err != nil || r.Deleted || removalKey(gone) != r.Key {
			return errors.Join(errRow, err)
		}
		return p.mayDecide(writer)
	case nodes:
		if r.Writer != r.Key || r.Deleted {
			return errRow
		}
		_, err := readFacts(r.Value)
		return err
	case draining, settings:
		return p.mayDecide(writer)
	}
	return fmt.Errorf("bucket %s: %w", r.Bucket, errRow)
}

// removalKey has the serial in it, so that no later row of a lower one takes a removal's place.
func removalKey(r cluster.Removal) string { return fmt.Sprintf("%s/%d", r.Node, r.Serial) }

// mayDecide tells whether a node is a member, or was: what it decided before it was removed holds.
func (p *Pool) mayDecide(id placement.NodeID) error {
	if members := p.host.Members(); members.Has(id) || members.Removed(id) {
		return nil
	}
	return cluster.ErrNotMember
}

// verifyRecord tells whether a row may stand among the records. What a removed node wrote holds: since it was removed nobody takes
// anything from it, so what comes was taken by a member before that.
func (p *Pool) verifyRecord(r *rows.Row) error { return p.mayDecide(placement.NodeID(r.Writer)) }

// dialText is for those who know nodes by their names alone.
func (p *Pool) dialText(ctx context.Context, to, protocol string) (net.Conn, error) {
	return p.host.Dial(ctx, placement.NodeID(to), protocol)
}

func (p *Pool) serveRows(ctx context.Context, from placement.NodeID, conn net.Conn) {
	p.spread.Serve(ctx, string(from), conn)
}

func (p *Pool) membershipChanged(id rows.ID, value []byte, deleted bool) {
	if !deleted {
		p.heed(id, value)
	}
	signal(p.kick)
}

func (p *Pool) recordChanged(id rows.ID, value []byte, deleted bool) {
	p.mu.Lock()
	changed := p.changed
	p.mu.Unlock()
	if changed != nil {
		changed(id.Bucket, id.Key, value, deleted)
	}
}
