package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"shoal/internal/chunk"
)

const (
	// bucket has a record for each file that was dealt with, under its path in the folder.
	bucket        = "watched"
	ledgerVersion = 1
)

// entry is what became of a file as it was then.
type entry struct {
	Version int       `json:"version"`
	Size    int64     `json:"size"`
	MTime   time.Time `json:"mtime"`
	// SHA256 is that of a film, zero for what was not taken.
	SHA256 chunk.Ref `json:"sha256"`
	// Video is the one that it became or belongs to, "" for none.
	Video string `json:"video,omitempty"`
	// Problem says why it was not taken.
	Problem string `json:"problem,omitempty"`
}

// ledger remembers every file that was dealt with, so that none is added twice: not after a restart, not after it was
// moved, and not after somebody deleted its video. It is used by one goroutine.
type ledger struct {
	records Records
	entries map[string]entry
	// sizes counts the films of each size, by which a moved one is suspected.
	sizes map[int64]int
}

func openLedger(ctx context.Context, records Records) (*ledger, error) {
	l := &ledger{records: records, entries: make(map[string]entry), sizes: make(map[int64]int)}
	err := records.Each(ctx, bucket, func(key string, value []byte) error {
		var e entry
		if err := json.Unmarshal(value, &e); err != nil || e.Version != ledgerVersion {
			return nil // the file is dealt with once more, and found to be a duplicate
		}
		l.remember(key, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was added before: %w", err)
	}
	return l, nil
}

func (l *ledger) remember(path string, e entry) {
	l.entries[path] = e
	if !e.SHA256.IsZero() {
		l.sizes[e.Size]++
	}
}

// known tells whether a file was dealt with as it is now.
func (l *ledger) known(f file) bool {
	e, found := l.entries[f.path]
	return found && e.Size == f.size && e.MTime.Equal(f.mtime)
}

// problems lists what was not taken of these files, as they are now.
func (l *ledger) problems(files []file) (all []problem) {
	for _, f := range files {
		if e := l.entries[f.path]; e.Problem != "" && l.known(f) {
			all = append(all, problem{f.path, errors.New(e.Problem)})
		}
	}
	return all
}

// byContent finds a film of the same bytes.
func (l *ledger) byContent(size int64, sum chunk.Ref) (entry, bool) {
	for _, e := range l.entries {
		if e.Size == size && e.SHA256 == sum {
			return e, true
		}
	}
	return entry{}, false
}

// note remembers what became of a file, durably.
func (l *ledger) note(ctx context.Context, f file, e entry) error {
	e.Version, e.Size, e.MTime = ledgerVersion, f.size, f.mtime
	value, err := json.Marshal(e)
	if err == nil {
		err = l.records.Save(ctx, bucket, f.path, value)
	}
	if err != nil {
		return fmt.Errorf("note %s: %w", f.path, err)
	}
	l.remember(f.path, e)
	return nil
}
