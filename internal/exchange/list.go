package exchange

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// nodes returns all nodes of the layouts and this one, in the order of their ids.
func (s *Store) nodes() []placement.NodeID {
	all := []placement.NodeID{s.cfg.Self}
	for _, l := range s.cfg.Layouts() {
		for n := range l.Nodes() {
			all = append(all, n.ID)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// List implements chunk.Store: what all nodes have, each chunk once, in the order of their names. It holds the names with one
// first byte at a time. A node that cannot be asked is the error of the last pair; what the others have comes all the same.
func (s *Store) List(ctx context.Context) iter.Seq2[chunk.Info, error] {
	if s.alone() {
		return s.cfg.Disk.List(ctx)
	}
	return func(yield func(chunk.Info, error) bool) {
		failed := make(map[placement.NodeID]error)
		for first := range folders {
			for _, info := range s.listFolder(ctx, byte(first), failed) {
				if ctx.Err() != nil {
					break
				}
				if !yield(info, nil) {
					return
				}
			}
			if err := ctx.Err(); err != nil {
				yield(chunk.Info{}, fmt.Errorf("list chunks: %w", err))
				return
			}
		}
		if len(failed) > 0 {
			yield(chunk.Info{}, fmt.Errorf("list chunks: %w", incomplete(failed)))
		}
	}
}

// incomplete names one of the nodes whose chunks are not listed, so that the message is the same each time.
func incomplete(failed map[placement.NodeID]error) error {
	ids := make([]placement.NodeID, 0, len(failed))
	for id := range failed {
		ids = append(ids, id)
	}
	first := slices.Min(ids)
	return fmt.Errorf("%d nodes gave no list, %s among them: %w: %w", len(ids), first, ErrUnreachable, failed[first])
}

// listFolder returns what all nodes have with a first byte, except those that failed; it notes those that fail.
func (s *Store) listFolder(ctx context.Context, first byte, failed map[placement.NodeID]error) []chunk.Info {
	groups := make([]placement.Group, folderGroups)
	for i := range groups {
		groups[i] = placement.Group(int(first)*folderGroups + i)
	}
	var mu sync.Mutex // guards all and failed
	var all []chunk.Info
	var asking sync.WaitGroup
	places := make(chan struct{}, nodesAtOnce)
	for _, node := range s.nodes() {
		mu.Lock()
		gone := failed[node] != nil
		mu.Unlock()
		if gone {
			continue
		}
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			infos, err := s.listOf(ctx, node, groups)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, infos...)
			if err != nil {
				failed[node] = err
			}
		})
	}
	asking.Wait()
	slices.SortFunc(all, func(a, b chunk.Info) int { return bytes.Compare(a.Ref[:], b.Ref[:]) })
	return slices.CompactFunc(all, func(a, b chunk.Info) bool { return a.Ref == b.Ref })
}

func (s *Store) listOf(ctx context.Context, node placement.NodeID, groups []placement.Group) (infos []chunk.Info, err error) {
	list := s.cfg.Groups.List(ctx, groups...)
	if node != s.cfg.Self {
		if !s.cfg.Alive(node) {
			return nil, errDead
		}
		list = s.client.List(ctx, node, groups...)
	}
	for info, err := range list {
		if err != nil {
			return infos, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}
