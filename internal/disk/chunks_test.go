package disk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// flip changes one bit of a file where it lies.
func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCorruptChunkIsPutAsideAndCanBePutAgain(t *testing.T) {
	data := chunktest.Data(1, 10_000)
	for name, damage := range map[string]func(t *testing.T, path string){
		"a bit flipped": flip,
		"cut short":     func(t *testing.T, path string) { os.Truncate(path, 9_999) },
		"empty":         func(t *testing.T, path string) { os.Truncate(path, 0) },
		"longer":        func(t *testing.T, path string) { os.Truncate(path, 10_001) },
		"far too long":  func(t *testing.T, path string) { os.Truncate(path, 3*chunk.MaxSize) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			var log bytes.Buffer
			d := open(t, dir, disk.Options{Log: logTo(&log)})
			other := chunktest.Data(2, 5_000)
			chunktest.Put(t, d.Chunks(), other)
			ref := chunktest.Put(t, d.Chunks(), data).Ref
			damage(t, chunkPath(dir, ref))
			runOnce(t, d)

			if _, err := d.Chunks().Open(t.Context(), ref); !errors.Is(err, chunk.ErrCorrupt) {
				t.Errorf("open: %v, want ErrCorrupt", err)
			}
			chunktest.Lacks(t, d.Chunks(), ref)
			if _, err := os.Stat(filepath.Join(dir, "quarantine", ref.String())); err != nil {
				t.Errorf("not in quarantine: %v", err)
			}
			if s := d.Chunks().Stats(); s.VerifyFailures != 1 || s.Chunks != 1 {
				t.Errorf("counted %d failures and %d chunks, want 1 and 1", s.VerifyFailures, s.Chunks)
			}
			if !strings.Contains(log.String(), ref.String()) {
				t.Errorf("the log says nothing of it: %q", log.String())
			}
			if stored, err := d.Chunks().Put(t.Context(), data); err != nil || !stored.New {
				t.Errorf("put again: New %v, %v", stored.New, err)
			}
			chunktest.Holds(t, d.Chunks(), data)
			chunktest.Holds(t, d.Chunks(), other)
		})
	}
}

func TestChunkIsVerifiedOnceInALife(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	data := chunktest.Data(1, 10_000)
	ref := chunktest.Put(t, d.Chunks(), data).Ref
	chunktest.Holds(t, d.Chunks(), data)
	flip(t, chunkPath(dir, ref))
	if _, err := chunktest.Read(t, d.Chunks(), ref); err != nil {
		t.Errorf("the second opening hashes again: %v", err)
	}
	d.Close()
	d = open(t, dir, disk.Options{})
	if _, err := chunktest.Read(t, d.Chunks(), ref); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("the first opening of the next life: %v, want ErrCorrupt", err)
	}
}

func TestChunkIsVerifiedAgainAfterItWasReplaced(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, d *disk.Disk, path string, data []byte){
		"deleted and put": func(t *testing.T, d *disk.Disk, path string, data []byte) {
			if err := d.Chunks().Delete(t.Context(), chunk.Sum(data)); err != nil {
				t.Error(err)
			}
			chunktest.Put(t, d.Chunks(), data)
		},
		"replaced for its length": func(t *testing.T, d *disk.Disk, path string, data []byte) {
			os.Truncate(path, 1)
			chunktest.Put(t, d.Chunks(), data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			d := open(t, dir, disk.Options{})
			data := chunktest.Data(1, 10_000)
			ref := chunktest.Put(t, d.Chunks(), data).Ref
			chunktest.Holds(t, d.Chunks(), data)
			replace(t, d, chunkPath(dir, ref), data)
			flip(t, chunkPath(dir, ref))
			if _, err := chunktest.Read(t, d.Chunks(), ref); !errors.Is(err, chunk.ErrCorrupt) {
				t.Errorf("open: %v, want ErrCorrupt", err)
			}
		})
	}
}

func TestMemoryOfVerifiedChunksIsBounded(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	d.SetVerified(5)
	for i := range 12 {
		data := chunktest.Data(uint64(i), 100)
		chunktest.Put(t, d.Chunks(), data)
		chunktest.Holds(t, d.Chunks(), data)
	}
	if got := d.Verified(); got != 5 {
		t.Errorf("%d chunks are remembered, want 5", got)
	}
}

func TestReadErrorIsNotTakenForDamage(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	ref := chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000)).Ref
	// A folder opens as a file does, and fails when it is read.
	path := chunkPath(dir, ref)
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	_, err := d.Chunks().Open(t.Context(), ref)
	if err == nil || errors.Is(err, chunk.ErrCorrupt) || errors.Is(err, chunk.ErrNotFound) {
		t.Errorf("open: %v, want another error", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what cannot be read was moved: %v", err)
	}
	if s := d.Chunks().Stats(); s.ReadErrors != 1 || s.VerifyFailures != 0 {
		t.Errorf("counted %d read errors and %d failures, want 1 and 0", s.ReadErrors, s.VerifyFailures)
	}
}

func TestReaderGivesItsFileForSendfile(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	data := chunktest.Data(1, 10_000)
	r, err := d.Chunks().Open(t.Context(), chunktest.Put(t, d.Chunks(), data).Ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Seek(4_000, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	file := r.(interface{ File() *os.File }).File()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, data[4_000:]) {
		t.Errorf("the file gives %d bytes from the reader's position, %v", len(got), err)
	}
	if _, err := file.Write([]byte("x")); err == nil {
		t.Error("the file can be written to")
	}
}

func TestPutOfWhatIsThereRenewsItsAge(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	data := chunktest.Data(1, 1000)
	path := chunkPath(dir, chunktest.Put(t, d.Chunks(), data).Ref)
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	chunktest.Put(t, d.Chunks(), data)
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("the file's age is %v, %v", time.Since(info.ModTime()), err)
	}
}

func TestPutThatBeganIsFinishedThoughItsContextEnds(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	d.SetFault(func(step string) (bool, error) { cancel(); return true, nil })
	data := chunktest.Data(1, 1000)
	if _, err := d.Chunks().Put(ctx, data); err != nil {
		t.Errorf("put: %v", err)
	}
	chunktest.Holds(t, d.Chunks(), data)
}

func TestWaitingPutEndsWithItsContext(t *testing.T) {
	for name, second := range map[string][]byte{"the same chunk": chunktest.Data(1, 1000), "another chunk": chunktest.Data(2, 1000)} {
		t.Run(name, func(t *testing.T) {
			d := open(t, folder(t), disk.Options{})
			d.SetWriters(1)
			begun, goOn := make(chan struct{}), make(chan struct{})
			d.SetFault(func(step string) (bool, error) {
				if step == "create" {
					close(begun)
					<-goOn
				}
				return true, nil
			})
			var done sync.WaitGroup
			done.Go(func() { chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000)) })
			<-begun
			ctx, cancel := context.WithCancel(t.Context())
			waiting := make(chan error)
			go func() {
				_, err := d.Chunks().Put(ctx, second)
				waiting <- err
			}()
			cancel()
			if err := <-waiting; !errors.Is(err, context.Canceled) {
				t.Errorf("put: %v, want context.Canceled", err)
			}
			close(goOn)
			done.Wait()
		})
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	ref := chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000)).Ref
	wrongFolder := filepath.Join(dir, "chunks", "00", strings.Repeat("f", 64))
	for _, path := range []string{wrongFolder, filepath.Join(dir, "chunks", "00", "notes.txt"), filepath.Join(dir, "chunks", ".DS_Store")} {
		if err := os.WriteFile(path, []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if all := chunktest.List(t, d.Chunks()); len(all) != 1 || all[ref] != 1000 {
		t.Errorf("listed %v, want the one chunk", all)
	}
	d.Crash()
	checkSound(t, dir, map[chunk.Ref]bool{ref: true})
	if _, err := os.Stat(wrongFolder); err != nil {
		t.Error(err)
	}
}

func TestSnapshotCountsWhatHappened(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	data := chunktest.Data(1, 1000)
	ref := chunktest.Put(t, d.Chunks(), data).Ref
	chunktest.Put(t, d.Chunks(), data)
	chunktest.Put(t, d.Chunks(), chunktest.Data(2, 500))
	for range 3 {
		if _, err := chunktest.Read(t, d.Chunks(), ref); err != nil {
			t.Error(err)
		}
	}
	d.Chunks().Open(t.Context(), chunk.Ref{})
	want := disk.Stats{Totals: disk.Totals{Chunks: 2, Bytes: 1500, Exact: true}, Reads: 3, Written: 2, WrittenBytes: 1500}
	if got := d.Chunks().Stats(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestOneChunkOpenedByManyIsHashedOnce(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	ref := chunktest.Put(t, d.Chunks(), chunktest.Data(1, chunk.MaxSize)).Ref
	flip(t, chunkPath(dir, ref))
	var corrupt, missing atomic.Int64
	var done sync.WaitGroup
	for range 10 {
		done.Go(func() {
			_, err := d.Chunks().Open(t.Context(), ref)
			if errors.Is(err, chunk.ErrCorrupt) {
				corrupt.Add(1)
			}
			if errors.Is(err, chunk.ErrNotFound) {
				missing.Add(1)
			}
		})
	}
	done.Wait()
	if corrupt.Load() != 1 || missing.Load() != 9 {
		t.Errorf("%d found it corrupt and %d missing, want 1 and 9", corrupt.Load(), missing.Load())
	}
}
