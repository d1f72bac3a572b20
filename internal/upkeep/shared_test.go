package upkeep_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/upkeep"
)

func always() bool { return true }

func TestPurgedVideoSparesWhatAnotherNodeMayRelyOn(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.cfg.Shared = always
		old, young := h.store.add(t, "old", time.Hour), h.store.add(t, "young", 9*time.Minute)
		listing := h.store.add(t, "manifest", time.Hour)
		id := h.library.add("film", old, young, listing)
		h.library.change(id, func(c *upkeep.Contents) { c.Stored = []chunk.Info{{Ref: listing, Size: 1}} })
		h.start()
		if err := h.library.Purge(t.Context(), id); err != nil { // on another node
			t.Fatal(err)
		}
		h.pass(2 * time.Minute)
		h.lacks(old)
		h.holds(young, listing)
		if left := h.library.Purged(); len(left) > 0 {
			t.Errorf("not cleared: %v", left)
		}
		h.pass(3 * day)
		h.lacks(young, listing)
	})
}

func TestNothingGoesThatWasPutSinceAnImportOnAnotherNodeBegan(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.cfg.Shared = always
		h.library.oldest = time.Now().Add(-2 * day)
		before, since := h.store.add(t, "before", 3*day), h.store.add(t, "since", 2*day-time.Minute)
		garbage, relied := h.store.add(t, "garbage", 4*day), h.store.add(t, "relied on", 47*time.Hour)
		id := h.library.add("film", before, since)
		h.start()
		if err := h.keeper.Purge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Hour)
		h.lacks(before, garbage)
		h.holds(since, relied)
		h.library.mu.Lock()
		h.library.oldest = time.Time{}
		h.library.mu.Unlock()
		h.pass(day)
		h.lacks(since, relied)
	})
}

func TestNoVideoIsReadToClearWhatIsNotHere(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.cfg.Shared = always
		id := h.library.add("film", chunk.Sum([]byte("elsewhere")))
		h.start()
		if err := h.keeper.Purge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		if h.library.reads > 0 || len(h.library.Purged()) > 0 {
			t.Errorf("%d reads, not cleared are %v", h.library.reads, h.library.Purged())
		}
	})
}

func TestWarningNamesTheVideoForWhichNothingIsDeleted(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		for _, name := range []string{"The 100% Wave", "Dunes"} {
			h.library.change(h.library.add(name), func(c *upkeep.Contents) { c.Err = chunk.ErrNotFound })
		}
		h.start()
		h.pass(15 * time.Minute)
		if got := h.warning("cleanup_stopped"); !strings.Contains(got, "what “Dunes”, “The 100% Wave” are made of") {
			t.Errorf("the warning is %q", got)
		}
		h.library.mu.Lock()
		clear(h.library.videos)
		h.library.unknown = errors.New("a row cannot be read")
		h.library.mu.Unlock()
		h.pass(2 * day)
		if got := h.warning("cleanup_stopped"); !strings.Contains(got, "Update this node") {
			t.Errorf("the warning is %q", got)
		}
	})
}

func TestWhatOtherNodesHoldIsNotMissed(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		theirs, ours, nobodys := chunk.Sum([]byte("theirs")), chunk.Sum([]byte("ours")), chunk.Sum([]byte("nobody's"))
		h.library.add("film", theirs, ours)
		h.cfg.Holds = func(ref chunk.Ref) bool { return ref != theirs }
		h.cfg.Find = func(_ context.Context, ref chunk.Ref) (chunk.Info, error) { // ours is on its way here
			if ref == nobodys {
				return chunk.Info{}, chunk.ErrNotFound
			}
			return chunk.Info{Ref: ref, Size: 1}, nil
		}
		h.start()
		h.pass(15 * time.Minute)
		if got := h.warning("videos_damaged"); got != "" || !strings.Contains(h.log.String(), "lacking=1") {
			t.Errorf("the warning is %q, the log %s", got, h.log)
		}
		h.library.add("lost", nobodys)
		h.pass(day)
		if got := h.warning("videos_damaged"); !strings.Contains(got, "“lost”") || strings.Contains(got, "film") {
			t.Errorf("the warning is %q", got)
		}
	})
}

// healer brings chunks back whose text it knows.
type healer struct {
	house *house
	texts map[chunk.Ref]string

	mu    sync.Mutex
	asked []chunk.Ref // guarded by mu
}

func (hl *healer) heal(ctx context.Context, ref chunk.Ref) error {
	hl.mu.Lock()
	hl.asked = append(hl.asked, ref)
	hl.mu.Unlock()
	text, known := hl.texts[ref]
	if !known {
		<-ctx.Done() // a node that says nothing
		return ctx.Err()
	}
	hl.house.store.add(hl.house.t, text, 0)
	return nil
}

func TestDamagedChunkIsHealedByAnotherNode(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		bad, lost, surplus := h.store.add(t, "bad", 0), h.store.add(t, "lost", 0), h.store.add(t, "surplus", 0)
		good := h.store.add(t, "good", 0)
		h.library.add("film", bad, lost, surplus, good)
		hl := &healer{house: h, texts: map[chunk.Ref]string{bad: "bad", surplus: "surplus"}}
		h.cfg.Heal = hl.heal
		h.cfg.Holds = func(ref chunk.Ref) bool { return ref != surplus }
		h.start()
		for _, ref := range []chunk.Ref{bad, lost, surplus} {
			h.store.Corrupt(ref)
		}
		h.keeper.Scrub()
		h.pass(time.Hour)
		if s := h.keeper.Scrubbing(); s.Damaged != 3 || s.Healed != 1 || s.Checked != 4 {
			t.Errorf("%+v", s)
		}
		chunktest.Holds(t, h.store, []byte("bad"))
		h.lacks(lost, surplus)
		if got := h.warning("videos_damaged"); !strings.Contains(got, "“film”") {
			t.Errorf("the warning is %q", got)
		}
	})
}

func TestChunkThatWentBadWhilePlayingIsHealed(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		bad := h.store.add(t, "bad", 0)
		h.library.add("film", bad)
		hl := &healer{house: h, texts: map[chunk.Ref]string{bad: "bad"}}
		h.cfg.Heal = hl.heal
		h.start()
		h.pass(time.Minute)
		h.store.Corrupt(bad)
		_ = h.store.Verify(t.Context(), bad) // as a reader finds it
		h.pass(3 * time.Minute)
		chunktest.Holds(t, h.store, []byte("bad"))
		if len(hl.asked) != 1 || h.warning("videos_damaged") != "" {
			t.Errorf("asked for %v, warnings are %v", hl.asked, h.keeper.Warnings())
		}
	})
}

func TestNeededIsWhatVideosAndImportsAreMadeOf(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		needed, claimed, garbage := h.store.add(t, "needed", 0), h.store.add(t, "claimed", 0), h.store.add(t, "garbage", 0)
		h.library.add("film", needed)
		h.imports.held[claimed] = true
		h.start()
		ask := func() (has map[chunk.Ref]bool, err error) {
			has = make(map[chunk.Ref]bool)
			err = h.keeper.Needed(t.Context(), func(ref chunk.Ref) { has[ref] = true })
			return has, err
		}
		has, err := ask()
		if err != nil || !has[needed] || !has[claimed] || has[garbage] {
			t.Errorf("needed %v, claimed %v, garbage %v, %v", has[needed], has[claimed], has[garbage], err)
		}
		h.library.change(h.library.add("bad"), func(c *upkeep.Contents) { c.Err = chunk.ErrNotFound })
		if has, err = ask(); !errors.Is(err, chunk.ErrNotFound) || !has[needed] {
			t.Errorf("with a video that cannot be read: %v, needed %v", err, has[needed])
		}
	})
}
