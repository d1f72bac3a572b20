package library_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

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
