package disk_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// faultAt fails the step named at, which is done or not, and calls then for every step after it.
func faultAt(at string, applied bool, cause error, then func(step string) (bool, error)) func(string) (bool, error) {
	hit := false
	return func(step string) (bool, error) {
		if hit {
			return then(step)
		}
		if hit = step == at; hit {
			return applied, cause
		}
		return true, nil
	}
}

// eachFault runs check for every step of a write that fails, done and not done.
func eachFault(t *testing.T, check func(t *testing.T, step string, applied bool)) {
	for _, step := range disk.Steps {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done %v", step, applied), func(t *testing.T) { check(t, step, applied) })
		}
	}
}

func TestProcessStoppedAtAnyStepLeavesASoundDirectory(t *testing.T) {
	stopped := errors.New("the process was stopped")
	eachFault(t, func(t *testing.T, step string, applied bool) {
		dir := folder(t)
		d := open(t, dir, disk.Options{})
		kept, lost := chunktest.Data(1, 70_000), chunktest.Data(2, 50_000)
		ref := chunktest.Put(t, d.Chunks(), kept).Ref
		// A stopped process does nothing more, so every later step is skipped.
		d.SetFault(faultAt(step, applied, stopped, func(string) (bool, error) { return false, stopped }))
		if _, err := d.Chunks().Put(t.Context(), lost); !errors.Is(err, stopped) {
			t.Errorf("put: %v, want the fault's error", err)
		}
		d.Crash()

		checkSound(t, dir, map[chunk.Ref]bool{ref: true})
		d = open(t, dir, disk.Options{})
		chunktest.Holds(t, d.Chunks(), kept)
		named := step == "sync folder" || step == "rename" && applied
		if _, err := d.Chunks().Stat(t.Context(), chunk.Sum(lost)); errors.Is(err, chunk.ErrNotFound) == named {
			t.Errorf("the chunk under way: %v; has its name: %v", err, named)
		}
		chunktest.Put(t, d.Chunks(), lost)
		chunktest.Holds(t, d.Chunks(), lost)
	})
}

func TestFailedStepLeavesASoundStore(t *testing.T) {
	broken := errors.New("input/output error")
	goOn := func(string) (bool, error) { return true, nil }
	eachFault(t, func(t *testing.T, step string, applied bool) {
		dir := folder(t)
		d := open(t, dir, disk.Options{})
		kept, data := chunktest.Data(1, 70_000), chunktest.Data(2, 50_000)
		ref := chunktest.Put(t, d.Chunks(), kept).Ref
		d.SetFault(faultAt(step, applied, broken, goOn))
		if stored, err := d.Chunks().Put(t.Context(), data); !errors.Is(err, broken) || stored != (chunk.Stored{}) {
			t.Errorf("put: %+v, %v; want nothing and the fault's error", stored, err)
		}
		if left := files(t, filepath.Join(dir, "chunks", "tmp")); len(left) != 0 {
			t.Errorf("temporary files are left: %q", left)
		}
		chunktest.Holds(t, d.Chunks(), kept)
		_, err := d.Chunks().Put(t.Context(), data)
		if synced := step == "sync file" || step == "sync folder"; errors.Is(err, disk.ErrSyncFailed) != synced || !synced && err != nil {
			t.Errorf("put again: %v; an fsync failed: %v", err, synced)
		}
		runOnce(t, d)
		d.Close()
		checkSound(t, dir, map[chunk.Ref]bool{ref: true})
	})
}

func TestStoreThatFailedToSyncRefusesEveryWriteUntilReopened(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	old := chunktest.Data(1, 1000)
	ref := chunktest.Put(t, d.Chunks(), old).Ref
	d.SetFault(faultAt("sync file", true, syscall.EIO, func(string) (bool, error) { return true, nil }))
	for _, data := range [][]byte{chunktest.Data(2, 1000), chunktest.Data(2, 1000), chunktest.Data(3, 1000), old} {
		_, err := d.Chunks().Put(t.Context(), data)
		if !errors.Is(err, disk.ErrSyncFailed) || errors.Is(err, chunk.ErrFull) {
			t.Errorf("put: %v, want ErrSyncFailed", err)
		}
	}
	if !d.Chunks().Stats().Failed {
		t.Error("the snapshot does not tell")
	}
	chunktest.Holds(t, d.Chunks(), old)
	if err := d.Chunks().Delete(t.Context(), ref); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	chunktest.Put(t, open(t, dir, disk.Options{}).Chunks(), old)
}

func TestNameOfAnEarlierProcessIsSyncedBeforeItIsVouchedFor(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	data := chunktest.Data(1, 1000)
	stopped := errors.New("the process was stopped")
	d.SetFault(faultAt("sync folder", false, stopped, func(string) (bool, error) { return false, stopped }))
	if _, err := d.Chunks().Put(t.Context(), data); !errors.Is(err, stopped) {
		t.Fatalf("put: %v", err)
	}
	d.Crash()

	d = open(t, dir, disk.Options{})
	var steps []string
	d.SetFault(func(step string) (bool, error) { steps = append(steps, step); return true, nil })
	for range 2 {
		if stored, err := d.Chunks().Put(t.Context(), data); err != nil || stored.New {
			t.Errorf("put: New %v, %v", stored.New, err)
		}
	}
	if got := fmt.Sprint(steps); got != "[sync folder]" {
		t.Errorf("two puts of what is there did %s, want one sync of the folder", got)
	}
}

func TestFullDiskIsErrFullAtEveryStep(t *testing.T) {
	for _, step := range []string{"create", "write", "sync file", "rename"} {
		t.Run(step, func(t *testing.T) {
			dir := folder(t)
			d := open(t, dir, disk.Options{})
			full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			d.SetFault(faultAt(step, false, full, func(string) (bool, error) { return true, nil }))
			data := chunktest.Data(1, 1000)
			if _, err := d.Chunks().Put(t.Context(), data); !errors.Is(err, chunk.ErrFull) {
				t.Errorf("put: %v, want ErrFull", err)
			}
			chunktest.Lacks(t, d.Chunks(), chunk.Sum(data))
			if left := files(t, filepath.Join(dir, "chunks", "tmp")); len(left) != 0 {
				t.Errorf("temporary files are left: %q", left)
			}
			chunktest.Put(t, d.Chunks(), data)
			chunktest.Holds(t, d.Chunks(), data)
		})
	}
}

func TestTemporaryFileThatCannotBeRemovedIsSweptAtTheNextStart(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	broken := errors.New("input/output error")
	d.SetFault(func(step string) (bool, error) {
		if step == "write" || step == disk.StepRemove {
			return false, broken
		}
		return true, nil
	})
	if _, err := d.Chunks().Put(t.Context(), chunktest.Data(1, 1000)); !errors.Is(err, broken) {
		t.Errorf("put: %v", err)
	}
	if left := files(t, filepath.Join(dir, "chunks", "tmp")); len(left) != 1 {
		t.Fatalf("%d temporary files, want 1", len(left))
	}
	d.Close()
	checkSound(t, dir, nil)
}

func TestFileOfTheWrongLengthIsReplaced(t *testing.T) {
	for _, length := range []int{0, 500, 2000} {
		dir := folder(t)
		d := open(t, dir, disk.Options{})
		data := chunktest.Data(1, 1000)
		ref := chunktest.Put(t, d.Chunks(), data).Ref
		d.Close()
		if err := os.WriteFile(chunkPath(dir, ref), make([]byte, length), 0o600); err != nil {
			t.Fatal(err)
		}
		d = open(t, dir, disk.Options{})
		if stored, err := d.Chunks().Put(t.Context(), data); err != nil || !stored.New {
			t.Errorf("length %d: put: New %v, %v", length, stored.New, err)
		}
		chunktest.Holds(t, d.Chunks(), data)
		if got := d.Chunks().Stats().Chunks; got != 1 {
			t.Errorf("length %d: %d chunks counted, want 1", length, got)
		}
		d.Close()
	}
}

func TestNoMoreChunksAreWrittenAtOnceThanWriters(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	d.SetWriters(3)
	var mu sync.Mutex
	inside, most := 0, 0
	reached := make(chan struct{})
	d.SetFault(func(step string) (bool, error) {
		if step == "create" {
			mu.Lock()
			if inside++; inside > most {
				if most = inside; most == 3 {
					close(reached)
				}
			}
			mu.Unlock()
			<-reached
		}
		if step == "sync folder" {
			mu.Lock()
			inside--
			mu.Unlock()
		}
		return true, nil
	})
	var done sync.WaitGroup
	for i := range 12 {
		done.Go(func() { chunktest.Put(t, d.Chunks(), chunktest.Data(uint64(i), 1000)) })
	}
	done.Wait()
	if most != 3 {
		t.Errorf("%d chunks were written at once, want 3", most)
	}
}
