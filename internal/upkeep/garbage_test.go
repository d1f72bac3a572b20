package upkeep_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/upkeep"
)

const day = 24 * time.Hour

func TestGarbageGoesAfterItsGraceAndNothingElse(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		needed, claimed := h.store.add(t, "needed", 9*day), h.store.add(t, "claimed", 9*day)
		drafted, old, young := h.store.add(t, "drafted", 9*day), h.store.add(t, "old", 9*day), h.store.add(t, "young", time.Hour)
		h.library.add("film", needed)
		h.library.change(h.library.add("new film", drafted), func(c *upkeep.Contents) { c.Draft = true })
		h.imports.held[claimed] = true
		h.start()
		h.holds(old)
		h.pass(15 * time.Minute)
		h.lacks(old)
		h.holds(needed, claimed, drafted, young)
		h.pass(2 * day)
		h.lacks(young)
		h.holds(needed, claimed, drafted)
		if !strings.Contains(h.log.String(), "garbage=1 garbage_bytes=3") {
			t.Errorf("the log has no counts: %s", h.log)
		}
	})
}

func TestNothingIsDeletedWhileAVideoCannotBeRead(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		old, shared := h.store.add(t, "old", 9*day), h.store.add(t, "shared", 9*day)
		bad, purged := h.library.add("bad"), h.library.add("purged", shared)
		h.library.change(bad, func(c *upkeep.Contents) { c.Err = errors.New("no such chunk") })
		h.start()
		if err := h.keeper.Purge(t.Context(), purged); err != nil {
			t.Fatal(err)
		}
		h.pass(3 * day)
		h.holds(old, shared)
		if h.warning("cleanup_stopped") == "" || !strings.Contains(h.log.String(), "no such chunk") {
			t.Errorf("warnings are %v, the log %s", h.keeper.Warnings(), h.log)
		}
		// When that video is gone, all goes on.
		if err := h.keeper.Purge(t.Context(), bad); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.lacks(shared)
		h.pass(day)
		h.lacks(old)
		if got := h.keeper.Warnings(); len(got) > 0 {
			t.Errorf("warnings are %v", got)
		}
	})
}

func TestNothingIsDeletedWhileThereMayBeMoreVideos(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		old := h.store.add(t, "old", 9*day)
		h.library.unknown = errors.New("a row cannot be read")
		h.start()
		h.pass(3 * day)
		h.holds(old)
		if h.warning("cleanup_stopped") == "" {
			t.Errorf("warnings are %v", h.keeper.Warnings())
		}
	})
}

func TestNothingIsDeletedSoonAfterARestore(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		old := h.store.add(t, "old", 9*day)
		h.cfg.Restored = time.Now()
		h.start()
		h.pass(6 * day)
		h.holds(old)
		h.pass(2 * day)
		h.lacks(old)
	})
}

func TestPurgedVideoGivesItsSpaceBackAtOnceExceptWhatOthersNeed(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		own, shared := h.store.add(t, "own", 0), h.store.add(t, "shared", 0)
		imported, manifestChunk := h.store.add(t, "imported", 0), h.store.add(t, "manifest", 0)
		id := h.library.add("film", own, shared, imported, own, manifestChunk)
		h.library.add("other", shared)
		h.imports.held[imported] = true
		h.start()
		if err := h.keeper.Purge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.lacks(own, manifestChunk)
		h.holds(shared, imported)
		if left := h.library.Purged(); len(left) > 0 {
			t.Errorf("not cleared: %v", left)
		}
	})
}

func TestPurgeThatWasInterruptedIsFinishedAtTheNextStart(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		own := h.store.add(t, "own", 0)
		id := h.library.add("film", own)
		if err := h.library.Purge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		// The note of another purge was written, and the video stayed.
		kept := h.store.add(t, "kept", 0)
		alive := h.library.add("alive", kept)
		h.library.purged[alive] = h.library.videos[alive]
		h.start()
		h.lacks(own)
		h.holds(kept)
		if left := h.library.Purged(); len(left) > 0 {
			t.Errorf("not cleared: %v", left)
		}
	})
}

func TestPurgedVideoThatCannotBeReadIsClearedWithTheGarbage(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		known, unknown := h.store.add(t, "known", 0), h.store.add(t, "unknown", 0)
		id := h.library.add("film", known)
		h.library.change(id, func(c *upkeep.Contents) { c.Err = errors.New("no manifest") })
		h.start()
		if err := h.keeper.Purge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Second)
		h.lacks(known)
		h.holds(unknown)
		h.pass(3 * day)
		h.lacks(unknown)
	})
}

func TestTrashIsEmptiedAfterSevenDaysOrAsSet(t *testing.T) {
	for _, c := range []struct{ set, want time.Duration }{{0, 7 * day}, {time.Hour, time.Hour}} {
		in(t, func(t *testing.T, h *house) {
			h.cfg.TrashFor = c.set
			ref := h.store.add(t, "film", 0)
			id := h.library.add("film", ref)
			h.start()
			h.library.trash(id)
			h.pass(c.want - time.Minute)
			h.holds(ref)
			h.pass(3 * time.Minute)
			h.lacks(ref)
			if h.library.Has(id) {
				t.Error("the video is still there")
			}
		})
	}
}

func TestManyPurgesAreClearedInParts(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		var refs []chunk.Ref
		for i := range 3 {
			ref := h.store.add(t, string(rune('a'+i)), 0)
			refs = append(refs, ref)
			many := make([]chunk.Ref, 150_000)
			for j := range many {
				many[j] = ref
			}
			id := h.library.add(string(rune('a'+i)), many...)
			_ = h.library.Purge(t.Context(), id)
		}
		h.start()
		h.lacks(refs...)
		if h.library.reads != 2 {
			t.Errorf("the library was read %d times, want 2", h.library.reads)
		}
	})
}

func TestPlanKeepsTheLiveAndTheYoung(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cutoff := time.Unix(1000, 0)
		var listed []upkeep.StoredChunk
		var live, want []chunk.Ref
		lacking := 0
		for i := range rapid.IntRange(0, 300).Draw(rt, "chunks") {
			ref := chunk.Sum([]byte{byte(i), byte(i >> 8)})
			needed := rapid.Bool().Draw(rt, "needed")
			age := rapid.IntRange(-2, 2).Draw(rt, "age")
			there := rapid.Bool().Draw(rt, "there")
			if needed {
				live = append(live, ref, ref)
			}
			switch {
			case there:
				listed = append(listed, upkeep.Stored(chunk.Info{Ref: ref, Size: 10}, cutoff.Add(time.Duration(age))))
				if !needed && age < 0 {
					want = append(want, ref)
				}
			case needed:
				lacking++
			}
		}
		p, gotLacking := upkeep.Decide(listed, live, cutoff)
		if !slices.Equal(p.Delete, want) || p.Garbage != int64(len(want)) || p.GarbageBytes != 10*p.Garbage {
			rt.Errorf("deletes %d of %d bytes, want %d", p.Garbage, p.GarbageBytes, len(want))
		}
		if p.Live+p.Young+p.Garbage != int64(len(listed)) || gotLacking != lacking {
			rt.Errorf("counts %+v of %d, lacking %d, want %d", p, len(listed), gotLacking, lacking)
		}
	})
}

func TestMarkTakesAFewBytes(t *testing.T) {
	const million = 1_000_000
	random := rand.NewChaCha8([32]byte{1})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := upkeep.NewMarks()
	var ref chunk.Ref
	for range million {
		_, _ = random.Read(ref[:])
		m.Add(ref)
	}
	m.Seal()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := after.HeapAlloc - before.HeapAlloc; used > 12*million || m.Count() != million {
		t.Errorf("%d marks take %d bytes, want at most 12 each", m.Count(), used)
	}
}
