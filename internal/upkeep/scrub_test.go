package upkeep_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/upkeep"
)

// fill puts n chunks of 100 bytes that a video needs.
func (h *house) fill(n int) (refs []chunk.Ref) {
	for i := range n {
		refs = append(refs, h.store.add(h.t, fmt.Sprintf("%0100d", i), 0))
	}
	h.library.add("film", refs...)
	slices.SortFunc(refs, func(a, b chunk.Ref) int { return bytes.Compare(a[:], b[:]) })
	return refs
}

func TestScrubReadsAllOnceAMonth(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		refs := h.fill(20)
		h.start()
		next := h.keeper.Scrubbing().Next
		if from := time.Until(next); from < 25*day || from > 35*day {
			t.Errorf("the first one begins in %s, want 25 to 35 days", from)
		}
		h.pass(24 * day)
		if got := h.store.verified(); len(got) > 0 {
			t.Errorf("%d chunks were read early", len(got))
		}
		h.start() // A new start does not put it off.
		if got := h.keeper.Scrubbing().Next; !got.Equal(next) {
			t.Errorf("the next one is at %s, want %s", got, next)
		}
		h.pass(12 * day)
		if got := h.store.verified(); !slices.Equal(got, refs) {
			t.Errorf("%d chunks were read, want 20 in order", len(got))
		}
		s := h.keeper.Scrubbing()
		if s.Running || s.Checked != 20 || s.CheckedBytes != 2000 || s.Damaged != 0 || s.Finished.IsZero() {
			t.Errorf("%+v", s)
		}
		if from := s.Next.Sub(s.Finished); from < 25*day || from > 35*day {
			t.Errorf("the next one begins after %s, want 25 to 35 days", from)
		}
	})
}

func TestScrubKeepsToItsRate(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.cfg.ScrubRate = 100
		// The first 1 MiB comes at once, so more than that is needed.
		for i := range 4 {
			h.store.add(t, strings.Repeat(fmt.Sprint(i), 600_000), 0)
		}
		h.start()
		begun := time.Now()
		h.keeper.Scrub()
		for h.keeper.Scrubbing().Running {
			h.pass(time.Minute)
		}
		want := time.Duration((2_400_000 - chunk.MaxSize) / 100 * float64(time.Second))
		if took := time.Since(begun); took < want || took > want+2*time.Minute {
			t.Errorf("took %s, want %s", took, want)
		}
	})
}

func TestScrubThatIsAskedForBeginsAtOnceAndTellsHowFarItIs(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.cfg.ScrubRate = 100_000
		for i := range 4 {
			h.store.add(t, strings.Repeat(fmt.Sprint(i), 600_000), 0)
		}
		h.start()
		if s := h.keeper.Scrub(); !s.Running || s.Chunks != 4 || s.Checked != 0 {
			t.Errorf("at the begin: %+v", s)
		}
		h.pass(time.Second)
		// Once more joins it.
		s := h.keeper.Scrub()
		if s.Checked == 0 || !s.Running || h.warning("scrub") == "" {
			t.Errorf("on the way: %+v, %v", s, h.keeper.Warnings())
		}
		h.pass(time.Hour)
		if s := h.keeper.Scrubbing(); s.Running || s.Checked != 4 || h.warning("scrub") != "" {
			t.Errorf("at the end: %+v, %v", s, h.keeper.Warnings())
		}
		if got := len(h.store.verified()); got != 4 {
			t.Errorf("%d chunks were read, want each once", got)
		}
		h.keeper.Scrub()
		h.pass(time.Hour)
		if got := len(h.store.verified()); got != 8 {
			t.Errorf("%d chunks were read, want each twice", got)
		}
	})
}

func TestScrubGoesOnAfterARestart(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.cfg.ScrubRate = 1000
		for i := range 4 {
			h.store.add(t, strings.Repeat(fmt.Sprint(i), 600_000), 0)
		}
		h.start()
		h.keeper.Scrub()
		h.pass(5 * time.Minute)
		before := len(h.store.verified())
		h.start()
		h.pass(day)
		got := h.store.verified()
		if before == 0 || before == 4 || len(got) != 4 {
			t.Errorf("%d chunks were read before, %d in all, want 4 in all", before, len(got))
		}
		if s := h.keeper.Scrubbing(); s.Running || s.Checked != 4 || s.CheckedBytes != 2_400_000 {
			t.Errorf("%+v", s)
		}
	})
}

func TestScrubFindsEveryDamagedChunkAndNamesItsVideos(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		refs := h.fill(300)
		h.library.add("other", refs[0])
		h.library.add("whole", refs[299])
		for _, ref := range refs[:100] {
			h.store.Corrupt(ref)
		}
		h.start()
		h.keeper.Scrub()
		h.pass(time.Minute)
		if s := h.keeper.Scrubbing(); s.Running || s.Damaged != 100 || s.Checked != 300 {
			t.Errorf("%+v", s)
		}
		text := h.warning("videos_damaged")
		if !strings.Contains(text, "“film”, “other”") || strings.Contains(text, "“whole”") || !strings.Contains(text, "2 videos") {
			t.Errorf("warnings are %v", h.keeper.Warnings())
		}
		if log := h.log.String(); !strings.Contains(log, "title=film chunks=100") || !strings.Contains(log, "title=other chunks=1") {
			t.Errorf("the log says %s", log)
		}
		// The warning outlives the process, and goes when the chunks are back.
		h.start()
		h.pass(time.Second)
		if h.warning("videos_damaged") == "" {
			t.Error("nothing is said after a restart")
		}
		for i := range 300 {
			h.store.add(t, fmt.Sprintf("%0100d", i), 0)
		}
		h.pass(2 * time.Minute)
		if got := h.keeper.Warnings(); len(got) > 0 {
			t.Errorf("warnings are %v", got)
		}
	})
}

func TestScrubGoesOnPastWhatTheDiskCannotRead(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		refs := h.fill(10)
		h.store.broken = map[chunk.Ref]error{refs[3]: errors.New("input/output error"), refs[4]: fmt.Errorf("gone: %w", chunk.ErrNotFound)}
		h.start()
		h.keeper.Scrub()
		h.pass(time.Minute)
		if s := h.keeper.Scrubbing(); s.Running || s.Unreadable != 1 || s.Damaged != 0 || s.Checked != 9 {
			t.Errorf("%+v", s)
		}
		if h.warning("scrub") == "" {
			t.Errorf("warnings are %v", h.keeper.Warnings())
		}
	})
}

func TestMissingChunksAreFoundSoonAfterARestore(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		there := h.store.add(t, "there", 0)
		var many []string
		for i := range 7 {
			name := fmt.Sprintf("film %d", i)
			h.library.add(name, there, chunk.Sum([]byte(name)))
			many = append(many, name)
		}
		h.library.add("whole", there)
		h.library.change(h.library.add("in work", chunk.Sum([]byte("x"))), func(c *upkeep.Contents) { c.Draft = true })
		h.cfg.Restored = time.Now()
		h.start()
		text := h.warning("videos_damaged")
		if !strings.Contains(text, "7 videos") || !strings.Contains(text, "“film 4”, and 2 more") || strings.Contains(text, "in work") {
			t.Errorf("the warning is %q", text)
		}
		// The next start looks at once, since something was missing at the last.
		h.cfg.Restored = time.Time{}
		h.start()
		if got := h.warning("videos_damaged"); got != text {
			t.Errorf("after a restart the warning is %q", got)
		}
		for _, name := range many {
			if err := h.keeper.Purge(t.Context(), h.library.add(name)); err != nil {
				t.Fatal(err)
			}
		}
		h.pass(time.Second)
		if got := h.keeper.Warnings(); len(got) > 0 {
			t.Errorf("warnings are %v", got)
		}
	})
}

func TestChunkThatWentBadWhilePlayingIsNamedWithinTwoMinutes(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		refs := h.fill(3)
		h.start()
		h.pass(time.Hour)
		h.store.Corrupt(refs[1])
		if err := h.store.Verify(t.Context(), refs[1]); !errors.Is(err, chunk.ErrCorrupt) {
			t.Fatal(err)
		}
		h.pass(2 * time.Minute)
		if !strings.Contains(h.warning("videos_damaged"), "1 video is missing or went bad, so that it does not play whole: “film”") {
			t.Errorf("warnings are %v", h.keeper.Warnings())
		}
	})
}
