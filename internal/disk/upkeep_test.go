package disk_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

type walked struct {
	info chunk.Info
	put  time.Time
}

func walk(t *testing.T, d *disk.Disk, after chunk.Ref) (all []walked) {
	t.Helper()
	err := d.Chunks().Walk(t.Context(), after, func(info chunk.Info, put time.Time) error {
		all = append(all, walked{info, put})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// makeOld sets the time of a chunk's file.
func makeOld(t *testing.T, dir string, ref chunk.Ref, at time.Time) {
	t.Helper()
	if err := os.Chtimes(chunkPath(dir, ref), at, at); err != nil {
		t.Fatal(err)
	}
}

func TestWalkGoesInOrderFromAnywhere(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	var want []chunk.Info
	at := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	for i := range uint64(600) {
		info := chunktest.Put(t, d.Chunks(), chunktest.Data(i, 10+int(i)))
		makeOld(t, dir, info.Ref, at)
		want = append(want, info)
	}
	slices.SortFunc(want, func(a, b chunk.Info) int { return slices.Compare(a.Ref[:], b.Ref[:]) })
	for _, from := range []int{0, 1, 299, 599, 600} {
		var after chunk.Ref
		if from > 0 {
			after = want[from-1].Ref
		}
		got := walk(t, d, after)
		if len(got) != len(want)-from {
			t.Fatalf("%d chunks after the first %d, want %d", len(got), from, len(want)-from)
		}
		for i, w := range got {
			if w.info != want[from+i] || !w.put.Equal(at) {
				t.Fatalf("chunk %d is %+v, want %+v put at %s", from+i, w, want[from+i], at)
			}
		}
	}
	enough := errors.New("enough")
	visits := 0
	err := d.Chunks().Walk(t.Context(), chunk.Ref{}, func(chunk.Info, time.Time) error { visits++; return enough })
	if err != enough || visits != 1 {
		t.Errorf("walk: %v after %d visits, want the visitor's own error after 1", err, visits)
	}
}

func TestOnlyWhatWasNotPutSinceIsDeleted(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	data := chunktest.Data(1, 5000)
	ref := chunktest.Put(t, d.Chunks(), data).Ref
	limit := time.Now().Add(-time.Hour)
	if freed, err := d.Chunks().DeleteBefore(t.Context(), ref, limit); freed != 0 || err != nil {
		t.Errorf("a new chunk: freed %d, %v", freed, err)
	}
	makeOld(t, dir, ref, limit.Add(-time.Second))
	chunktest.Put(t, d.Chunks(), data)
	if freed, err := d.Chunks().DeleteBefore(t.Context(), ref, limit); freed != 0 || err != nil {
		t.Errorf("an old chunk that was put again: freed %d, %v", freed, err)
	}
	chunktest.Holds(t, d.Chunks(), data)
	makeOld(t, dir, ref, limit.Add(-time.Second))
	if freed, err := d.Chunks().DeleteBefore(t.Context(), ref, limit); freed != 5000 || err != nil {
		t.Errorf("an old chunk: freed %d, %v", freed, err)
	}
	chunktest.Lacks(t, d.Chunks(), ref)
	if freed, err := d.Chunks().DeleteBefore(t.Context(), ref, limit); freed != 0 || err != nil {
		t.Errorf("none: freed %d, %v", freed, err)
	}
	if s := d.Chunks().Stats(); s.Chunks != 0 || s.Bytes != 0 {
		t.Errorf("counted %d chunks of %d bytes", s.Chunks, s.Bytes)
	}
}

func TestAgesAreNotTrustedAfterACrash(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	ref := chunktest.Put(t, d.Chunks(), []byte("abc")).Ref
	longAgo := time.Now().Add(-48 * time.Hour)
	makeOld(t, dir, ref, longAgo)
	d.Crash()
	before := time.Now()
	d = open(t, dir, disk.Options{})
	if put := walk(t, d, chunk.Ref{})[0].put; put.Before(before) {
		t.Errorf("put at %s, want not before the start at %s", put, before)
	}
	if freed, err := d.Chunks().DeleteBefore(t.Context(), ref, before); freed != 0 || err != nil {
		t.Errorf("freed %d, %v", freed, err)
	}
	runOnce(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, disk.Options{})
	if freed, err := d.Chunks().DeleteBefore(t.Context(), ref, before); freed != 3 || err != nil {
		t.Errorf("after a clean stop: freed %d, %v", freed, err)
	}
}

func TestPutAndDeleteOfTheSameChunkComeOneAfterTheOther(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	data := chunktest.Data(1, 2000)
	ref := chunk.Sum(data)
	for range 200 {
		chunktest.Put(t, d.Chunks(), data)
		makeOld(t, dir, ref, time.Now().Add(-48*time.Hour))
		var both sync.WaitGroup
		both.Go(func() { chunktest.Put(t, d.Chunks(), data) })
		both.Go(func() {
			if _, err := d.Chunks().DeleteBefore(context.Background(), ref, time.Now().Add(-24*time.Hour)); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		chunktest.Holds(t, d.Chunks(), data)
	}
}

func TestVerifyFindsWhatOpenRemembersAsGood(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	data := chunktest.Data(1, 10_000)
	ref := chunktest.Put(t, d.Chunks(), data).Ref
	chunktest.Holds(t, d.Chunks(), data)
	if err := d.Chunks().Verify(t.Context(), ref); err != nil {
		t.Errorf("a good chunk: %v", err)
	}
	flip(t, chunkPath(dir, ref))
	if _, err := chunktest.Read(t, d.Chunks(), ref); err != nil {
		t.Fatalf("it is not remembered: %v", err)
	}
	if err := d.Chunks().Verify(t.Context(), ref); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("verify: %v, want ErrCorrupt", err)
	}
	if got, err := d.Chunks().Quarantined(t.Context()); err != nil || !slices.Equal(got, []chunk.Ref{ref}) {
		t.Errorf("in quarantine are %v, %v", got, err)
	}
	if err := d.Chunks().Verify(t.Context(), ref); !errors.Is(err, chunk.ErrNotFound) {
		t.Errorf("verify again: %v, want ErrNotFound", err)
	}
	if s := d.Chunks().Stats(); s.VerifyFailures != 1 || s.Chunks != 0 {
		t.Errorf("counted %d failures, %d chunks", s.VerifyFailures, s.Chunks)
	}
}
