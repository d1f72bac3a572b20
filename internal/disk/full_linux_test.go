package disk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// fill puts chunks from several goroutines until each was refused, and returns those that were kept.
func fill(t *testing.T, d *disk.Disk, size int) map[chunk.Ref][]byte {
	t.Helper()
	kept := make(map[chunk.Ref][]byte)
	var mu sync.Mutex
	var done sync.WaitGroup
	for worker := range uint64(4) {
		done.Go(func() {
			for i := range uint64(10_000) {
				data := chunktest.Data(i*4+worker, size)
				stored, err := d.Chunks().Put(t.Context(), data)
				if err != nil {
					if !errors.Is(err, chunk.ErrFull) {
						t.Errorf("put: %v, want ErrFull", err)
					}
					return
				}
				mu.Lock()
				kept[stored.Ref] = data
				mu.Unlock()
			}
			t.Error("the disk never got full")
		})
	}
	done.Wait()
	return kept
}

// checkFull checks a disk that refused a put, and that it recovers once there is room.
func checkFull(t *testing.T, dir string, d *disk.Disk, kept map[chunk.Ref][]byte, makeRoom func()) {
	t.Helper()
	if left := files(t, filepath.Join(dir, "chunks", "tmp")); len(left) != 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	if all := chunktest.List(t, d.Chunks()); len(all) != len(kept) {
		t.Errorf("%d chunks listed, %d were kept", len(all), len(kept))
	}
	for _, data := range kept {
		chunktest.Holds(t, d.Chunks(), data)
	}
	if s := d.Chunks().Stats(); s.Failed || s.Chunks != int64(len(kept)) {
		t.Errorf("snapshot %+v, want %d chunks and no failure", s, len(kept))
	}
	makeRoom()
	data := chunktest.Data(1<<40, 10_000)
	chunktest.Put(t, d.Chunks(), data)
	chunktest.Holds(t, d.Chunks(), data)
}

// dropOne deletes one of the chunks.
func dropOne(t *testing.T, d *disk.Disk, kept map[chunk.Ref][]byte) {
	for ref := range kept {
		if err := d.Chunks().Delete(t.Context(), ref); err != nil {
			t.Error(err)
		}
		return
	}
}

func TestFullDiskKeepsItsReserve(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	dir := mountSmall(t, "size=20m")
	d := open(t, dir, disk.Options{})
	kept := fill(t, d, 300_000)
	// Files take whole blocks, which the file system's answer shows only when it is asked again.
	want := int64(1<<20 - 4096*len(kept))
	if free, err := d.Free(); err != nil || free < want || d.Room() >= 300_000 {
		t.Errorf("%d bytes are free and room for %d, %v; want at least %d kept free", free, d.Room(), err, want)
	}
	if err := d.Records().Save(t.Context(), "videos", "a", make([]byte, 50_000)); err != nil {
		t.Errorf("save in the reserve: %v", err)
	}
	checkFull(t, dir, d, kept, func() { dropOne(t, d, kept) })
}

// withoutReserve lets puts meet the end of the disk itself.
func withoutReserve(t *testing.T, dir string) *disk.Disk {
	d := open(t, dir, disk.Options{})
	s := &space{free: 1 << 50, size: 1 << 50}
	d.SetSpace(s.ask, time.Now)
	return d
}

func TestDiskWithoutABlockLeftIsErrFull(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	dir := mountSmall(t, "size=20m")
	d := withoutReserve(t, dir)
	kept := fill(t, d, 300_000)
	// What is left is too little for such a chunk, and now it goes too.
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
		t.Error("there was room for 1 MiB more")
	}
	for _, size := range []int{4 << 10, 1 << 20} {
		if err := d.Records().Save(t.Context(), "videos", "large", make([]byte, size)); !errors.Is(err, chunk.ErrFull) {
			t.Errorf("save %d bytes: %v, want ErrFull", size, err)
		}
	}
	rows := map[string][]byte{"small": {1}, "large": make([]byte, 1<<20)}
	if err := d.Records().SaveAll(t.Context(), "rows", rows); !errors.Is(err, chunk.ErrFull) || len(keys(t, d, "rows")) > 0 {
		t.Errorf("save many: %v, want ErrFull and none of them; there are %q", err, keys(t, d, "rows"))
	}
	checkFull(t, dir, d, kept, func() { os.Remove(filler); dropOne(t, d, kept) })
	save(t, d, "videos", "a", make([]byte, 50_000))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if got := keys(t, open(t, dir, disk.Options{}), "videos"); len(got) != 1 || got[0] != "a" {
		t.Errorf("records are %q, want only the one that was saved", got)
	}
}

func TestDiskWithoutAnInodeLeftIsErrFull(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	dir := mountSmall(t, "size=20m,nr_inodes=300")
	d := withoutReserve(t, dir)
	kept := fill(t, d, 100)
	if len(kept) < 10 || len(kept) > 40 {
		t.Errorf("%d chunks were kept", len(kept))
	}
	checkFull(t, dir, d, kept, func() { dropOne(t, d, kept) })
}

func TestNothingStaysOpen(t *testing.T) {
	dir := folder(t)
	for range 3 {
		d := open(t, dir, disk.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		data := chunktest.Data(1, 10_000)
		ref := chunktest.Put(t, d.Chunks(), data).Ref
		chunktest.Holds(t, d.Chunks(), data)
		flip(t, chunkPath(dir, ref))
		d.Chunks().Delete(t.Context(), ref)
		chunktest.Put(t, d.Chunks(), data)
		flip(t, chunkPath(dir, ref))
		if _, err := d.Chunks().Open(t.Context(), ref); !errors.Is(err, chunk.ErrCorrupt) {
			t.Errorf("open: %v, want ErrCorrupt", err)
		}
		if _, err := disk.Open(dir, disk.Options{}); !errors.Is(err, disk.ErrInUse) {
			t.Errorf("open twice: %v", err)
		}
		cancel()
		<-done
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if left := openFiles(t, dir); len(left) != 0 {
			t.Errorf("still open: %q", left)
		}
	}
}

func TestNothingStaysOpenAfterAFailedOpen(t *testing.T) {
	dir, path := withRecords(t)
	rewrite(t, path, make([]byte, 100_000))
	if _, err := disk.Open(dir, disk.Options{}); err == nil {
		t.Fatal("no error")
	}
	if left := openFiles(t, dir); len(left) != 0 {
		t.Errorf("still open: %q", left)
	}
}
