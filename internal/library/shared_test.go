package library_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

func pair(t *testing.T) (f *fleet, ann, ben *replica) {
	f = newFleet(t, t, "ann", "ben")
	return f, f.nodes[0], f.nodes[1]
}

func TestAVideoOfOneNodeIsOnEach(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	v := ann.video(id)
	if v.State != library.Processing || v.Node != "ben" || v.Title != "film" || v.Playable {
		t.Errorf("while it is prepared: %+v", v)
	}
	if got := ann.Unfinished(); len(got) > 0 {
		t.Errorf("ann is to prepare %v", got)
	}
	if since, found := ann.OldestImport(); !found || since.After(f.now()) {
		t.Errorf("the oldest import is of %s, %v", since, found)
	}
	if _, found := ben.OldestImport(); found {
		t.Error("ben's own import counts as another's")
	}
	ben.publish(id, film("film", 3, true))
	f.meet()
	if v := ann.video(id); v.State != library.Ready || !v.Playable || v.Node != "ben" {
		t.Errorf("when it is ready: %+v", v)
	}
	if m, err := ann.Manifest(t.Context(), id); err != nil || len(m.Renditions) != 1 {
		t.Errorf("its manifest: %+v, %v", m, err)
	}
	if _, found := ann.OldestImport(); found {
		t.Error("an import goes on")
	}
	f.agree()
}

func TestTheSameFileOnAnotherNodeIsADuplicate(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	again := func() (manifest.VideoID, bool) {
		received, err := ann.Receive("film", "")
		ann.must(err)
		same, duplicate, err := ann.Accept(t.Context(), received, 1000, chunk.Sum([]byte("film")))
		ann.must(err)
		return same, duplicate
	}
	if same, duplicate := again(); same != id || !duplicate {
		t.Errorf("while it is prepared: %q, %v", same, duplicate)
	}
	f.putAll("film", 3)
	ben.publish(id, film("film", 3, true))
	f.meet()
	if same, duplicate := again(); same != id || !duplicate {
		t.Errorf("when it is ready: %q, %v", same, duplicate)
	}
}

func TestAFileIsNoDuplicateOfWhatADeadNodePrepares(t *testing.T) {
	f, ann, ben := pair(t)
	ann.opts.Alive = func(node string) bool { return node != "ben" }
	ann.start()
	ben.accepted("film")
	f.meet()
	ann.ready("film")
}

func TestOnlyItsNodeCanDoSomethingAboutAnImport(t *testing.T) {
	f, ann, ben := pair(t)
	processing, failed, ready := ben.accepted("a"), ben.accepted("b"), ben.ready("c")
	ben.must(ben.Fail(t.Context(), failed, "killed", "No."))
	f.meet()
	for name, err := range map[string]error{
		"retry":   ann.Retry(t.Context(), failed),
		"fail":    ann.Fail(t.Context(), processing, "x", "y"),
		"publish": ann.Publish(t.Context(), processing, film("a", 1, true), ann.keep(film("a", 1, true))),
		"here":    ann.Here(processing),
		"failed":  ann.Here(failed),
	} {
		var elsewhere *library.ElsewhereError
		if !errors.Is(err, library.ErrElsewhere) || !errors.As(err, &elsewhere) || elsewhere.Node != "ben" {
			t.Errorf("%s: %v, want ErrElsewhere of ben", name, err)
		}
	}
	for _, err := range []error{ann.Here(ready), ben.Here(processing), ben.Here(failed)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := ann.Here("none"); !errors.Is(err, library.ErrNotFound) {
		t.Error(err)
	}
	ann.Progress(processing, "prepare", 0.5)
	ann.Describe(processing, time.Hour)
	ann.Draft(processing, film("a", 1, false))
	if v := ann.video(processing); v.Progress > 0 || v.Duration > 0 || v.Playable {
		t.Errorf("ann told itself of ben's import: %+v", v)
	}
	ben.must(ben.Retry(t.Context(), failed))
	f.meet()
	f.agree()
}

func TestAnEditIsKeptUntilItsVideoComes(t *testing.T) {
	_, ann, ben := pair(t)
	id := ben.ready("film")
	ben.must(second(ben.Rename(t.Context(), id, "Named")))
	ben.must(ben.Trash(t.Context(), id))
	var video func()
	_ = ben.table.Each(t.Context(), "videos", func(key string, value []byte) error {
		video = func() { ann.Changed("videos", key, value, false) }
		return nil
	})
	_ = ben.table.Each(t.Context(), "edits", func(key string, value []byte) error {
		ann.Changed("edits", key, value, false)
		return nil
	})
	if len(ann.videos()) > 0 {
		t.Error("a video shows that is not there")
	}
	video()
	if v := ann.video(id); v.Title != "Named" || v.State != library.Trashed {
		t.Errorf("%+v", v)
	}
}

func TestAnImportIsAsOldAsItsRecordSaysAfterARestart(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	created := ben.video(id).Created
	for range 10_000 {
		f.now() // time passes
	}
	f.meet()
	if since, found := ann.OldestImport(); !found || since.Before(created) {
		t.Errorf("%s, %v; created %s", since, found, created)
	}
	ann.start() // by whose clock it was created may be wrong
	if since, found := ann.OldestImport(); !found || !since.Equal(created.Add(-24*time.Hour)) {
		t.Errorf("after a restart %s, %v", since, found)
	}
}

func TestARecordOfANewerVersionIsKeptAndNotOverwritten(t *testing.T) {
	f, ann, ben := pair(t)
	id, other := ben.ready("film"), ben.ready("other")
	f.meet()
	var log bytes.Buffer
	ann.opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	ann.start()
	newer := []byte(`{"version":9,"id":"` + string(id) + `","surprise":true}`)
	ben.must(ben.table.Save(t.Context(), "videos", string(id), newer))
	ben.must(ben.table.Save(t.Context(), "edits", string(other)+"/trash", []byte(`{"version":9}`)))
	f.exchange(ann, ben)
	if n := ann.Totals().Unreadable; n != 2 || !strings.Contains(log.String(), string(id)) {
		t.Errorf("%d are unreadable, the log says %q", n, log.String())
	}
	if v := ann.video(id); v.State != library.Ready {
		t.Errorf("what is known of it shows as %+v", v)
	}
	if err := ann.addText(id, "sub1"); !errors.Is(err, library.ErrUnreadable) {
		t.Errorf("publish: %v, want ErrUnreadable", err)
	}
	if err := ann.Trash(t.Context(), other); !errors.Is(err, library.ErrUnreadable) {
		t.Errorf("trash: %v, want ErrUnreadable", err)
	}
	if err := ann.Live(t.Context(), func(library.Contents) error { return nil }); !errors.Is(err, library.ErrUnreadable) {
		t.Errorf("live: %v, want ErrUnreadable", err)
	}
	if got, err := ann.table.Load(t.Context(), "videos", string(id)); err != nil || !bytes.Equal(got, newer) {
		t.Errorf("the record is %q, %v", got, err)
	}
	ann.must(second(ann.Rename(t.Context(), other, "Named")))
	ann.must(ann.Purge(t.Context(), id))
	ann.must(ann.Purge(t.Context(), other))
	if n := ann.Totals().Unreadable; n != 0 {
		t.Errorf("%d are unreadable", n)
	}
}

func TestRecordsOfOtherKindsAreNoneOfTheLibrarysBusiness(t *testing.T) {
	_, ann, _ := pair(t)
	ann.Changed("tokens", "a", []byte("x"), false)
	ann.Changed("videos", "no id", []byte("x"), true)
	ann.Changed("cleared", "x", nil, false)
	if n := ann.Totals().Unreadable; n != 0 {
		t.Errorf("%d are unreadable", n)
	}
	ann.Changed("videos", "no id", []byte("x"), false)
	ann.Changed("edits", someID+"/colour", []byte(`{"version":1}`), false)
	if n := ann.Totals().Unreadable; n != 2 {
		t.Errorf("%d are unreadable, want 2", n)
	}
}
