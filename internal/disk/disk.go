// Package disk keeps chunks and records in one directory. A chunk is a file that is durable before it
// is acknowledged; records are bytes by bucket and key in one bbolt file. It keeps within the disk's
// room, counts what it holds, and puts aside what went bad. One process uses a directory at a time.
// What chunks and records mean is left to others.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"shoal/internal/filesystem"
)

// Errors that callers branch on; they come wrapped with the operation and its subject.
var (
	// ErrInUse says that another process holds the directory.
	ErrInUse = errors.New("another shoal uses this directory")
	// ErrClosed says that the disk was closed.
	ErrClosed = errors.New("disk is closed")
	// ErrSyncFailed says that the disk could not keep what it was given. Nobody can tell what is lost
	// after that, so all writes are refused until the directory is opened again.
	ErrSyncFailed = errors.New("writing is refused since the disk failed: check it, then restart")
	// ErrDamaged says that records.db cannot be trusted.
	ErrDamaged = errors.New("records.db is damaged: put back a backup (shoal restore FILE), or start with another directory (--data DIR)")
)

// saveEvery is how often running totals are saved, if they changed.
const saveEvery = time.Minute

// Options are the settings of a Disk; the zero value works.
type Options struct {
	// Capacity is how many bytes chunks may take in all; 0 is as much as the file system has room for.
	Capacity int64
	// Log gets what an operator would act on; nil is silence.
	Log *slog.Logger
}

// Disk is an open directory. Its methods may be called from many goroutines at once.
type Disk struct {
	log     *slog.Logger
	lock    *flock.Flock
	gate    *gate
	room    *room
	usage   *usage
	chunks  *Chunks
	records *Records
	// restored is when the records were put back from a backup, zero for never.
	restored time.Time
}

// Open makes dir ready, creating it where it is missing, and takes it for this process. It starts no
// goroutines: Run does the work in the background. Errors: ErrInUse, ErrDamaged.
func Open(dir string, opts Options) (*Disk, error) {
	d, err := open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open data directory %s: %w", dir, err)
	}
	return d, nil
}

func open(dir string, opts Options) (_ *Disk, err error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	d := &Disk{log: opts.Log, lock: lock, gate: newGate()}
	defer func() {
		if err != nil {
			d.release()
		}
	}()
	fresh, err := makeFolders(dir)
	if err != nil {
		return nil, err
	}
	if d.records, err = openRecords(dir, d.gate); err != nil {
		return nil, err
	}
	if d.usage, err = loadUsage(d.records, opts.Capacity, fresh); err != nil {
		return nil, err
	}
	if d.restored, err = loadRestored(d.records); err != nil {
		return nil, err
	}
	d.room = &room{dir: dir, ask: filesystem.Space, now: time.Now}
	d.chunks = newChunks(dir, d)
	if !d.usage.totals().Exact {
		// What a killed process renewed may look older than it is.
		d.chunks.youngest = time.Now()
	}
	return d, nil
}

// Chunks returns the store of chunks.
func (d *Disk) Chunks() *Chunks { return d.chunks }

// Records returns the records.
func (d *Disk) Records() *Records { return d.records }

// Run counts the chunks again where the running totals are in doubt, which they are after a process
// was killed, and saves the totals once in a while. It blocks until ctx ends and then returns nil;
// the caller waits for that before Close.
func (d *Disk) Run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		if err := d.tidy(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("totals of the chunk store are not up to date", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Disk) tidy(ctx context.Context) error {
	if err := d.gate.enter(); err != nil {
		return err
	}
	defer d.gate.leave()
	if !d.usage.totals().Exact {
		if err := d.usage.recount(ctx, d.chunks.dir); err != nil {
			return fmt.Errorf("count chunks: %w", err)
		}
	}
	return d.usage.save(d.records, false)
}

// Close waits for calls under way, saves the totals and lets go of the directory. Readers that are
// open stay usable. Every later call on chunks and records, and Close itself, returns ErrClosed.
func (d *Disk) Close() error {
	if !d.gate.shut() {
		return ErrClosed
	}
	err := d.usage.save(d.records, true)
	return errors.Join(err, d.release())
}

// release gives back what open took, as far as it came.
func (d *Disk) release() error {
	var err error
	if d.records != nil {
		err = d.records.close()
	}
	return errors.Join(err, d.lock.Close())
}

func takeLock(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("take lock: %w", err)
	}
	if !taken {
		return nil, ErrInUse
	}
	return lock, nil
}

// makeFolders creates what is missing, durably, and removes what interrupted writes left. Fresh tells
// that no chunk can be there, since no folder for one was.
func makeFolders(dir string) (fresh bool, err error) {
	chunks := filepath.Join(dir, chunksFolder)
	for _, path := range []string{chunks, filepath.Join(chunks, tempFolder), filepath.Join(dir, quarantineFolder)} {
		if err := makeDir(path); err != nil {
			return false, err
		}
	}
	created, err := makeShards(chunks)
	if err != nil {
		return false, err
	}
	// A process may have been killed between creating a folder and its fsync, so both are done at every start.
	for _, path := range []string{chunks, dir} {
		if err := filesystem.SyncDir(path); err != nil {
			return false, fmt.Errorf("sync %s: %w", path, err)
		}
	}
	return created == shardCount, sweep(filepath.Join(chunks, tempFolder))
}

func makeShards(chunks string) (created int, err error) {
	for i := range shardCount {
		err := os.Mkdir(shardDir(chunks, byte(i)), 0o700)
		if err == nil {
			created++
		} else if !errors.Is(err, fs.ErrExist) {
			return created, err
		}
	}
	return created, nil
}

// makeDir creates path and its parents, each durable in the one above.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return fmt.Errorf("%s is not a directory", path)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := filesystem.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("sync %s: %w", filepath.Dir(path), err)
	}
	return nil
}

// sweep removes all that is in the folder of temporary files.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep temporary files: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("sweep temporary files: %w", err)
		}
	}
	return nil
}
