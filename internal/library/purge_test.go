package library_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// live returns the contents of all videos that are live, by id.
func (h *house) live() map[manifest.VideoID]library.Contents {
	h.t.Helper()
	all := make(map[manifest.VideoID]library.Contents)
	h.must(h.Live(h.t.Context(), func(c library.Contents) error {
		all[c.ID] = c
		return nil
	}))
	return all
}

func refs(c library.Contents) (all []chunk.Ref) {
	for info := range c.Chunks() {
		all = append(all, info.Ref)
	}
	return all
}

func TestLiveHasReadyTrashedAndDraftedVideos(t *testing.T) {
	h := newHouse(t)
	ready, trashed, drafted, failed, purged := h.ready("ready"), h.ready("trashed"), h.accepted("drafted"), h.accepted("failed"), h.ready("purged")
	h.must(h.Trash(t.Context(), trashed))
	draft := film("drafted", 2, false)
	h.Draft(drafted, draft)
	h.must(h.Fail(t.Context(), failed, "x", "y"))
	h.must(h.Purge(t.Context(), purged))
	h.received("arriving")
	all := h.live()
	for id, m := range map[manifest.VideoID]*manifest.Manifest{ready: film("ready", 3, true), trashed: film("trashed", 3, true), drafted: draft} {
		got := refs(all[id])
		for info := range m.Chunks() {
			if !slices.Contains(got, info.Ref) {
				t.Errorf("%s lacks a chunk of its manifest", all[id].Title)
			}
		}
		for _, info := range h.video(id).Manifest {
			if !slices.Contains(got, info.Ref) {
				t.Errorf("%s lacks its manifest", all[id].Title)
			}
		}
	}
	if len(refs(all[failed])) > 0 {
		t.Error("a failed video needs chunks")
	}
	if _, found := all[purged]; found || len(all) != 5 {
		t.Errorf("%d videos are live, the purged one among them: %v", len(all), found)
	}
}

func TestLiveReadsPastTheCache(t *testing.T) {
	h := newHouse(t)
	h.opts.CacheBytes = 6000
	h.restart()
	played := h.ready("played")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		h.ready(name)
	}
	if _, err := h.Manifest(t.Context(), played); err != nil {
		t.Fatal(err)
	}
	h.live()
	opened := h.openings(func(context.Context) error { return nil })
	if _, err := h.Manifest(t.Context(), played); err != nil || opened.Load() != 0 {
		t.Errorf("the manifest in use was read again: %d times, %v", opened.Load(), err)
	}
}

func TestLiveNamesTheVideoWhoseManifestCannotBeRead(t *testing.T) {
	h := newHouse(t)
	bad, good := h.ready("bad"), h.ready("good")
	h.chunks.Corrupt(h.video(bad).Manifest[0].Ref)
	all := h.live()
	if err := all[bad].Err; !errors.Is(err, chunk.ErrCorrupt) || !strings.Contains(err.Error(), string(bad)) {
		t.Errorf("bad: %v", err)
	}
	if len(refs(all[bad])) != 1 {
		t.Errorf("what is known of it is %v", refs(all[bad]))
	}
	if all[good].Err != nil || len(refs(all[good])) < 4 {
		t.Errorf("good: %+v", all[good])
	}
}

func TestLiveSaysWhenThereMayBeMoreVideos(t *testing.T) {
	h := newHouse(t)
	h.ready("good")
	h.records.rows[string(h.ready("bad"))] = []byte("{}")
	h.restart()
	visits := 0
	err := h.Live(t.Context(), func(library.Contents) error { visits++; return nil })
	if !errors.Is(err, library.ErrUnreadable) || visits != 1 {
		t.Errorf("%d visits, %v; want 1 and ErrUnreadable", visits, err)
	}
}

func TestPurgedVideoIsRememberedUntilItIsCleared(t *testing.T) {
	h := newHouse(t)
	id, drafted, failed := h.ready("a"), h.accepted("drafted"), h.accepted("failed")
	h.Draft(drafted, film("drafted", 2, false))
	h.must(h.Fail(t.Context(), failed, "x", "y"))
	want := refs(h.live()[id])
	for _, id := range []manifest.VideoID{id, drafted, failed} {
		h.must(h.Purge(t.Context(), id))
	}
	if got := h.Purged(); len(got) != 3 {
		t.Errorf("purged are %v", got)
	}
	if got := refs(h.PurgedContents(t.Context(), drafted)); len(got) != 4 {
		t.Errorf("the draft had %d chunks, want 4", len(got))
	}
	h.restart()
	if got := h.Purged(); len(got) != 3 {
		t.Errorf("after a restart purged are %v", got)
	}
	if got := refs(h.PurgedContents(t.Context(), id)); !slices.Equal(got, want) {
		t.Errorf("it was made of %d chunks, want %d", len(got), len(want))
	}
	for _, id := range h.Purged() {
		h.must(h.Cleared(t.Context(), id))
	}
	for range 2 {
		if got := h.Purged(); len(got) > 0 {
			t.Errorf("after they were cleared: %v", got)
		}
		h.restart()
	}
	if len(h.records.rows) > 0 || len(h.records.purged) != 3 {
		t.Errorf("%d rows and %d notes are left, want 0 and 3", len(h.records.rows), len(h.records.purged))
	}
}

func TestSupersededManifestGoesWithItsVideo(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	first := h.video(id).Manifest[0].Ref
	h.publish(id, film("a", 3, true)) // The same again supersedes nothing.
	h.publish(id, film("a", 5, true))
	if slices.Contains(refs(h.live()[id]), first) {
		t.Error("the first manifest is live")
	}
	h.restart()
	h.must(h.Purge(t.Context(), id))
	h.restart()
	got := refs(h.PurgedContents(t.Context(), id))
	if at := slices.Index(got, first); at != len(got)-2 {
		t.Errorf("the first manifest is number %d of %d", at, len(got))
	}
}

func TestPurgeThatCannotBeNotedLeavesTheVideo(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	for _, f := range []fault{notStored, storedYetError} {
		h.records.fault = func(op, _ string) fault {
			if op == "save" {
				return f
			}
			return none
		}
		if err := h.Purge(t.Context(), id); !errors.Is(err, errDisk) {
			t.Errorf("%v, want the disk's error", err)
		}
		h.records.fault = nil
		h.restart()
		if v := h.video(id); v.State != library.Ready || len(h.Purged()) > 0 {
			t.Errorf("the video is %s, purged are %v", v.State, h.Purged())
		}
	}
	if _, found := h.live()[id]; !found {
		t.Error("the video is not live")
	}
}

func TestPurgeThatWasInterruptedIsEndedLater(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	h.must(second(h.Rename(t.Context(), id, "b")))
	h.records.fault = func(op, _ string) fault {
		if op == "delete" {
			return notStored
		}
		return none
	}
	h.must(h.Purge(t.Context(), id))
	h.records.fault = nil
	h.restart()
	if _, err := h.Get(id); !errors.Is(err, library.ErrNotFound) || len(h.Purged()) != 1 || len(h.live()) > 0 {
		t.Errorf("after a restart: %v, purged %v", err, h.Purged())
	}
	h.FollowOnce(t.Context())
	if len(h.records.rows) > 0 || len(h.records.edits) > 0 {
		t.Errorf("left are %q and %q", h.records.rows, h.records.edits)
	}
}

func TestPurgeMakesRoomOnADiskThatIsFull(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	want := refs(h.live()[id])
	h.records.full = true
	h.must(h.Purge(t.Context(), id))
	if got := refs(h.PurgedContents(t.Context(), id)); !slices.Equal(got, want) {
		t.Errorf("it was made of %d chunks, want %d", len(got), len(want))
	}
	if len(h.records.rows) > 0 || len(h.records.purged) > 0 {
		t.Errorf("left are %q and %q", h.records.rows, h.records.purged)
	}
	h.records.full = false
	h.must(h.Cleared(t.Context(), id))
	if len(h.records.purged) != 1 {
		t.Error("that it was purged was not noted when there was room again")
	}
	h.restart()
	if got := h.Purged(); len(got) > 0 {
		t.Errorf("after a restart purged are %v", got)
	}
}

func TestTrashedVideosArePurgedWhenTheirTimeIsUp(t *testing.T) {
	h := newHouse(t)
	old, restored, young := h.ready("old"), h.ready("restored"), h.ready("young")
	h.must(h.Trash(t.Context(), old))
	h.must(h.Trash(t.Context(), restored))
	if _, err := h.Restore(t.Context(), restored); err != nil {
		t.Fatal(err)
	}
	h.restart()
	between := h.opts.Now()
	h.must(h.Trash(t.Context(), young))
	h.must(h.Trash(t.Context(), old)) // Once more changes nothing.
	got, err := h.PurgeTrashed(t.Context(), between)
	if err != nil || !slices.Equal(got, []manifest.VideoID{old}) {
		t.Errorf("purged %v, %v; want the old one", got, err)
	}
	if _, err := h.Get(old); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("the old one: %v", err)
	}
	if h.video(young).State != library.Trashed || h.video(restored).State != library.Ready {
		t.Errorf("young %s, restored %s", h.video(young).State, h.video(restored).State)
	}
	if got, err := h.PurgeTrashed(t.Context(), h.opts.Now().Add(time.Hour)); err != nil || len(got) != 1 {
		t.Errorf("later: %v, %v", got, err)
	}
}
