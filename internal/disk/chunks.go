package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"shoal/internal/chunk"
)

const (
	chunksFolder     = "chunks"
	tempFolder       = "tmp"
	quarantineFolder = "quarantine"

	// shardCount is the number of folders that chunks are spread over, by the first byte of their names.
	shardCount = 256
	// checkers bounds how many chunks are hashed at once, and with it the memory that takes.
	checkers = 8
)

// Chunks is the chunk.Store of a Disk. Its readers have a method File() *os.File, for sendfile; the
// file is open for reading at the reader's position, and belongs to the reader.
type Chunks struct {
	dir, temp, quarantine string

	log      *slog.Logger
	gate     *gate
	room     *room
	usage    *usage
	held     chunk.Locks
	verified *refSet
	writers  chan struct{}
	checkers chan struct{}

	// synced tells by shard whether its folder was synced since the directory was opened.
	synced [shardCount]atomic.Bool
	// youngest is the time before which no age is trusted; zero when all are.
	youngest time.Time
	// failed is set for good by an fsync that failed.
	failed atomic.Bool
	// fault decides on the steps of a write in tests; nil elsewhere.
	fault func(step) (apply bool, err error)

	reads, verifyFailures, readErrors, written, writtenBytes atomic.Int64
}

func newChunks(dir string, d *Disk) *Chunks {
	return &Chunks{
		dir:        filepath.Join(dir, chunksFolder),
		temp:       filepath.Join(dir, chunksFolder, tempFolder),
		quarantine: filepath.Join(dir, quarantineFolder),
		log:        d.log,
		gate:       d.gate,
		room:       d.room,
		usage:      d.usage,
		verified:   newRefSet(maxVerified),
		writers:    make(chan struct{}, writers),
		checkers:   make(chan struct{}, checkers),
	}
}

// Temp is a folder on the same disk that is emptied whenever the directory is opened.
func (c *Chunks) Temp() string { return c.temp }

// Put implements chunk.Store. It looks at ctx until it begins to write and not after, so a write that
// began is finished. An existing file of the right length is trusted to be the chunk. A renewed age is
// not durable. Errors besides those of chunk.Store: ErrSyncFailed, ErrClosed.
func (c *Chunks) Put(ctx context.Context, data []byte) (chunk.Stored, error) {
	if err := chunk.CheckSize(int64(len(data))); err != nil {
		return chunk.Stored{}, fmt.Errorf("put chunk: %w", err)
	}
	info := chunk.Info{Ref: chunk.Sum(data), Size: int64(len(data))}
	fresh, err := c.put(ctx, info, data)
	if err != nil {
		return chunk.Stored{}, fmt.Errorf("put chunk %s: %w", info.Ref, err)
	}
	return chunk.Stored{Info: info, New: fresh}, nil
}

func (c *Chunks) put(ctx context.Context, info chunk.Info, data []byte) (fresh bool, err error) {
	if err := c.begin(ctx, info.Ref); err != nil {
		return false, err
	}
	defer c.end(info.Ref)
	if c.failed.Load() {
		return false, ErrSyncFailed
	}
	before, err := c.size(info.Ref)
	if err != nil {
		return false, err
	}
	if before == info.Size {
		return false, c.renew(info.Ref)
	}
	if err := take(ctx, c.writers); err != nil {
		return false, err
	}
	defer func() { <-c.writers }()
	return true, c.write(info, before, data)
}

// Open implements chunk.Store. A chunk is hashed when it is opened for the first time since the disk
// was opened, or since it was put, and not again while it is among the last 262,144 so checked. One
// that went bad is moved to the folder quarantine. An error of reading is not taken for damage.
func (c *Chunks) Open(ctx context.Context, ref chunk.Ref) (chunk.Reader, error) {
	r, err := c.open(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("open chunk %s: %w", ref, err)
	}
	c.reads.Add(1)
	return r, nil
}

func (c *Chunks) open(ctx context.Context, ref chunk.Ref) (*reader, error) {
	if err := c.begin(ctx, ref); err != nil {
		return nil, err
	}
	defer c.end(ref)
	f, err := c.openFile(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, chunk.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	size, err := c.check(ctx, ref, f)
	if err == nil {
		return &reader{file: f, size: size}, nil
	}
	// Closed first, because Windows does not move a file that is open.
	f.Close()
	if errors.Is(err, chunk.ErrCorrupt) {
		c.putAside(ref, size)
	}
	return nil, err
}

// check returns the size of f, and ErrCorrupt unless f holds what ref names.
func (c *Chunks) check(ctx context.Context, ref chunk.Ref, f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if c.verified.has(ref) {
		return info.Size(), nil
	}
	if err := take(ctx, c.checkers); err != nil {
		return 0, err
	}
	defer func() { <-c.checkers }()
	if err := verify(ref, f, info.Size()); err != nil {
		if !errors.Is(err, chunk.ErrCorrupt) {
			c.readErrors.Add(1)
		}
		return info.Size(), err
	}
	c.verified.add(ref)
	return info.Size(), nil
}

// errNoFile says that a folder, a pipe or a device lies where a chunk should: somebody else put it there.
var errNoFile = errors.New("its name is taken by what is not a file")

// openFile opens a chunk's file for reading. It does not wait for the other end of a pipe, as opening one usually does.
func (c *Chunks) openFile(ref chunk.Ref) (*os.File, error) {
	f, err := os.OpenFile(c.path(ref), os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		c.readErrors.Add(1)
		f.Close()
		return nil, err
	}
	return f, nil
}

// verify reads all of f, whose position stays where it is.
func verify(ref chunk.Ref, f io.ReaderAt, size int64) error {
	if chunk.CheckSize(size) != nil {
		return fmt.Errorf("%d bytes long: %w", size, chunk.ErrCorrupt)
	}
	buf := chunk.Buffer()
	defer chunk.Release(buf)
	n, err := f.ReadAt(buf[:size], 0)
	if err != nil && err != io.EOF {
		return err
	}
	return chunk.Verify(ref, buf[:n])
}

// putAside moves a corrupt chunk out of the store, so that it can be put again.
func (c *Chunks) putAside(ref chunk.Ref, size int64) {
	c.verifyFailures.Add(1)
	err := c.usage.change(ref, size, absent, nil, func() error {
		return os.Rename(c.path(ref), filepath.Join(c.quarantine, ref.String()))
	})
	if err != nil {
		c.log.Error("corrupt chunk could not be put aside", "chunk", ref, "err", err)
		return
	}
	c.log.Warn("corrupt chunk was put aside", "chunk", ref, "size", size, "folder", c.quarantine)
}

// Stat implements chunk.Store.
func (c *Chunks) Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error) {
	size, err := c.stat(ctx, ref)
	if err != nil {
		return chunk.Info{}, fmt.Errorf("stat chunk %s: %w", ref, err)
	}
	return chunk.Info{Ref: ref, Size: size}, nil
}

func (c *Chunks) stat(ctx context.Context, ref chunk.Ref) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := c.gate.enter(); err != nil {
		return 0, err
	}
	defer c.gate.leave()
	size, err := c.size(ref)
	if err == nil && size == absent {
		err = chunk.ErrNotFound
	}
	return size, err
}

// Delete implements chunk.Store. The chunk may be there again after a power cut.
func (c *Chunks) Delete(ctx context.Context, ref chunk.Ref) error {
	if err := c.remove(ctx, ref); err != nil {
		return fmt.Errorf("delete chunk %s: %w", ref, err)
	}
	return nil
}

func (c *Chunks) remove(ctx context.Context, ref chunk.Ref) error {
	if err := c.begin(ctx, ref); err != nil {
		return err
	}
	defer c.end(ref)
	size, err := c.size(ref)
	if err != nil || size == absent {
		return err
	}
	return c.removeFile(ref, size)
}

// removeFile deletes a chunk that is there; the caller has begun.
func (c *Chunks) removeFile(ref chunk.Ref, size int64) error {
	c.verified.remove(ref)
	return c.usage.change(ref, size, absent, nil, func() error { return os.Remove(c.path(ref)) })
}

// renew sets the age of a chunk that is there. The process that put it may have been killed before
// it synced the folder, so this one does it once before it vouches for anything in there.
func (c *Chunks) renew(ref chunk.Ref) error {
	if !c.synced[ref[0]].Load() {
		if err := c.syncShard(ref); err != nil {
			return err
		}
	}
	return os.Chtimes(c.path(ref), time.Time{}, time.Now())
}

// begin makes the caller the only one to open or change a chunk, until end.
func (c *Chunks) begin(ctx context.Context, ref chunk.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.gate.enter(); err != nil {
		return err
	}
	if err := c.held.Lock(ctx, ref); err != nil {
		c.gate.leave()
		return err
	}
	return nil
}

func (c *Chunks) end(ref chunk.Ref) {
	c.held.Unlock(ref)
	c.gate.leave()
}

// size returns the length of a chunk's file, or absent.
func (c *Chunks) size(ref chunk.Ref) (int64, error) {
	info, err := os.Lstat(c.path(ref))
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errNoFile
	}
	return info.Size(), nil
}

func (c *Chunks) path(ref chunk.Ref) string {
	return filepath.Join(shardDir(c.dir, ref[0]), ref.String())
}

func shardDir(chunks string, first byte) string {
	return filepath.Join(chunks, fmt.Sprintf("%02x", first))
}
