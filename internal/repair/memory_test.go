package repair_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// memory is a repair.Local in memory.
type memory struct {
	mu sync.Mutex
	// All below is guarded by mu.
	groups  map[placement.Group]map[chunk.Ref]*kept
	digests [placement.Groups]repair.Digest
	room    int64
	// roomy makes Room answer that there is some though Put finds none.
	roomy   bool
	deleted []chunk.Ref
	// asked counts the digests.
	asked int
	// delay is how long a Put takes.
	delay time.Duration
	// onDelete is called before a chunk is deleted; nil for nobody.
	onDelete func(chunk.Ref)
}

type kept struct {
	data []byte
	put  time.Time
	bad  bool
}

func newMemory() *memory {
	return &memory{groups: make(map[placement.Group]map[chunk.Ref]*kept), room: math.MaxInt64 / 2}
}

// toggle adds a chunk to the digest of its group, or removes it; d.mu is held.
func (d *memory) toggle(ref chunk.Ref, one int) {
	g := placement.GroupOf(ref)
	digest := &d.digests[g]
	digest.Chunks += uint32(one)
	for i := range digest.Sum {
		digest.Sum[i] ^= ref[i]
	}
}

func (d *memory) Digests(ctx context.Context, groups []placement.Group) ([]repair.Digest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked += len(groups)
	digests := make([]repair.Digest, len(groups))
	for i, g := range groups {
		digests[i] = d.digests[g]
	}
	return digests, ctx.Err()
}

func (d *memory) list(g placement.Group) (infos []chunk.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ref, k := range d.groups[g] {
		infos = append(infos, chunk.Info{Ref: ref, Size: int64(len(k.data))})
	}
	return infos
}

func (d *memory) Walk(ctx context.Context, after chunk.Ref, visit func(chunk.Info, time.Time) error) error {
	for first := int(after[0]); first < 256; first++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, s := range d.shard(byte(first)) {
			if slices.Compare(s.Ref[:], after[:]) <= 0 {
				continue
			}
			if err := visit(s.Info, s.put); err != nil {
				return err
			}
		}
	}
	return nil
}

type aged struct {
	chunk.Info
	put time.Time
}

// shard lists what a disk keeps in one folder.
func (d *memory) shard(first byte) (all []aged) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for g := placement.Group(first) * 64; g/64 == placement.Group(first) && g < placement.Groups; g++ {
		for ref, k := range d.groups[g] {
			all = append(all, aged{chunk.Info{Ref: ref, Size: int64(len(k.data))}, k.put})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return slices.Compare(a.Ref[:], b.Ref[:]) })
	return all
}

func (d *memory) Put(ctx context.Context, data []byte) (chunk.Stored, error) {
	if d.delay > 0 {
		time.Sleep(d.delay)
	}
	if err := ctx.Err(); err != nil {
		return chunk.Stored{}, err
	}
	info := chunk.Info{Ref: chunk.Sum(data), Size: int64(len(data))}
	g := placement.GroupOf(info.Ref)
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.groups[g][info.Ref]; k != nil {
		k.put = time.Now()
		return chunk.Stored{Info: info}, nil
	}
	if d.room < info.Size {
		return chunk.Stored{}, fmt.Errorf("put chunk: %w", chunk.ErrFull)
	}
	d.room -= info.Size
	if d.groups[g] == nil {
		d.groups[g] = make(map[chunk.Ref]*kept)
	}
	d.groups[g][info.Ref] = &kept{data: bytes.Clone(data), put: time.Now()}
	d.toggle(info.Ref, 1)
	return chunk.Stored{Info: info, New: true}, nil
}

func (d *memory) Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error) {
	if err := ctx.Err(); err != nil {
		return chunk.Info{}, err
	}
	if data := d.read(ref); data != nil {
		return chunk.Info{Ref: ref, Size: int64(len(data))}, nil
	}
	return chunk.Info{}, fmt.Errorf("stat chunk: %w", chunk.ErrNotFound)
}

func (d *memory) Verify(ctx context.Context, ref chunk.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.groups[placement.GroupOf(ref)][ref]
	if k == nil {
		return fmt.Errorf("verify chunk: %w", chunk.ErrNotFound)
	}
	if k.bad {
		d.remove(ref)
		return fmt.Errorf("verify chunk: %w", chunk.ErrCorrupt)
	}
	return nil
}

func (d *memory) DeleteBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if d.onDelete != nil && d.before(ref, limit) {
		d.onDelete(ref)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.groups[placement.GroupOf(ref)][ref]
	if k == nil || !k.put.Before(limit) {
		return 0, nil
	}
	d.deleted = append(d.deleted, ref)
	d.remove(ref)
	return int64(len(k.data)), nil
}

func (d *memory) before(ref chunk.Ref, limit time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.groups[placement.GroupOf(ref)][ref]
	return k != nil && k.put.Before(limit)
}

// whole tells whether there is a copy that did not go bad.
func (d *memory) whole(ref chunk.Ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.groups[placement.GroupOf(ref)][ref]
	return k != nil && !k.bad
}

// spoil lets a copy go bad.
func (d *memory) spoil(ref chunk.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.groups[placement.GroupOf(ref)][ref].bad = true
}

// mend puts aside what went bad and makes room.
func (d *memory) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = 1 << 40
	for _, chunks := range d.groups {
		for ref, k := range chunks {
			if k.bad {
				d.remove(ref)
			}
		}
	}
}

// remove takes a chunk away; d.mu is held.
func (d *memory) remove(ref chunk.Ref) {
	g := placement.GroupOf(ref)
	if k := d.groups[g][ref]; k != nil {
		d.room += int64(len(k.data))
		delete(d.groups[g], ref)
		d.toggle(ref, -1)
	}
}

// lose takes a chunk away, as somebody does who deletes a file.
func (d *memory) lose(ref chunk.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(ref)
}

func (d *memory) Room() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.roomy {
		return math.MaxInt64
	}
	return d.room
}

func (d *memory) has(ref chunk.Ref) bool { return d.read(ref) != nil }

func (d *memory) read(ref chunk.Ref) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.groups[placement.GroupOf(ref)][ref]; k != nil {
		return k.data
	}
	return nil
}

// all returns what the disk has.
func (d *memory) all() (refs []chunk.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, chunks := range d.groups {
		for ref := range chunks {
			refs = append(refs, ref)
		}
	}
	return refs
}

// gone returns how many chunks were deleted.
func (d *memory) gone() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.deleted)
}
