package library_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
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

func TestARenameAndAPublicationAtTheSameTimeBothHold(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	if _, err := ann.Rename(t.Context(), id, "A better name"); err != nil {
		t.Fatal(err)
	}
	ben.publish(id, film("film", 3, true))
	f.meet()
	for _, r := range f.nodes {
		if v := r.video(id); v.Title != "A better name" || v.State != library.Ready {
			t.Errorf("%s: %q, %s", r, v.Title, v.State)
		}
	}
	f.agree()
}

func TestTheTrashAndARenameAndSubtitlesAtTheSameTimeAllHold(t *testing.T) {
	f := newFleet(t, t, "ann", "ben", "cyd")
	ann, ben, cyd := f.nodes[0], f.nodes[1], f.nodes[2]
	id := ben.ready("film")
	f.meet()
	ann.must(ann.Trash(t.Context(), id))
	ben.must(ben.addText(id, "sub1"))
	ben.must(second(cyd.Rename(t.Context(), id, "Renamed")))
	f.meet()
	for _, r := range f.nodes {
		if v := r.video(id); v.State != library.Trashed || len(v.Renditions) != 2 || v.Title != "Renamed" || v.Playable {
			t.Errorf("%s: %s, %q, %d renditions", r, v.State, v.Title, len(v.Renditions))
		}
	}
	if v, err := cyd.Restore(t.Context(), id); err != nil || v.State != library.Ready {
		t.Errorf("%+v, %v", v, err)
	}
	f.meet()
	f.agree()
	if got := ann.texts(id); !slices.Equal(got, []string{"sub1"}) {
		t.Errorf("texts %v", got)
	}
}

func TestSubtitlesThatAreAddedOnTwoNodesAtTheSameTimeAllStay(t *testing.T) {
	f := newFleet(t, t, "ann", "ben", "cyd")
	ann, ben, cyd := f.nodes[0], f.nodes[1], f.nodes[2]
	id := ben.ready("film")
	ben.must(ben.addText(id, "old"))
	f.meet()
	ann.must(ann.addText(id, "suba1"))
	ann.must(ann.addText(id, "suba2"))
	ben.must(ben.addText(id, "subb1"))
	cyd.must(cyd.addText(id, "subc1"))
	cyd.must(cyd.removeText(id, "old"))
	f.meet()
	f.agree()
	want := []string{"suba1", "suba2", "subb1", "subc1"}
	for _, r := range f.nodes {
		if got := r.texts(id); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", r, got, want)
		}
	}
}

func TestWhoPublishesOntoSomethingOldIsToldSo(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.ready("film")
	f.meet()
	m, was, err := ann.Stored(t.Context(), id)
	ann.must(err)
	ben.must(ben.addText(id, "sub1"))
	f.meet()
	m = m.Snapshot()
	m.Renditions = append(m.Renditions, subtitles("sub2"))
	if done, err := ann.Replace(t.Context(), id, was, m, ann.keep(m)); done || err != nil {
		t.Errorf("done %v, %v", done, err)
	}
	if got := ann.texts(id); !slices.Equal(got, []string{"sub1"}) {
		t.Errorf("texts %v", got)
	}
}

func TestPurgeOnOneNodeStopsTheImportOnAnother(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	ben.Draft(id, film("film", 2, false))
	f.meet()
	ann.must(ann.Purge(t.Context(), id))
	f.meet()
	if got := ben.stopped(); !slices.Equal(got, []string{string(id) + " "}) {
		t.Errorf("stopped %q", got)
	}
	if err := ben.Publish(t.Context(), id, film("film", 3, true), nil); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("publish: %v, want ErrNotFound", err)
	}
	if got := refs(ben.PurgedContents(t.Context(), id)); len(got) != 4 {
		t.Errorf("ben knows of %d chunks, want those of its draft", len(got))
	}
	for _, r := range f.nodes {
		if got := r.Purged(); !slices.Equal(got, []manifest.VideoID{id}) {
			t.Errorf("%s is to clear %v", r, got)
		}
		r.must(r.Cleared(t.Context(), id))
		r.start()
		if got := r.Purged(); len(got) > 0 {
			t.Errorf("%s is to clear %v once more", r, got)
		}
	}
	f.meet()
	f.agree()
}

func TestPurgeWinsOverAPublicationThatDidNotHearOfIt(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	ann.must(ann.Purge(t.Context(), id))
	for i := range 5 { // whose records are later than the deletion
		ben.must(second(ben.Rename(t.Context(), id, strings.Repeat("x", i+1))))
	}
	ben.publish(id, film("film", 3, true))
	f.meet()
	for _, r := range f.nodes {
		if _, err := r.Get(id); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", r, err)
		}
	}
	if got := refs(ben.PurgedContents(t.Context(), id)); len(got) != 6 {
		t.Errorf("ben knows of %d chunks", len(got))
	}
	if n := ann.table.Len("videos") + ann.table.Len("edits"); n > 0 {
		t.Errorf("%d records of it are left", n)
	}
	f.agree()
}

func TestTrashOnOneNodeStopsTheImportOnAnother(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	ann.must(ann.Trash(t.Context(), id))
	if v := ann.video(id); v.State != library.Trashed {
		t.Errorf("ann shows it as %s", v.State)
	}
	f.meet()
	if got := ben.stopped(); !slices.Equal(got, []string{string(id) + " "}) {
		t.Errorf("stopped %q", got)
	}
	v, err := ann.Restore(t.Context(), id)
	if err != nil || v.State != library.Failed || v.Problem.Code != "cancelled" {
		t.Errorf("%+v, %v", v, err)
	}
	f.meet()
	f.agree()
}

func TestWhatCameOutOfTheTrashInTimeIsPreparedOn(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	ann.must(ann.Trash(t.Context(), id))
	f.exchange(ann, ben)
	ben.must(second(ben.Restore(t.Context(), id)))
	f.meet()
	if got := ben.stopped(); len(got) > 0 {
		t.Errorf("stopped %q", got)
	}
	ben.publish(id, film("film", 3, true))
	f.meet()
	f.agree()
}

func TestANodeThatWasAwayDoesNotBringBackWhatWasPurged(t *testing.T) {
	f := newFleet(t, t, "ann", "ben", "cyd")
	ann, ben, cyd := f.nodes[0], f.nodes[1], f.nodes[2]
	id, kept := ann.ready("film"), ann.ready("kept")
	f.meet()
	f.nodes = []*replica{ann, ben}
	ben.must(ben.Purge(t.Context(), id))
	f.meet()
	cyd.must(second(cyd.Rename(t.Context(), id, "Still here")))
	cyd.must(cyd.addText(id, "sub1"))
	cyd.must(second(cyd.Rename(t.Context(), kept, "Kept")))
	cyd.start()
	f.nodes = []*replica{ann, ben, cyd}
	f.meet()
	f.agree()
	for _, r := range f.nodes {
		if all := r.videos(); len(all) != 1 || all[kept].Title != "Kept" {
			t.Errorf("%s has %d videos", r, len(all))
		}
		if got := r.Purged(); !slices.Equal(got, []manifest.VideoID{id}) {
			t.Errorf("%s is to clear %v", r, got)
		}
	}
}

func TestANewcomerHasNothingToClear(t *testing.T) {
	f, ann, _ := pair(t)
	ann.must(ann.Purge(t.Context(), ann.ready("film")))
	f.meet()
	cyd := f.join("cyd")
	f.nodes = append(f.nodes, cyd)
	f.meet()
	for range 2 {
		if got := cyd.Purged(); len(got) > 0 {
			t.Errorf("cyd is to clear %v", got)
		}
		cyd.start()
	}
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

func TestOfTwoNodesWithTheSameFileTheFirstThatIsReadyHasIt(t *testing.T) {
	f, ann, ben := pair(t)
	f.putAll("film", 3)
	one, other := ann.accepted("film"), ben.accepted("film")
	ben.must(second(ben.Rename(t.Context(), other, "Named")))
	f.meet()
	if len(ann.videos()) != 2 || len(ann.stopped())+len(ben.stopped()) > 0 {
		t.Error("one gave up before the other was ready")
	}
	ann.publish(one, film("film", 3, true))
	f.meet()
	f.agree()
	if got := ben.stopped(); len(got) != 1 || got[0] != string(other)+" "+string(one) {
		t.Errorf("stopped %q", got)
	}
	for _, r := range f.nodes {
		if all := r.videos(); len(all) != 1 || all[one].Title != "Named" {
			t.Errorf("%s shows %v", r, all)
		}
		if same, found := r.SameAs(other); !found || same != one {
			t.Errorf("%s: the other one is %q, %v", r, same, found)
		}
		r.start()
		if same, found := r.SameAs(other); !found || same != one {
			t.Errorf("%s: after a restart the other one is %q, %v", r, same, found)
		}
	}
}

func TestTwoReadyVideosOfOneFileBothStay(t *testing.T) {
	f, ann, ben := pair(t)
	f.putAll("film", 3)
	ann.ready("film")
	ben.ready("film")
	f.meet()
	f.agree()
	if n := len(ann.videos()); n != 2 {
		t.Errorf("%d videos, want 2", n)
	}
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

func TestOnceReadyAVideoStaysReady(t *testing.T) {
	f, _, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	saved := &storage{data: make(map[string][]byte)}
	ben.must(saved.SaveAll(t.Context(), "", ben.storage.data))
	ben.publish(id, film("film", 3, true))
	f.meet()
	// Ben's records are restored from before: it holds the import for interrupted.
	ben.storage = saved
	ben.start()
	for range 3 { // so that this is later than what others have
		ben.must(ben.Fail(t.Context(), id, "interrupted", "It is gone."))
		ben.must(ben.Retry(t.Context(), id))
	}
	ben.must(ben.Fail(t.Context(), id, "interrupted", "It is gone."))
	f.meet()
	f.agree()
	for _, r := range f.nodes {
		if v := r.video(id); v.State != library.Ready {
			t.Errorf("%s: %s", r, v.State)
		}
	}
}

func TestANodeThatLostAllItKnewEndsWhatItPrepared(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	ben.storage = &storage{data: make(map[string][]byte)}
	ben.start()
	f.meet()
	f.agree()
	if v := ann.video(id); v.State != library.Failed || v.Problem.Code != "interrupted" {
		t.Errorf("%+v", v)
	}
}

func TestARecordThatComesWhileAnotherIsSavedCountsByItsOwnTime(t *testing.T) {
	for name, c := range map[string]struct {
		later bool
		want  string
	}{"before": {false, "ann's"}, "after": {true, "ben's"}} {
		t.Run(name, func(t *testing.T) {
			f, ann, ben := pair(t)
			id := ben.ready("film")
			f.meet()
			ben.must(second(ben.Rename(t.Context(), id, "old")))
			ben.must(second(ben.Rename(t.Context(), id, "ben's")))
			ben.must(ben.addText(id, "sub1"))
			meet := sync.OnceFunc(func() { f.exchange(ann, ben) })
			if c.later {
				ann.after = meet
			} else {
				ann.before = meet
			}
			v, err := ann.Rename(t.Context(), id, "ann's")
			if err != nil || v.Title != c.want {
				t.Errorf("title %q, %v; want %q", v.Title, err, c.want)
			}
			f.meet()
			f.agree()
			if v := ben.video(id); v.Title != c.want {
				t.Errorf("title %q, want %q", v.Title, c.want)
			}
		})
	}
}

func TestAPublicationThatComesWhileAnotherIsSavedIsNotLost(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			f, ann, ben := pair(t)
			id := ben.ready("film")
			f.meet()
			ben.must(second(ben.Rename(t.Context(), id, "old"))) // so that ben's is later
			ben.must(ben.addText(id, "sub1"))
			meet := sync.OnceFunc(func() { f.exchange(ann, ben) })
			if when == "after" {
				ann.after = meet
			} else {
				ann.before = meet
			}
			ann.must(ann.addText(id, "sub2"))
			f.meet()
			f.agree()
			if got := ben.texts(id); !slices.Equal(got, []string{"sub1", "sub2"}) {
				t.Errorf("texts %v", got)
			}
		})
	}
}

func TestAPurgeThatComesWhileAChangeIsSavedWins(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		f, ann, ben := pair(t)
		id := ben.ready("film")
		f.meet()
		ben.must(ben.Purge(t.Context(), id))
		meet := sync.OnceFunc(func() { f.exchange(ann, ben) })
		if when == "after" {
			ann.after = meet
		} else {
			ann.before = meet
		}
		if _, err := ann.Rename(t.Context(), id, "Another"); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", when, err)
		}
		f.meet()
		f.agree()
		if n := ann.table.Len("edits") + ben.table.Len("edits"); n > 0 || len(ben.videos()) > 0 {
			t.Errorf("%s: %d records are left", when, n)
		}
	}
}

func TestTheTruthOfAnImportIsWithWhoRunsIt(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.accepted("film")
	f.meet()
	saved := &storage{data: make(map[string][]byte)}
	ben.must(saved.SaveAll(t.Context(), "", ben.storage.data))
	ben.publish(id, film("film", 3, true))
	f.meet()
	ben.storage = saved // restored from a backup, with the file still there
	ben.start()
	ben.Progress(id, "prepare", 0.5)
	ben.Draft(id, film("film", 1, false))
	f.meet()
	if v := ben.video(id); v.State != library.Processing || v.Progress != 0.5 || !v.Playable {
		t.Errorf("%+v", v)
	}
	if v := ann.video(id); v.State != library.Ready {
		t.Errorf("ann shows %+v", v)
	}
	ben.publish(id, film("film", 4, true))
	f.meet()
	f.agree()
}

func TestWhoHeardLittleOfAPurgedVideoLearnsWhatItWasMadeOf(t *testing.T) {
	f := newFleet(t, t, "ann", "ben", "cyd")
	ann, ben, cyd := f.nodes[0], f.nodes[1], f.nodes[2]
	id := ben.accepted("film")
	f.meet()
	ben.publish(id, film("film", 3, true))
	want := 6
	f.exchange(ann, ben)
	ann.must(ann.Purge(t.Context(), id))
	f.exchange(ann, cyd)
	if got := refs(cyd.PurgedContents(t.Context(), id)); len(got) != want {
		t.Errorf("cyd knows of %d chunks, want %d", len(got), want)
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

func TestATrashOfTomorrowCountsFromToday(t *testing.T) {
	f, ann, ben := pair(t)
	id := ben.ready("film")
	now := ben.opts.Now
	ben.opts.Now = func() time.Time { return now().Add(1000 * time.Hour) }
	ben.start()
	ben.must(ben.Trash(t.Context(), id))
	f.meet()
	if got, err := ann.PurgeTrashed(t.Context(), f.now()); err != nil || len(got) != 1 {
		t.Errorf("purged %v, %v", got, err)
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
