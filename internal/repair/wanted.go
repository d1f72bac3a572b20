package repair

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// wanted is the set of the chunks that are needed, in eight bytes for each. It tells those of a group apart by 8 bytes of
// their names; two that share those would be taken for one, and both be kept. It belongs to one goroutine.
type wanted struct {
	marks [placement.Groups][]uint64
	// all is true when it is not known what else is needed; then everything is.
	all bool
	// young is since when a chunk may belong to an import that this node knows nothing of; zero for never.
	young time.Time
}

// gather asks what is needed of the groups that pick chooses.
func (r *Repairer) gather(ctx context.Context, pick func(placement.Group) bool) (*wanted, error) {
	w := new(wanted)
	young, err := r.cfg.Wanted(ctx, func(ref chunk.Ref) {
		if g := placement.GroupOf(ref); pick(g) {
			w.marks[g] = append(w.marks[g], markOf(ref))
		}
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		w.all = true
		r.log.Warn("not all is known that videos need: every chunk is copied", "err", err)
	}
	w.young = young
	for g := range w.marks {
		slices.Sort(w.marks[g])
		w.marks[g] = slices.Compact(w.marks[g])
	}
	return w, nil
}

// markOf is what a group's chunks are told apart by; the group has the first bits.
func markOf(ref chunk.Ref) uint64 { return binary.BigEndian.Uint64(ref[1:9]) }

// has tells whether a chunk is needed.
func (w *wanted) has(ref chunk.Ref) bool {
	_, found := slices.BinarySearch(w.marks[placement.GroupOf(ref)], markOf(ref))
	return found || w.all
}

// mayNeed is has for a chunk of this node, which knows when it was put.
func (w *wanted) mayNeed(ref chunk.Ref, put time.Time) bool {
	return w.has(ref) || !w.young.IsZero() && !put.Before(w.young)
}

// missing returns the marks of a group that none of infos has.
func (w *wanted) missing(g placement.Group, infos []chunk.Info) (marks []uint64) {
	met := make([]bool, len(w.marks[g]))
	for _, info := range infos {
		if at, found := slices.BinarySearch(w.marks[g], markOf(info.Ref)); found {
			met[at] = true
		}
	}
	for at, mark := range w.marks[g] {
		if !met[at] {
			marks = append(marks, mark)
		}
	}
	return marks
}

// name returns the names of some of the chunks that marks stand for.
func (r *Repairer) name(ctx context.Context, marks map[placement.Group][]uint64, most int) ([]chunk.Ref, error) {
	var refs []chunk.Ref
	_, err := r.cfg.Wanted(ctx, func(ref chunk.Ref) {
		if len(refs) < most && slices.Contains(marks[placement.GroupOf(ref)], markOf(ref)) && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	_ = err // What is not known is not lost.
	slices.SortFunc(refs, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
	return refs, nil
}
