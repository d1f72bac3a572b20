package library_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"shoal/internal/library"
)

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
