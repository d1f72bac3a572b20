package disk

import (
	"fmt"
	"os"

	"shoal/internal/chunk"
	"shoal/internal/filesystem"
)

// writers bounds how many chunks are written at once. On ext4 with chunks of 1 MiB, 8 took about twice
// what one writer did; 16 showed no gain over 8 that could be told from noise (BenchmarkPut).
const writers = 8

// step is one of the points of a durable write at which a process or a disk may fail.
type step string

const (
	stepCreate  step = "create"
	stepWrite   step = "write"
	stepSync    step = "sync file"
	stepRename  step = "rename"
	stepSyncDir step = "sync folder"
	stepRemove  step = "remove temporary file"
)

// write makes a chunk durable. The order is what makes it so: the bytes are on the disk before a name
// leads to them, and the name is before Put returns. As strace shows it: openat(O_CREAT|O_EXCL) in the
// folder of temporary files, write, fsync, close, renameat, openat of the shard's folder, fsync, close.
func (c *Chunks) write(info chunk.Info, before int64, data []byte) error {
	promise, err := c.usage.promise(info.Size)
	if err != nil {
		return err
	}
	defer promise.end()
	if err := c.room.fits(info.Size, c.usage.promised()-info.Size); err != nil {
		return err
	}
	temp, err := c.writeTemp(data)
	if err == nil {
		err = c.publish(info, before, promise, temp)
	}
	if err != nil {
		if temp != "" {
			c.do(stepRemove, func() error { return os.Remove(temp) })
		}
		return err
	}
	c.written.Add(1)
	c.writtenBytes.Add(info.Size)
	return c.syncShard(info.Ref)
}

// writeTemp writes data to a file of its own and returns the file's path, "" when there is none.
func (c *Chunks) writeTemp(data []byte) (path string, err error) {
	var f *os.File
	err = c.do(stepCreate, func() (err error) {
		f, err = os.CreateTemp(c.temp, "put-*")
		return err
	})
	if f == nil {
		return "", asFull(err)
	}
	if err == nil {
		err = c.do(stepWrite, func() error { _, err := f.Write(data); return err })
	}
	if err == nil {
		// A full disk is no failure here, because the file is thrown away and never synced again.
		if err = c.do(stepSync, f.Sync); err != nil && !filesystem.IsFull(err) {
			err = c.fail(err)
		}
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return f.Name(), asFull(err)
}

// publish gives a temporary file its final name, over a file of the wrong length if there is one.
func (c *Chunks) publish(info chunk.Info, before int64, promise *promise, temp string) error {
	c.verified.remove(info.Ref)
	err := c.usage.change(info.Ref, before, info.Size, promise, func() error {
		return c.do(stepRename, func() error { return os.Rename(temp, c.path(info.Ref)) })
	})
	return asFull(err)
}

// syncShard makes the names in a chunk's folder durable. Callers do not share an fsync: 8 writers on 256
// folders seldom meet, and sharing showed no gain that could be told from noise.
func (c *Chunks) syncShard(ref chunk.Ref) error {
	if err := c.do(stepSyncDir, func() error { return filesystem.SyncDir(shardDir(c.dir, ref[0])) }); err != nil {
		return c.fail(err)
	}
	c.synced[ref[0]].Store(true)
	return nil
}

// fail ends all writing after an fsync that failed: the kernel may have dropped the pages, and would
// call the next fsync a success.
func (c *Chunks) fail(err error) error {
	if !c.failed.Swap(true) {
		c.log.Error("fsync failed, writing is refused until the next start", "folder", c.dir, "err", err)
	}
	return fmt.Errorf("%w: %w", ErrSyncFailed, err)
}

// do carries out one step of a write.
func (c *Chunks) do(s step, apply func() error) error {
	if c.fault == nil {
		return apply()
	}
	yes, err := c.fault(s)
	if yes {
		if applyErr := apply(); applyErr != nil {
			return applyErr
		}
	}
	return err
}

// asFull turns the system's ways to say that there is no room into chunk.ErrFull.
func asFull(err error) error {
	if err != nil && filesystem.IsFull(err) {
		return fmt.Errorf("%w: %w", chunk.ErrFull, err)
	}
	return err
}
