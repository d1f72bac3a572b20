package exchange

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// Digests returns one Digest for each of groups, which ascend, as a node has them.
func (c *Client) Digests(ctx context.Context, node placement.NodeID, groups []placement.Group) ([]Digest, error) {
	var digests []Digest
	err := patiently(ctx, func() error {
		digests = make([]Digest, 0, len(groups))
		return c.parts(ctx, node, opDigests, groups, func(data []byte) (bool, error) {
			some, err := unpackDigests(data)
			if err == nil && len(digests)+len(some) > len(groups) {
				err = fmt.Errorf("more digests than the %d asked for: %w", len(groups), errRefused)
			}
			digests = append(digests, some...)
			return true, err
		})
	})
	if err == nil && len(digests) != len(groups) {
		err = fmt.Errorf("%d digests of %d groups: %w", len(digests), len(groups), errRefused)
	}
	if err != nil {
		return nil, fmt.Errorf("ask node %s for digests: %w", node, err)
	}
	return digests, nil
}

// List yields what a node has of groups, which ascend, in the order of the names and each once. It yields at most one error, as its last pair.
func (c *Client) List(ctx context.Context, node placement.NodeID, groups ...placement.Group) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		l := listing{groups: groups, yield: yield}
		err := patiently(ctx, func() error { return c.parts(ctx, node, opList, groups, l.take) })
		if err != nil && !l.stopped {
			yield(chunk.Info{}, fmt.Errorf("ask node %s for lists: %w", node, err))
		}
	}
}

// listing hands on what a node lists.
type listing struct {
	groups  []placement.Group
	yield   func(chunk.Info, error) bool
	last    chunk.Ref
	stopped bool
}

// take checks and hands on one part, and tells whether more is wanted.
func (l *listing) take(data []byte) (more bool, err error) {
	infos, err := unpackInfos(data)
	if err != nil {
		return false, err
	}
	for _, info := range infos {
		_, asked := slices.BinarySearch(l.groups, placement.GroupOf(info.Ref))
		if !asked || bytes.Compare(info.Ref[:], l.last[:]) <= 0 {
			return false, fmt.Errorf("chunk %s was not asked for, or comes too late: %w", info.Ref, errRefused)
		}
		l.last = info.Ref
		if l.stopped = !l.yield(info, nil); l.stopped {
			return false, nil
		}
	}
	return true, nil
}

// parts asks a question about groups and hands each part of the answer to take, until that wants no more.
func (c *Client) parts(ctx context.Context, node placement.NodeID, what op, groups []placement.Group, take func([]byte) (bool, error)) error {
	if err := checkGroups(groups); err != nil {
		return err
	}
	l, err := c.ask(ctx, node, GroupsProtocol, request{Op: what, Names: packGroups(groups)}, patience)
	if err != nil {
		return err
	}
	defer l.close()
	for {
		var p part
		if err := l.receive(&p, maxPart); err != nil {
			return err
		}
		switch {
		case errorOf(p.Status) != nil:
			return errorOf(p.Status)
		case p.Status == isEnd:
			return nil
		case p.Status != isMore || len(p.Data) == 0:
			return fmt.Errorf("part %d of %d bytes: %w", p.Status, len(p.Data), errRefused)
		}
		if more, err := take(p.Data); err != nil || !more {
			return err
		}
	}
}
