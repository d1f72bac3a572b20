package disk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
	"shoal/internal/disk"
)

func save(t testing.TB, d *disk.Disk, bucket, key string, value []byte) {
	t.Helper()
	if err := d.Records().Save(t.Context(), bucket, key, value); err != nil {
		t.Error(err)
	}
}

// keys returns the keys of a bucket in the order of Each.
func keys(t testing.TB, d *disk.Disk, bucket string) []string {
	t.Helper()
	var all []string
	err := d.Records().Each(t.Context(), bucket, func(key string, _ []byte) error {
		all = append(all, key)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

func TestRecordIsLoadedAsItWasSaved(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	for _, value := range [][]byte{{}, nil, []byte("abc"), {0, 255, 0}, bytes.Repeat([]byte("x"), 3<<20)} {
		save(t, d, "videos", "a", value)
		if got, err := d.Records().Load(t.Context(), "videos", "a"); err != nil || !bytes.Equal(got, value) {
			t.Errorf("loaded %d bytes, %v; want %d", len(got), err, len(value))
		}
	}
}

func TestMissingRecordDoesNotExist(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	save(t, d, "videos", "a", []byte("abc"))
	save(t, d, "videos", "gone", []byte("abc"))
	if err := d.Records().Delete(t.Context(), "videos", "gone"); err != nil {
		t.Error(err)
	}
	for _, name := range [][2]string{{"videos", "b"}, {"videos", "gone"}, {"tokens", "a"}, {"videos", ""}} {
		if got, err := d.Records().Load(t.Context(), name[0], name[1]); !errors.Is(err, fs.ErrNotExist) || got != nil {
			t.Errorf("load %v: %q, %v; want fs.ErrNotExist", name, got, err)
		}
		if err := d.Records().Delete(t.Context(), name[0], name[1]); err != nil && name[1] != "" {
			t.Errorf("delete %v: %v", name, err)
		}
	}
	if got := keys(t, d, "tokens"); len(got) != 0 {
		t.Errorf("a bucket that does not exist has %q", got)
	}
}

func TestRecordsAreCopies(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	value := []byte("abc")
	save(t, d, "videos", "a", value)
	clear(value)
	got, err := d.Records().Load(t.Context(), "videos", "a")
	if err != nil || string(got) != "abc" {
		t.Fatalf("loaded %q, %v", got, err)
	}
	clear(got)
	err = d.Records().Each(t.Context(), "videos", func(_ string, value []byte) error {
		if string(value) != "abc" {
			t.Errorf("visited %q", value)
		}
		clear(value)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRecordsBehaveAsAMapForEachBucket(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		want := make(map[string]map[string]string)
		name := rapid.StringMatching(`[a-c]{1,2}`)
		for range rapid.IntRange(1, 8).Draw(rt, "operations") {
			bucket := fmt.Sprintf("%d-%s", round, rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "bucket"))
			key := name.Draw(rt, "key")
			if want[bucket] == nil {
				want[bucket] = make(map[string]string)
			}
			if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
				delete(want[bucket], key)
				if err := d.Records().Delete(t.Context(), bucket, key); err != nil {
					rt.Fatal(err)
				}
				continue
			}
			value := rapid.String().Draw(rt, "value")
			want[bucket][key] = value
			save(t, d, bucket, key, []byte(value))
		}
		for bucket, records := range want {
			got := make(map[string]string)
			if err := d.Records().Each(t.Context(), bucket, func(key string, value []byte) error {
				got[key] = string(value)
				return nil
			}); err != nil {
				rt.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(records) {
				rt.Errorf("bucket %s has %v, want %v", bucket, got, records)
			}
		}
	})
}

func TestEachVisitsInOrderOverManyPages(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	var want []string
	for i := range 600 {
		key := fmt.Sprintf("%04d", i*7919%10_000)
		want = append(want, key)
		save(t, d, "videos", key, []byte(key))
	}
	slices.Sort(want)
	if got := keys(t, d, "videos"); !slices.Equal(got, want) {
		t.Errorf("visited %d records, want %d in order", len(got), len(want))
	}
	for i := range 3 {
		save(t, d, "large", fmt.Sprint(i), make([]byte, 700_000))
	}
	if got := keys(t, d, "large"); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("visited %q", got)
	}
}

func TestVisitorMayUseTheRecords(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	for i := range 300 {
		save(t, d, "videos", fmt.Sprintf("%03d", i), []byte("old"))
	}
	err := d.Records().Each(t.Context(), "videos", func(key string, _ []byte) error {
		// Large values make the file grow, which waits for readers.
		if err := d.Records().Save(t.Context(), "copies", key, make([]byte, 20_000)); err != nil {
			return err
		}
		return d.Records().Delete(t.Context(), "videos", key)
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, copies := keys(t, d, "videos"), keys(t, d, "copies"); len(left) != 0 || len(copies) != 300 {
		t.Errorf("%d records left and %d copies, want 0 and 300", len(left), len(copies))
	}
}

func TestErrorOfAVisitorEndsEach(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	save(t, d, "videos", "a", nil)
	save(t, d, "videos", "b", nil)
	enough := errors.New("enough")
	visits := 0
	err := d.Records().Each(t.Context(), "videos", func(string, []byte) error { visits++; return enough })
	if err != enough || visits != 1 {
		t.Errorf("each: %v after %d visits, want the visitor's own error after 1", err, visits)
	}
}

func TestRecordWithoutAProperNameIsRefusedAndNothingElseSuffers(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	for _, name := range [][2]string{{"", "a"}, {"videos", ""}, {"videos", strings.Repeat("x", 40_000)}, {"disk", "usage"}} {
		if err := d.Records().Save(t.Context(), name[0], name[1], []byte("abc")); err == nil || errors.Is(err, disk.ErrSyncFailed) {
			t.Errorf("save under %.20q: %v, want a plain error", name, err)
		}
	}
	if _, err := d.Records().Load(t.Context(), "disk", "usage"); err == nil {
		t.Error("the disk's own record can be loaded")
	}
	save(t, d, "videos", "a", []byte("abc"))
}

func TestRecordsSavedByManyAreAllThere(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	var done sync.WaitGroup
	for worker := range 8 {
		done.Go(func() {
			for i := range 10 {
				save(t, d, "videos", fmt.Sprintf("%d-%d", worker, i), []byte("abc"))
				keys(t, d, "videos")
			}
		})
	}
	done.Wait()
	d.Crash()
	if got := keys(t, open(t, dir, disk.Options{}), "videos"); len(got) != 80 {
		t.Errorf("%d records after a crash, want 80", len(got))
	}
}

func TestManyRecordsAreSavedTogetherAndOutliveACrash(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	save(t, d, "rows", "old", []byte("old"))
	values := map[string][]byte{"old": []byte("new"), "empty": {}, "nil": nil}
	for i := range 1000 {
		values[fmt.Sprint(i)] = bytes.Repeat([]byte{byte(i)}, 900)
	}
	if err := d.Records().SaveAll(t.Context(), "rows", values); err != nil {
		t.Fatal(err)
	}
	if err := d.Records().SaveAll(t.Context(), "nothing", nil); err != nil {
		t.Errorf("save nothing: %v", err)
	}
	d.Crash()
	d = open(t, dir, disk.Options{})
	for key, want := range values {
		if got, err := d.Records().Load(t.Context(), "rows", key); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q has %d bytes, %v; want %d", key, len(got), err, len(want))
		}
	}
	if got := keys(t, d, "rows"); len(got) != len(values) {
		t.Errorf("%d records, want %d", len(got), len(values))
	}
}

func TestOfRecordsThatCannotAllBeSavedNoneIs(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	save(t, d, "rows", "a", []byte("old"))
	large := make([]byte, 1<<20)
	many := make(map[string][]byte)
	for i := range 65 {
		many[fmt.Sprint(i)] = large
	}
	for name, values := range map[string]map[string][]byte{
		"a key too long": {"a": []byte("new"), "b": nil, strings.Repeat("x", 40_000): nil},
		"an empty key":   {"a": []byte("new"), "b": nil, "": nil},
		"too many bytes": many,
	} {
		if err := d.Records().SaveAll(t.Context(), "rows", values); err == nil || errors.Is(err, disk.ErrSyncFailed) {
			t.Errorf("%s: %v, want a plain error", name, err)
		}
	}
	if err := d.Records().SaveAll(t.Context(), "disk", map[string][]byte{"usage": nil}); err == nil {
		t.Error("the disk's own bucket can be saved to")
	}
	got, err := d.Records().Load(t.Context(), "rows", "a")
	if left := keys(t, d, "rows"); err != nil || string(got) != "old" || len(left) != 1 {
		t.Errorf("a is %q, %v; records are %q", got, err, left)
	}
}

func TestEndedContextStopsRecords(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	save(t, d, "videos", "a", []byte("abc"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, loadErr := d.Records().Load(ctx, "videos", "a")
	for name, err := range map[string]error{
		"load":   loadErr,
		"save":   d.Records().Save(ctx, "videos", "b", nil),
		"all":    d.Records().SaveAll(ctx, "videos", map[string][]byte{"b": nil}),
		"delete": d.Records().Delete(ctx, "videos", "a"),
		"each":   d.Records().Each(ctx, "videos", func(string, []byte) error { return nil }),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if got := keys(t, d, "videos"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("records are %q", got)
	}
}
