package library_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

// titles walks through all pages of a listing.
func (h *house) titles(q library.Query) []string {
	h.t.Helper()
	var titles []string
	for range 1000 {
		page, err := h.List(q)
		h.must(err)
		for _, v := range page.Videos {
			titles = append(titles, v.Title)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return titles
		}
	}
	h.t.Fatal("the listing has no end")
	return nil
}

func TestListSortsAndFilters(t *testing.T) {
	h := newHouse(t)
	for i, name := range []string{"beta.mp4", "Alpha Wave.mp4", "gamma.mp4", "wave.alpha.mkv"} {
		m := film(name, 1, true)
		m.Duration = []time.Duration{2, 4, 1, 3}[i] * time.Minute
		h.publish(h.accepted(name), m)
	}
	h.accepted("processing.mp4")
	h.must(h.Trash(t.Context(), h.ready("trashed.mp4")))
	for name, c := range map[string]struct {
		query library.Query
		want  []string
	}{
		"newest first":      {library.Query{}, []string{"processing", "wave alpha", "gamma", "Alpha Wave", "beta"}},
		"by title":          {library.Query{Sort: "title"}, []string{"Alpha Wave", "beta", "gamma", "processing", "wave alpha"}},
		"longest first":     {library.Query{Sort: "duration", State: "ready"}, []string{"Alpha Wave", "wave alpha", "beta", "gamma"}},
		"one state":         {library.Query{State: "processing"}, []string{"processing"}},
		"the trash":         {library.Query{State: "trashed"}, []string{"trashed"}},
		"words in any case": {library.Query{Text: " WAVE alpha"}, []string{"wave alpha", "Alpha Wave"}},
		"the file's name":   {library.Query{Text: ".mkv"}, []string{"wave alpha"}},
		"nothing":           {library.Query{Text: "omega"}, nil},
	} {
		for _, limit := range []int{0, 1, 2, 5} {
			c.query.Limit = limit
			if diff := cmp.Diff(c.want, h.titles(c.query)); diff != "" {
				t.Errorf("%s, limit %d (-want +got):\n%s", name, limit, diff)
			}
		}
	}
}

func TestListRefusesQueriesThatMakeNoSense(t *testing.T) {
	h := newHouse(t)
	for range 3 {
		h.received("a")
	}
	page, err := h.List(library.Query{Limit: 1})
	h.must(err)
	for _, q := range []library.Query{
		{Sort: "size"}, {State: "gone"}, {Limit: -1}, {Limit: 1001},
		{Cursor: "!"}, {Cursor: "e30"}, {Cursor: page.Next, Sort: "title"},
	} {
		if _, err := h.List(q); !errors.Is(err, library.ErrQuery) {
			t.Errorf("List(%+v): %v, want ErrQuery", q, err)
		}
	}
}

func TestPagesStayTrueWhileVideosComeAndGo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, sort := range []library.Sort{library.SortNew, library.SortTitle, library.SortDuration} {
		h := newHouse(t)
		var stay, leave []manifest.VideoID
		for i := range 40 {
			id := h.received(fmt.Sprintf("%c film", 'a'+random.IntN(4)))
			if i%2 == 0 {
				stay = append(stay, id)
			} else {
				leave = append(leave, id)
			}
		}
		var seen []manifest.VideoID
		for q := (library.Query{Sort: sort, Limit: 3}); ; {
			page, err := h.List(q)
			h.must(err)
			for _, v := range page.Videos {
				seen = append(seen, v.ID)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
			h.received("b new")
			h.Forget(leave[0])
			leave = leave[1:]
		}
		for _, id := range stay {
			if n := len(slices.DeleteFunc(slices.Clone(seen), func(s manifest.VideoID) bool { return s != id })); n != 1 {
				t.Errorf("%s: a video that stayed was listed %d times", sort, n)
			}
		}
	}
}

func FuzzListTakesAnyCursor(f *testing.F) {
	f.Add("e30")
	f.Add("eyJzIjoibmV3IiwibiI6LTEsInQiOiIiLCJpIjoiYSJ9")
	f.Add("====")
	f.Fuzz(func(t *testing.T, cursor string) {
		h := newHouse(t)
		h.received("a")
		page, err := h.List(library.Query{Cursor: cursor})
		if err != nil && !errors.Is(err, library.ErrQuery) {
			t.Errorf("List: %v", err)
		}
		if len(page.Videos) > 1 || page.Next != "" {
			t.Errorf("List = %+v", page)
		}
	})
}
