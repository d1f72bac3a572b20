package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shoal/internal/chunk"
)

// usageKey is where totals are saved, in ownBucket.
const usageKey = "usage"

// savedUsage is the saved form of usage: a count and a sum for each folder.
type savedUsage struct {
	// Clean is true when nothing changed after these were saved.
	Clean  bool    `json:"clean"`
	Chunks []int64 `json:"chunks"`
	Bytes  []int64 `json:"bytes"`
}

// loadUsage reads the totals and notes, durably, that they are in use from now on. Fresh says that
// there is no chunk yet.
func loadUsage(r *Records, capacity int64, fresh bool) (*usage, error) {
	u := &usage{capacity: capacity, unsaved: true}
	var saved savedUsage
	value, err := r.load(ownBucket, usageKey)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load totals: %w", err)
	}
	if err == nil && json.Unmarshal(value, &saved) != nil {
		saved = savedUsage{}
	}
	if len(saved.Chunks) == shardCount && len(saved.Bytes) == shardCount && !fresh {
		for i := range u.shards {
			u.add(&u.shards[i], saved.Chunks[i], saved.Bytes[i], nil)
		}
	}
	if !saved.Clean && !fresh {
		u.doubt()
	}
	return u, u.save(r, false)
}

// save writes the totals if they changed since the last time, and at the end in any case.
func (u *usage) save(r *Records, end bool) error {
	u.mu.Lock()
	unsaved, exact := u.unsaved, u.doubts == u.settled
	u.unsaved = false
	u.mu.Unlock()
	if !unsaved && !end {
		return nil
	}
	saved := savedUsage{Clean: end && exact}
	for i := range u.shards {
		s := &u.shards[i]
		s.mu.Lock()
		saved.Chunks = append(saved.Chunks, s.chunks)
		saved.Bytes = append(saved.Bytes, s.bytes)
		s.mu.Unlock()
	}
	value, err := json.Marshal(saved)
	if err == nil {
		err = r.save(ownBucket, map[string][]byte{usageKey: value})
	}
	if err != nil {
		return fmt.Errorf("save totals: %w", err)
	}
	return nil
}

// recount counts every folder anew while chunks come and go. One recount runs at a time.
func (u *usage) recount(ctx context.Context, chunks string) error {
	u.mu.Lock()
	doubts := u.doubts
	u.mu.Unlock()
	for i := range u.shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.recountShard(&u.shards[i], shardDir(chunks, byte(i))); err != nil {
			return err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settled = doubts
	u.unsaved = true
	return nil
}

// recountShard trusts what it sees in the folder, except where a change during the walk says better.
func (u *usage) recountShard(s *shard, dir string) error {
	s.mu.Lock()
	s.touched = make(map[chunk.Ref]int64)
	s.mu.Unlock()

	sizes := make(map[chunk.Ref]int64)
	err := walkShard(dir, func(info chunk.Info, _ time.Time) bool {
		sizes[info.Ref] = info.Size
		return true
	})

	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, size := range s.touched {
		sizes[ref] = size
	}
	s.touched = nil
	if err != nil {
		return err
	}
	var chunks, bytes int64
	for _, size := range sizes {
		chunks += count(size)
		bytes += max(size, 0)
	}
	u.add(s, chunks-s.chunks, bytes-s.bytes, nil)
	return nil
}

// walkShard yields the chunks of one folder with the times they were put, each once and in the order of
// their names, until yield returns false. Files with names of another kind are passed over.
func walkShard(dir string, yield func(info chunk.Info, put time.Time) bool) error {
	names, err := readNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		ref, err := chunk.ParseRef(name)
		if err != nil || name[:2] != filepath.Base(dir) {
			continue
		}
		info, err := os.Lstat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() && !yield(chunk.Info{Ref: ref, Size: info.Size()}, info.ModTime()) {
			return nil
		}
	}
	return nil
}

// readNames returns the names in a folder, each once: some file systems give a name twice when its
// file is replaced meanwhile.
func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
