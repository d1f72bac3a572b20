package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// holdersWait is how long Holders waits for answers.
const holdersWait = 5 * time.Second

// Stat implements chunk.Store. It asks other nodes only for what the own disk does not have.
func (s *Store) Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error) {
	info, err := s.cfg.Disk.Stat(ctx, ref)
	if err == nil || s.alone() {
		return info, err
	}
	found, err := s.find(ctx, []chunk.Ref{ref})
	if err == nil {
		err = found[0].err()
	}
	if err != nil {
		return chunk.Info{}, fmt.Errorf("stat chunk %s: %w", ref, err)
	}
	return chunk.Info{Ref: ref, Size: found[0].size}, nil
}

// StatAll looks for many chunks with a few questions, and returns those that no node has with that size as far as they answered. The error is
// a *Missing, one of perhaps many, when nodes that may have some of those gave no answer, or ctx's.
func (s *Store) StatAll(ctx context.Context, infos []chunk.Info) (missing []chunk.Info, err error) {
	refs := make([]chunk.Ref, len(infos))
	for i, info := range infos {
		refs[i] = info.Ref
	}
	found, err := s.find(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("stat %d chunks: %w", len(infos), err)
	}
	for i, one := range found {
		if one.size == infos[i].Size {
			continue
		}
		missing = append(missing, infos[i])
		if unreachable := one.err(); errors.Is(unreachable, ErrUnreachable) && err == nil {
			err = fmt.Errorf("stat %d chunks: chunk %s: %w", len(infos), infos[i].Ref, unreachable)
		}
	}
	return missing, err
}

// search looks for one chunk.
type search struct {
	ref     chunk.Ref
	size    int64 // 0 until it is found
	from    *sources
	missing *Missing
}

// err says why the chunk was not found.
func (f *search) err() error {
	if f.size > 0 {
		return nil
	}
	return f.missing
}

// find looks for chunks here, then at their likeliest holders, then at the next ones. Its error is that of ctx.
func (s *Store) find(ctx context.Context, refs []chunk.Ref) ([]*search, error) {
	all := make([]*search, len(refs))
	var open []*search
	for i, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all[i] = &search{ref: ref, missing: &Missing{Ref: ref}}
		info, err := s.cfg.Disk.Stat(ctx, ref)
		if err == nil {
			all[i].size = info.Size
			continue
		}
		all[i].missing.note(s.cfg.Self, err)
		all[i].from = s.sources(placement.GroupOf(ref))
		open = append(open, all[i])
	}
	for failed := make(map[placement.NodeID]error); len(open) > 0; {
		s.askAll(ctx, turns(open, failed), failed)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		open = unfound(open)
	}
	return all, nil
}

// turns says which node each search asks next; one that failed is not asked again.
func turns(open []*search, failed map[placement.NodeID]error) map[placement.NodeID][]*search {
	turns := make(map[placement.NodeID][]*search)
	for _, one := range open {
		for {
			node, more := one.from.next()
			if !more {
				one.missing.Silent = append(one.missing.Silent, one.from.silent...)
				one.from = nil
				break
			}
			if err := failed[node]; err != nil {
				one.missing.note(node, err)
				continue
			}
			turns[node] = append(turns[node], one)
			break
		}
	}
	return turns
}

// unfound returns the searches that go on.
func unfound(open []*search) (still []*search) {
	for _, one := range open {
		if one.size == 0 && one.from != nil {
			still = append(still, one)
		}
	}
	return still
}

// nodesAtOnce bounds how many nodes are asked together.
const nodesAtOnce = 16

// askAll asks each node for its turns, and notes what they answer.
func (s *Store) askAll(ctx context.Context, turns map[placement.NodeID][]*search, failed map[placement.NodeID]error) {
	var mu sync.Mutex // guards failed
	var asking sync.WaitGroup
	places := make(chan struct{}, nodesAtOnce)
	for node, some := range turns {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			if err := s.askFor(ctx, node, some); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[node] = err
			}
		})
	}
	asking.Wait()
}

func (s *Store) askFor(ctx context.Context, node placement.NodeID, some []*search) error {
	refs := make([]chunk.Ref, len(some))
	for i, one := range some {
		refs[i] = one.ref
	}
	sizes, err := s.client.Has(ctx, node, refs)
	if err != nil && ctx.Err() == nil {
		s.client.peers.doubt(node, time.Now(), doubtFor)
	}
	for i, one := range some {
		switch {
		case err != nil:
			one.missing.note(node, err)
		case sizes[i] > 0:
			one.size = sizes[i]
		default:
			one.missing.note(node, chunk.ErrNotFound)
		}
	}
	return err
}

// Holders tells which nodes have each chunk, with its size, by asking all that are alive; silent are those that gave no answer within five
// seconds, or were not asked because they are dead. The nodes stand in the order of their ids.
func (s *Store) Holders(ctx context.Context, infos []chunk.Info) (have map[chunk.Ref][]placement.NodeID, silent []placement.NodeID) {
	ctx, cancel := context.WithTimeout(ctx, holdersWait)
	defer cancel()
	nodes := s.nodes()
	answers := make([][]int64, len(nodes))
	var asking sync.WaitGroup
	places := make(chan struct{}, nodesAtOnce)
	for i, node := range nodes {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			answers[i] = s.sizes(ctx, node, infos)
		})
	}
	asking.Wait()
	have = make(map[chunk.Ref][]placement.NodeID, len(infos))
	for i, node := range nodes {
		if answers[i] == nil {
			silent = append(silent, node)
			continue
		}
		for j, info := range infos {
			if answers[i][j] == info.Size {
				have[info.Ref] = append(have[info.Ref], node)
			}
		}
	}
	return have, silent
}

// sizes returns what a node, perhaps this one, has of some chunks, nil when it does not say.
func (s *Store) sizes(ctx context.Context, node placement.NodeID, infos []chunk.Info) []int64 {
	refs := make([]chunk.Ref, len(infos))
	for i, info := range infos {
		refs[i] = info.Ref
	}
	if node != s.cfg.Self {
		if !s.cfg.Alive(node) {
			return nil
		}
		sizes, err := s.client.Has(ctx, node, refs)
		if err != nil {
			return nil
		}
		return sizes
	}
	sizes := make([]int64, len(refs))
	for i, ref := range refs {
		info, err := s.cfg.Disk.Stat(ctx, ref)
		if err != nil && !errors.Is(err, chunk.ErrNotFound) {
			return nil
		}
		sizes[i] = info.Size
	}
	return sizes
}
