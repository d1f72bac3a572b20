package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// listsAtOnce bounds how many lists are asked for together, and with it the memory.
	listsAtOnce = 4
	// listBound is how many chunks one answer may list; a node with more in a span would have 64 TB.
	listBound = 1 << 18
	// spanGroups is how many groups are looked at together: those whose chunks share the first byte, as a disk's folders do.
	spanGroups = placement.Groups / 256
)

// found is what was found of one group.
type found struct {
	group   placement.Group
	holders []placement.NodeID
	// held has the chunks of each node that answered, this one's included.
	held placement.Held
	// put is when each chunk of this node was put, digest stood for them.
	put    map[chunk.Ref]time.Time
	digest Digest
}

// heldByAll tells whether every holder has a chunk, and there is one.
func (f *found) heldByAll(ref chunk.Ref) bool {
	for _, id := range f.holders {
		if _, has := f.held[id][ref]; !has {
			return false
		}
	}
	return len(f.holders) > 0
}

// level tells whether every holder answered and has everything that anybody has.
func (f *found) level() bool {
	for _, chunks := range f.held {
		for ref := range chunks {
			if !f.heldByAll(ref) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(f.holders, func(id placement.NodeID) bool { return f.held[id] == nil })
}

// chunks returns what anybody has, each once, in the order of their names.
func (f *found) chunks(filter func(chunk.Ref) bool) []chunk.Info {
	sizes := make(map[chunk.Ref]int64)
	for _, chunks := range f.held {
		for ref, size := range chunks {
			if filter(ref) {
				sizes[ref] = size
			}
		}
	}
	infos := make([]chunk.Info, 0, len(sizes))
	for ref, size := range sizes {
		infos = append(infos, chunk.Info{Ref: ref, Size: size})
	}
	slices.SortFunc(infos, func(a, b chunk.Info) int { return slices.Compare(a.Ref[:], b.Ref[:]) })
	return infos
}

// list calls visit with what is found of the groups that pick chooses by their index, in their order. A node that fails to
// list counts as silent from there on.
func (r *Repairer) list(ctx context.Context, c *comparison, pick func(i int) bool, visit func(*found) error) error {
	var span []int
	flush := func() error {
		defer func() { span = span[:0] }()
		return r.listSpan(ctx, c, span, visit)
	}
	for i, g := range c.groups {
		if len(span) > 0 && c.groups[span[0]]/spanGroups != g/spanGroups {
			if err := flush(); err != nil {
				return err
			}
		}
		if pick(i) {
			span = append(span, i)
		}
	}
	return flush()
}

func (r *Repairer) listSpan(ctx context.Context, c *comparison, span []int, visit func(*found) error) error {
	if len(span) == 0 {
		return ctx.Err()
	}
	all := make([]*found, len(span))
	byGroup := make(map[placement.Group]*found, len(span))
	for at, i := range span {
		g := c.groups[i]
		all[at] = &found{
			group: g, digest: c.mine[i], holders: c.layout.Holders(g), put: make(map[chunk.Ref]time.Time),
			held: placement.Held{c.self: make(map[chunk.Ref]int64)},
		}
		byGroup[g] = all[at]
	}
	if err := r.listOwn(ctx, c.self, all[0].group, all[len(all)-1].group, byGroup); err != nil {
		return err
	}
	if err := r.listOthers(ctx, c, span, all); err != nil {
		return err
	}
	for _, f := range all {
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// listOwn fills in what this node has of the groups from first to last.
func (r *Repairer) listOwn(ctx context.Context, self placement.NodeID, first, last placement.Group, groups map[placement.Group]*found) error {
	err := r.cfg.Local.Walk(ctx, before(first), func(info chunk.Info, put time.Time) error {
		g := placement.GroupOf(info.Ref)
		if g > last {
			return errEnough
		}
		if f := groups[g]; f != nil {
			f.held[self][info.Ref], f.put[info.Ref] = info.Size, put
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("list own chunks: %w", err)
	}
	return nil
}

// before returns the last name that comes before a group's, or the zero Ref.
func before(g placement.Group) (ref chunk.Ref) {
	if g == 0 {
		return ref
	}
	for i := range ref {
		ref[i] = 0xff
	}
	bits := uint16(g-1)<<2 | 3
	ref[0], ref[1] = byte(bits>>8), byte(bits)
	return ref
}

// listOthers fills in what other nodes have. Of one with this node's digest, or none, that is known.
func (r *Repairer) listOthers(ctx context.Context, c *comparison, span []int, all []*found) error {
	unknown := make(map[placement.NodeID][]*found)
	for at, i := range span {
		f := all[at]
		for node, digest := range c.digests(i) {
			switch digest {
			case Digest{}:
				f.held[node] = map[chunk.Ref]int64{}
			case c.mine[i]:
				f.held[node] = f.held[c.self]
			default:
				unknown[node] = append(unknown[node], f)
			}
		}
	}
	var asking errgroup.Group
	asking.SetLimit(listsAtOnce)
	var mu sync.Mutex // guards the maps held
	for node, groups := range unknown {
		asking.Go(func() error {
			lists, err := r.listOther(ctx, node, groups)
			if err != nil {
				r.doubt(ctx, node, "lists", err)
				c.forget(node)
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			for _, f := range groups {
				f.held[node] = lists[f.group]
			}
			return nil
		})
	}
	_ = asking.Wait()
	return ctx.Err()
}

// listOther returns what another node has of some groups.
func (r *Repairer) listOther(ctx context.Context, node placement.NodeID, groups []*found) (map[placement.Group]map[chunk.Ref]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	lists := make(map[placement.Group]map[chunk.Ref]int64, len(groups))
	asked := make([]placement.Group, len(groups))
	for i, f := range groups {
		asked[i], lists[f.group] = f.group, make(map[chunk.Ref]int64)
	}
	count := 0
	for info, err := range r.cfg.Peers.List(ctx, node, asked...) {
		if err != nil {
			return nil, err
		}
		list := lists[placement.GroupOf(info.Ref)]
		if count++; count > listBound || list == nil || chunk.CheckSize(info.Size) != nil {
			return nil, fmt.Errorf("chunk %s of %d bytes as number %d: %w", info.Ref, info.Size, count, errNonsense)
		}
		list[info.Ref] = info.Size
	}
	return lists, nil
}
