package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"shoal/internal/chunk"
	"shoal/internal/filesystem"
)

// guarded is a bbolt database that may be damaged. Bbolt panics over pages that make no sense, and the
// process gets a fault where the file is shorter than it should be or cannot be read, because it is
// mapped into memory; both become ErrDamaged here.
type guarded struct {
	db *bolt.DB
	// file is bbolt's own, closed here when bbolt cannot any more.
	file *os.File
	// turn is held by whoever writes; bbolt's own lock cannot be waited for with a context.
	turn chan struct{}
	// damaged and failed are set for good: by a panic, and by a write that failed half-way.
	damaged, failed atomic.Bool
}

// openRecords opens records.db, or creates it in a directory without chunks.
func openRecords(dir string, g *gate) (*Records, error) {
	path := filepath.Join(dir, "records.db")
	lost, err := isLost(path)
	if err == nil && lost {
		err = createRecords(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	db, err := openGuarded(path)
	if err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	return &Records{gate: g, db: db}, nil
}

func isLost(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && info.Size() == 0, err
}

// createRecords makes an empty records.db beside its place and moves it there, so that one that was
// begun and not finished is never taken for damage. Where chunks are it returns ErrDamaged: to go on
// without records would show an empty library, and hold every chunk for garbage.
func createRecords(dir, path string) error {
	for i := range shardCount {
		names, err := readNames(shardDir(filepath.Join(dir, chunksFolder), byte(i)))
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("the file is missing or empty, though there are chunks: %w", ErrDamaged)
		}
	}
	begun := path + ".new"
	if err := os.Remove(begun); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openGuarded(begun)
	if err == nil {
		err = db.close()
	}
	if err == nil {
		err = os.Rename(begun, path)
	}
	if err != nil {
		return err
	}
	return filesystem.SyncDir(dir)
}

func openGuarded(path string) (*guarded, error) {
	g := &guarded{turn: make(chan struct{}, 1)}
	err := g.guard(func() (err error) {
		g.db, err = bolt.Open(path, 0o600, &bolt.Options{
			// The lock of the directory is held, so only a foreign program can have the file open.
			Timeout:      time.Second,
			FreelistType: bolt.FreelistMapType,
			NoStatistics: true,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				g.file, err = os.OpenFile(name, flag, mode)
				return g.file, err
			},
		})
		return err
	})
	if err == nil {
		err = g.check()
	}
	if err != nil {
		g.close()
		return nil, openError(err)
	}
	return g, nil
}

// openError tells damage from what the system refuses.
func openError(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, ErrDamaged), errors.As(err, &errno):
		return asFull(err)
	case errors.Is(err, bolterrors.ErrTimeout):
		return errors.New("another program has records.db open")
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// check finds a file that was cut short before somebody reads behind its end, and heads of pages that
// bbolt would follow without end: it trusts the number of pages that one says it reaches over.
func (g *guarded) check() error {
	info, err := g.file.Stat()
	if err != nil {
		return err
	}
	return g.view(func(tx *bolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("%d bytes long, want %d: %w", info.Size(), tx.Size(), ErrDamaged)
		}
		pages := int(tx.Size() / int64(g.db.Info().PageSize))
		for id := 2; id < pages; id++ {
			page, err := tx.Page(id)
			if err != nil {
				return err
			}
			switch page.Type {
			case "free":
				// What it was before does not count.
			case "branch", "leaf", "freelist":
				if page.OverflowCount >= pages-id {
					return fmt.Errorf("page %d reaches over %d pages: %w", id, page.OverflowCount, ErrDamaged)
				}
				id += page.OverflowCount
			default:
				return fmt.Errorf("page %d is of type %s: %w", id, page.Type, ErrDamaged)
			}
		}
		return nil
	})
}

func (g *guarded) view(read func(*bolt.Tx) error) error {
	return g.guard(func() error { return g.db.View(read) })
}

// update runs change in a transaction and makes it durable. The caller holds turn.
func (g *guarded) update(change func(*bolt.Tx) error) error {
	if g.failed.Load() {
		return ErrSyncFailed
	}
	var refused error
	err := g.guard(func() error {
		return g.db.Update(func(tx *bolt.Tx) error {
			refused = change(tx)
			return refused
		})
	})
	switch {
	case err == nil, refused != nil, errors.Is(err, ErrDamaged):
		return err
	case filesystem.IsFull(err), hasText(err, syscall.ENOSPC), hasText(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", chunk.ErrFull, err)
	case errors.Is(err, syscall.EFBIG):
		// No sound list of free pages leads that far.
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	// What bbolt reads back now may never have reached the disk.
	g.failed.Store(true)
	return fmt.Errorf("%w: %w", ErrSyncFailed, err)
}

// hasText finds an error of the system whose text alone was passed on, as bbolt does when its file grows.
func hasText(err, cause error) bool { return strings.Contains(err.Error(), cause.Error()) }

// guard runs f, which calls nothing but bbolt, and turns its panics and faults into ErrDamaged.
func (g *guarded) guard(f func() error) (err error) {
	if g.damaged.Load() {
		return ErrDamaged
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			g.damaged.Store(true)
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return f()
}

// close closes the file. After a panic bbolt's locks may be held for ever, so it is not asked then,
// and what it mapped stays mapped until the process ends.
func (g *guarded) close() error {
	if !g.damaged.Load() && g.db != nil {
		return g.guard(g.db.Close)
	}
	if g.file == nil {
		return nil
	}
	return errors.Join(unlockFile(g.file), g.file.Close())
}
