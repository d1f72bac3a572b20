package library_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

func TestRenameTrimsAndRefusesWhatIsNoTitle(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a.mp4")
	for title, want := range map[string]string{
		"  Dunes ":               "Dunes",
		"<script>alert(1)":       "<script>alert(1)",
		strings.Repeat("ü", 200): strings.Repeat("ü", 200),
		"":                       "",
		" \t ":                   "",
		strings.Repeat("ü", 201): "",
		"two\nlines":             "",
		"bell\a":                 "",
		"turned\u202egnp.":       "",
		"broken\xff":             "",
	} {
		v, err := h.Rename(t.Context(), id, title)
		switch {
		case want == "" && !errors.Is(err, library.ErrTitle):
			t.Errorf("Rename(%q): %v, want ErrTitle", title, err)
		case want != "" && (err != nil || v.Title != want):
			t.Errorf("Rename(%q) = %q, %v", title, v.Title, err)
		}
	}
	h.must(second(h.Rename(t.Context(), id, "Kept")))
	h.restart()
	if got := h.video(id).Title; got != "Kept" {
		t.Errorf("after a restart: %q", got)
	}
}

func second(_ library.Video, err error) error { return err }

func TestTheTrashGivesBackWhatItTook(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	before := h.video(id)
	h.must(h.Trash(t.Context(), id))
	h.must(h.Trash(t.Context(), id))
	h.restart()
	if v := h.video(id); v.State != library.Trashed || v.Playable {
		t.Errorf("in the trash: %+v", v)
	}
	if _, err := h.Manifest(t.Context(), id); !errors.Is(err, library.ErrTrashed) {
		t.Errorf("Manifest: %v, want ErrTrashed", err)
	}
	got, err := h.Restore(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, got); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if _, err := h.Manifest(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestAFailedVideoKeepsItsWordsInTheTrash(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("a")
	h.must(h.Fail(t.Context(), id, "not_a_video", "no"))
	h.must(h.Trash(t.Context(), id))
	h.restart()
	if v := h.video(id); v.State != library.Trashed || v.Problem == nil || v.Problem.Code != "not_a_video" {
		t.Errorf("in the trash: %+v", v)
	}
}

func TestWhatWasDeletedWhileItWasPreparedReturnsAsFailed(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("a")
	h.Draft(id, film("a", 1, false))
	h.must(h.Trash(t.Context(), id))
	h.Draft(id, film("a", 2, false))
	if err := h.Publish(t.Context(), id, film("a", 3, true), nil); !errors.Is(err, library.ErrState) {
		t.Errorf("Publish: %v, want ErrState", err)
	}
	h.restart()
	if left := h.Unfinished(); len(left) != 0 {
		t.Errorf("Unfinished: %v", left)
	}
	v, err := h.Restore(t.Context(), id)
	if err != nil || v.State != library.Failed || v.Problem.Code != "cancelled" || v.Playable {
		t.Errorf("Restore = %+v, %v", v, err)
	}
}

func TestWhatStillArrivesIsForgottenWhenDeleted(t *testing.T) {
	h := newHouse(t)
	for name, remove := range map[string]func(manifest.VideoID) error{
		"trash": func(id manifest.VideoID) error { return h.Trash(t.Context(), id) },
		"purge": func(id manifest.VideoID) error { return h.Purge(t.Context(), id) },
	} {
		id := h.received(name)
		h.must(remove(id))
		if err := remove(id); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("%s twice: %v, want ErrNotFound", name, err)
		}
	}
}

func TestPurgeIsForGood(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	h.must(h.Purge(t.Context(), id))
	h.restart()
	if _, err := h.Get(id); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
	if err := h.Purge(t.Context(), id); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("Purge again: %v, want ErrNotFound", err)
	}
}

func TestTotalsLeaveOutTheTrash(t *testing.T) {
	h := newHouse(t)
	h.ready("a")
	h.accepted("b")
	h.must(h.Trash(t.Context(), h.ready("c")))
	want := library.Totals{Videos: 2, Bytes: 2000, States: map[library.State]int{
		library.Ready: 1, library.Processing: 1, library.Trashed: 1,
	}}
	if diff := cmp.Diff(want, h.Totals()); diff != "" {
		t.Errorf("Totals (-want +got):\n%s", diff)
	}
}

func TestWhatGetReturnsIsTheCallersOwn(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	h.restart()
	got := h.video(id)
	got.Renditions[0].ID = "changed"
	got.Poster.Size = 0
	got.Poster.Chunks[0].Size = 0
	got.Manifest[0].Size = 0
	now := h.video(id)
	h.restart()
	want := h.video(id)
	if diff := cmp.Diff(want, now); diff != "" {
		t.Errorf("the library changed (-want +got):\n%s", diff)
	}
}
