package library_test

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

func TestAVideoGoesFromFirstByteToReadyAndSurvivesARestart(t *testing.T) {
	h := newHouse(t)
	id := h.received("The.Last.Wave.mkv")
	if v := h.video(id); v.State != library.Receiving || v.Stage != "receive" || v.Progress != 0 || v.Title != "The Last Wave" {
		t.Errorf("receiving: %+v", v)
	}
	sum := chunk.Sum([]byte("film"))
	if _, _, err := h.Accept(t.Context(), id, 4, sum); err != nil {
		t.Fatal(err)
	}
	if v := h.video(id); v.State != library.Processing || v.Stage != "check" || v.Size != 4 || v.SourceSHA256 != sum {
		t.Errorf("processing: %+v", v)
	}
	h.Describe(id, time.Hour)
	h.Progress(id, "prepare", 0.5)
	if v := h.video(id); v.Duration != time.Hour || v.Stage != "prepare" || v.Progress != 0.5 {
		t.Errorf("half way: %+v", v)
	}
	m := film("a", 2, true)
	h.publish(id, m)
	want := h.video(id)
	if want.State != library.Ready || want.Stage != "done" || want.Progress != 1 || !want.Playable || want.Duration != time.Minute {
		t.Errorf("ready: %+v", want)
	}
	if want.Renditions[0].Bitrate != 8000 || want.Poster == nil {
		t.Errorf("ready: renditions %+v, poster %v", want.Renditions, want.Poster)
	}
	h.restart()
	if diff := cmp.Diff(want, h.video(id)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	got, err := h.Manifest(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Errorf("manifest after a restart (-want +got):\n%s", diff)
	}
}

func TestAnUploadThatBrokeOffLeavesNoTrace(t *testing.T) {
	h := newHouse(t)
	id := h.received("a.mp4")
	h.Forget(id)
	h.Forget(id)
	if _, err := h.Get(id); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
	if _, _, err := h.Accept(t.Context(), id, 1, chunk.Ref{1}); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("Accept: %v, want ErrNotFound", err)
	}
	if len(h.records.rows) != 0 {
		t.Errorf("rows left: %q", h.records.rows)
	}
	kept := h.accepted("b.mp4")
	h.Forget(kept)
	h.video(kept)
}

func TestReceivingIsNotDurable(t *testing.T) {
	h := newHouse(t)
	id := h.received("a.mp4")
	h.restart()
	if _, err := h.Get(id); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
}

func TestUnfinishedListsTheOldestFirstAfterARestart(t *testing.T) {
	h := newHouse(t)
	first, second, third := h.accepted("c"), h.accepted("a"), h.accepted("b")
	h.ready("d")
	h.received("e")
	h.Progress(second, "prepare", 0.9)
	h.restart()
	if diff := cmp.Diff([]manifest.VideoID{first, second, third}, h.Unfinished()); diff != "" {
		t.Errorf("Unfinished (-want +got):\n%s", diff)
	}
	if v := h.video(second); v.Progress != 0 || v.Stage != "check" {
		t.Errorf("an interrupted video begins anew, got %s %v", v.Stage, v.Progress)
	}
}

func TestTheSameFileTwiceIsOneVideo(t *testing.T) {
	h := newHouse(t)
	for _, state := range []library.State{library.Processing, library.Ready} {
		first := h.accepted(string(state))
		if state == library.Ready {
			h.publish(first, film("x", 1, true))
			for _, data := range content("x", 1) {
				chunktest.Put(t, h.chunks, data)
			}
		}
		again := h.received("again")
		existing, duplicate, err := h.Accept(t.Context(), again, 1000, chunk.Sum([]byte(state)))
		if err != nil || !duplicate || existing != first {
			t.Errorf("%s: Accept = %q, %v, %v; want %q", state, existing, duplicate, err, first)
		}
		if _, err := h.Get(again); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("%s: the second one is still there: %v", state, err)
		}
	}
	failed := h.accepted("failed")
	h.must(h.Fail(t.Context(), failed, "not_a_video", "no"))
	trashed := h.ready("trashed")
	h.must(h.Trash(t.Context(), trashed))
	for _, name := range []string{"failed", "trashed"} {
		h.accepted(name) // fails the test when it is a duplicate
	}
}

func TestAFilmThatLostAChunkMayBeAddedAgain(t *testing.T) {
	h := newHouse(t)
	m := film("film", 2, true)
	var at []chunk.Info
	for _, data := range content("film", 2) {
		chunktest.Put(t, h.chunks, data)
	}
	id := h.accepted("film")
	at = h.keep(m)
	h.must(h.Publish(t.Context(), id, m, at))
	for name, lost := range map[string]chunk.Ref{"segment": m.Renditions[0].Segments[1].Hash, "manifest": at[0].Ref} {
		h.must(h.chunks.Delete(t.Context(), lost))
		again := h.received(name)
		if _, duplicate, err := h.Accept(t.Context(), again, 1000, chunk.Sum([]byte("film"))); err != nil || duplicate {
			t.Errorf("without its %s: duplicate %v, %v", name, duplicate, err)
		}
		h.must(h.Fail(t.Context(), again, "test", "makes way for the next"))
	}
}

func TestOfManyUploadsOfOneFileExactlyOneIsAccepted(t *testing.T) {
	h := newHouse(t)
	const uploads = 16
	var wg sync.WaitGroup
	ids := make([]manifest.VideoID, uploads)
	firsts := make([]bool, uploads)
	for i := range uploads {
		wg.Go(func() {
			id, err := h.Receive("same.mp4", "")
			if err != nil {
				t.Error(err)
				return
			}
			existing, duplicate, err := h.Accept(t.Context(), id, 9, chunk.Ref{9})
			if err != nil {
				t.Error(err)
			}
			if ids[i] = id; duplicate {
				ids[i] = existing
			}
			firsts[i] = !duplicate
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if got := slices.Compact(ids); len(got) != 1 {
		t.Errorf("uploads were answered with %d ids: %v", len(got), got)
	}
	firsts = slices.DeleteFunc(firsts, func(first bool) bool { return !first })
	if len(firsts) != 1 {
		t.Errorf("%d uploads were accepted", len(firsts))
	}
	if total := h.Totals(); total.Videos != 1 || len(h.records.rows) != 1 {
		t.Errorf("library holds %+v and %d rows", total, len(h.records.rows))
	}
}

func TestProgressNeverFallsAndStaysWithinOne(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("a")
	for _, step := range []struct{ say, want float64 }{
		{0.3, 0.3}, {0.2, 0.3}, {math.NaN(), 0.3}, {-1, 0.3}, {0.4, 0.4}, {7, 1}, {0.5, 1},
	} {
		h.Progress(id, "prepare", step.say)
		if got := h.video(id).Progress; got != step.want {
			t.Errorf("after %v: %v, want %v", step.say, got, step.want)
		}
	}
	h.Progress("unknown", "prepare", 0.5)
	done := h.ready("b")
	h.Progress(done, "prepare", 0.1)
	if v := h.video(done); v.Stage != "done" || v.Progress != 1 {
		t.Errorf("a ready video went back to %s %v", v.Stage, v.Progress)
	}
}

func TestAVideoPlaysFromTheFirstDraftWithASegment(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("a")
	if _, err := h.Manifest(t.Context(), id); !errors.Is(err, library.ErrNotReady) {
		t.Errorf("without a draft: %v, want ErrNotReady", err)
	}
	h.Draft(id, film("a", 0, false))
	if _, err := h.Manifest(t.Context(), id); !errors.Is(err, library.ErrNotReady) {
		t.Errorf("with an empty draft: %v, want ErrNotReady", err)
	}
	draft := film("a", 1, false)
	h.Draft(id, draft)
	if got, err := h.Manifest(t.Context(), id); err != nil || got != draft || !h.video(id).Playable {
		t.Errorf("Manifest = %p, %v; want the draft %p", got, err, draft)
	}
	h.must(h.Fail(t.Context(), id, "broken", "The file is broken."))
	if _, err := h.Manifest(t.Context(), id); !errors.Is(err, library.ErrFailed) {
		t.Errorf("after it failed: %v, want ErrFailed", err)
	}
}

func TestAFailureIsDurableAndKeepsItsWords(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("a")
	h.Progress(id, "prepare", 0.25)
	h.must(h.Fail(t.Context(), id, "not_a_video", "This is not a video."))
	want := h.video(id)
	if want.State != library.Failed || *want.Problem != (library.Problem{Code: "not_a_video", Message: "This is not a video."}) {
		t.Errorf("failed: %+v", want)
	}
	h.restart()
	if diff := cmp.Diff(want, h.video(id)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if err := h.Publish(t.Context(), id, film("a", 1, true), nil); !errors.Is(err, library.ErrState) {
		t.Errorf("Publish: %v, want ErrState", err)
	}
}

func TestWhatTheDiskRefusedDoesNotShow(t *testing.T) {
	for name, f := range map[string]fault{"not stored": notStored, "stored, yet an error": storedYetError} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			arriving, processing, ready := h.received("a"), h.accepted("b"), h.ready("c")
			h.records.fault = func(op, _ string) fault {
				if op == "delete" {
					return none
				}
				return f
			}
			if _, _, err := h.Accept(t.Context(), arriving, 1, chunk.Ref{1}); !errors.Is(err, errDisk) {
				t.Errorf("Accept: %v", err)
			}
			if err := h.Publish(t.Context(), processing, film("b", 1, true), nil); !errors.Is(err, errDisk) {
				t.Errorf("Publish: %v", err)
			}
			if err := h.Trash(t.Context(), ready); !errors.Is(err, errDisk) {
				t.Errorf("Trash: %v", err)
			}
			if _, err := h.Rename(t.Context(), ready, "other"); !errors.Is(err, errDisk) {
				t.Errorf("Rename: %v", err)
			}
			for id, want := range map[manifest.VideoID]library.State{
				arriving: library.Receiving, processing: library.Processing, ready: library.Ready,
			} {
				if got := h.video(id); got.State != want || got.Title == "other" {
					t.Errorf("%s: state %s, title %q; want %s", id, got.State, got.Title, want)
				}
			}
			if h.records.rows[string(arriving)] != nil {
				t.Error("a file that was refused is in the records")
			}
		})
	}
}

func TestFailedVideoIsTakenUpAgain(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("a")
	if err := h.Retry(t.Context(), id); !errors.Is(err, library.ErrState) {
		t.Errorf("while processing: %v", err)
	}
	h.Progress(id, library.StagePrepare, 0.5)
	if err := h.Fail(t.Context(), id, "killed", "no"); err != nil {
		t.Fatal(err)
	}
	other := h.accepted("a")
	if err := h.Retry(t.Context(), id); !errors.Is(err, library.ErrDuplicate) {
		t.Errorf("beside another video of the same file: %v", err)
	}
	if err := h.Purge(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := h.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	v := h.video(id)
	if v.State != library.Processing || v.Problem != nil || v.Progress != 0 || v.Stage != library.StageCheck {
		t.Errorf("%+v", v)
	}
	h.restart()
	if ids := h.Unfinished(); len(ids) != 1 || ids[0] != id {
		t.Errorf("unfinished after a restart: %v", ids)
	}
	if err := h.Retry(t.Context(), "none"); !errors.Is(err, library.ErrNotFound) {
		t.Error(err)
	}
}
