package exchange

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// folders is how many first bytes there are, and folderGroups how many groups share one.
const (
	folders      = 256
	folderGroups = placement.Groups / folders
)

// Digest stands for the chunks of one group on one node. Equal digests mean equal chunks; the zero Digest means none.
type Digest struct {
	Chunks uint32
	// Sum is the exclusive or of the last halves of the names.
	Sum [16]byte
}

// toggle puts a chunk in or takes it out.
func (d *Digest) toggle(ref chunk.Ref, there bool) {
	if there {
		d.Chunks++
	} else {
		d.Chunks--
	}
	for i := range d.Sum {
		d.Sum[i] ^= ref[refSize-len(d.Sum)+i]
	}
}

// Names is what a disk tells of the names of its chunks; disk.Chunks has it.
type Names interface {
	// Names returns the chunks that begin with a byte, in their order.
	Names(ctx context.Context, first byte) ([]chunk.Ref, error)
	// Watch has changed called when a chunk comes or goes, in the order in which that happens. Certain is false
	// when only looking can tell whether it did.
	Watch(changed func(ref chunk.Ref, there, certain bool))
	// Stat returns the size of a chunk, or chunk.ErrNotFound.
	Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error)
}

// Groups tells what this node has by group. A folder, which is the groups that share a first byte, is read when somebody first
// asks for it; from then on what comes and goes is counted in. It keeps digests, half a megabyte at most, and no names.
// Its methods may be called from many goroutines at once.
type Groups struct {
	names   Names
	folders [folders]folder
}

// folder has the digests of the groups that share a first byte.
type folder struct {
	// reading is held by who reads the names.
	reading sync.Mutex

	mu sync.Mutex
	// digests is nil while they are not known; guarded by mu.
	digests *[folderGroups]Digest
	// touched has what came and went since a reading began, nil when there is none; guarded by mu.
	touched map[chunk.Ref]bool
	// spoiled says that something went wrong during a reading; guarded by mu.
	spoiled bool
}

// NewGroups returns what names has, and watches it from now on. It reads nothing yet.
func NewGroups(names Names) *Groups {
	g := &Groups{names: names}
	names.Watch(g.changed)
	return g
}

// changed counts in what came or went.
func (g *Groups) changed(ref chunk.Ref, there, certain bool) {
	f := &g.folders[ref[0]]
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !certain:
		f.digests, f.spoiled = nil, true
	case f.digests != nil:
		f.digests[inFolder(placement.GroupOf(ref))].toggle(ref, there)
	case f.touched != nil:
		f.touched[ref] = there
	}
}

func inFolder(g placement.Group) int { return int(g) % folderGroups }

func folderOf(g placement.Group) byte { return byte(g / folderGroups) }

// Digests returns one Digest for each of groups, in their order.
func (g *Groups) Digests(ctx context.Context, groups []placement.Group) ([]Digest, error) {
	digests := make([]Digest, len(groups))
	var last byte
	var known [folderGroups]Digest
	for i, group := range groups {
		if first := folderOf(group); i == 0 || first != last {
			var err error
			if known, err = g.folder(ctx, first); err != nil {
				return nil, fmt.Errorf("digest groups: %w", err)
			}
			last = first
		}
		digests[i] = known[inFolder(group)]
	}
	return digests, nil
}

// errRestless says that a folder could not be read between two changes that went wrong.
var errRestless = errors.New("the disk fails while its chunks are counted")

// folder returns the digests of a folder, which it reads if it has to.
func (g *Groups) folder(ctx context.Context, first byte) ([folderGroups]Digest, error) {
	f := &g.folders[first]
	if digests, known := f.load(); known {
		return digests, nil
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	if digests, known := f.load(); known {
		return digests, nil
	}
	for range 3 {
		f.begin()
		refs, err := g.names.Names(ctx, first)
		if digests, sound := f.end(refs, err); sound || err != nil {
			return digests, err
		}
	}
	return [folderGroups]Digest{}, errRestless
}

func (f *folder) load() (digests [folderGroups]Digest, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.digests == nil {
		return digests, false
	}
	return *f.digests, true
}

func (f *folder) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touched, f.spoiled = make(map[chunk.Ref]bool), false
}

// end makes digests of the names that were read and of what came and went meanwhile.
func (f *folder) end(refs []chunk.Ref, err error) (digests [folderGroups]Digest, sound bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	touched := f.touched
	f.touched = nil
	if err != nil || f.spoiled {
		return digests, false
	}
	for _, ref := range refs {
		if _, changed := touched[ref]; !changed {
			digests[inFolder(placement.GroupOf(ref))].toggle(ref, true)
		}
	}
	for ref, there := range touched {
		if there {
			digests[inFolder(placement.GroupOf(ref))].toggle(ref, true)
		}
	}
	known := digests
	f.digests = &known
	return digests, true
}

// List yields the chunks of groups, which ascend, in the order of their names; what comes or goes meanwhile may be missed. It
// yields at most one error, as its last pair.
func (g *Groups) List(ctx context.Context, groups ...placement.Group) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		for len(groups) > 0 {
			n := 1
			for n < len(groups) && folderOf(groups[n]) == folderOf(groups[0]) {
				n++
			}
			for info, err := range g.listFolder(ctx, groups[:n]) {
				if !yield(info, err) || err != nil {
					return
				}
			}
			groups = groups[n:]
		}
	}
}

// listFolder yields the chunks of groups that share a folder.
func (g *Groups) listFolder(ctx context.Context, groups []placement.Group) iter.Seq2[chunk.Info, error] {
	return func(yield func(chunk.Info, error) bool) {
		refs, err := g.names.Names(ctx, folderOf(groups[0]))
		var wanted [folderGroups]bool
		for _, group := range groups {
			wanted[inFolder(group)] = true
		}
		for _, ref := range refs {
			if !wanted[inFolder(placement.GroupOf(ref))] {
				continue
			}
			info, statErr := g.names.Stat(ctx, ref)
			if errors.Is(statErr, chunk.ErrNotFound) || statErr == nil && chunk.CheckSize(info.Size) != nil {
				continue // A file of no possible length is no chunk.
			}
			if err = statErr; err != nil {
				break
			}
			if !yield(info, nil) {
				return
			}
		}
		if err != nil {
			yield(chunk.Info{}, fmt.Errorf("list groups: %w", err))
		}
	}
}
