package rows_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"shoal/internal/rows"
)

func TestEachReadsOneBucketInOrder(t *testing.T) {
	table := open(t, "ann", newMemory(), nil)
	for _, key := range []string{"c", "a", "b", "a/b", "gone"} {
		for _, bucket := range []string{"videos", "videos2", "video"} {
			if err := table.Save(t.Context(), bucket, key, []byte(bucket+" "+key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove(t, table, "gone")
	var keys []string
	err := table.Rows(t.Context(), "videos", func(r *rows.Row) error {
		if string(r.Value) != "videos "+r.Key || r.Writer != "ann" || r.Time == 0 {
			t.Errorf("%s is %q of %s at %d", r.ID, r.Value, r.Writer, r.Time)
		}
		keys = append(keys, r.Key)
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{"a", "a/b", "b", "c"}) {
		t.Errorf("read %q, %v", keys, err)
	}
	enough := errors.New("enough")
	if err := table.Each(t.Context(), "video", func(string, []byte) error { return enough }); err != enough {
		t.Errorf("the visitor's error came back as %v", err)
	}
	if table.Len("videos") != 4 || table.Len("videos2") != 5 || table.Len("none") != 0 || table.Deleted() != 1 {
		t.Error("it counts wrongly")
	}
}

func TestTwoTablesShareAStorage(t *testing.T) {
	storage := newMemory()
	in := func(bucket string) *rows.Table {
		return open(t, "ann", storage, func(c *rows.Config) { c.Bucket = bucket })
	}
	save(t, in("one"), "k", "1")
	save(t, in("two"), "k", "2")
	if a, b := contents(t, in("one"), "videos")["k"], contents(t, in("two"), "videos")["k"]; a != "1" || b != "2" {
		t.Errorf("they have %q and %q", a, b)
	}
}

// at returns a row of ann's for the bucket videos, written at a time.
func at(t *testing.T, key string, time uint64, value string) []byte {
	t.Helper()
	text, err := rows.Sign(person("ann"), rows.ID{Bucket: "videos", Key: key}, time, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAMadWriterCannotUseUpTheTimeOfAll(t *testing.T) {
	ben := open(t, "ben", newMemory(), nil)
	save(t, ben, "mine", "1")
	if n, err := ben.Merge(t.Context(), [][]byte{at(t, "far", 1<<60, "x")}); n != 0 || !errors.Is(err, rows.ErrRefused) {
		t.Errorf("a row of far ahead: %d, %v", n, err)
	}
	now := ben.Now()
	for i := range 100 {
		if _, err := ben.Merge(t.Context(), [][]byte{at(t, "mine", now+1<<40, fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
		if now = ben.Now(); now > uint64(i+3)<<21 {
			t.Fatalf("after %d rows the time is %d", i+1, now)
		}
		save(t, ben, "mine", "2") // and is later all the same
		if got := contents(t, ben, "videos")["mine"]; got != "2" {
			t.Fatalf("what was written last is %q", got)
		}
	}
	// Who was away takes what the others wrote at once, and the record that was fought over after it has seen as many rows.
	cyd := open(t, "cyd", newMemory(), nil)
	save(t, ben, "other", "fine")
	_, _ = tryExchange(cyd, ben)
	if got := contents(t, cyd, "videos")["other"]; got != "fine" {
		t.Errorf("who was away has %q", got)
	}
	for range 300 {
		_, _ = tryExchange(cyd, ben)
	}
	if got := contents(t, cyd, "videos"); !maps.Equal(got, contents(t, ben, "videos")) {
		t.Errorf("who was away has %v", got)
	}
}

func TestRowsOfOneWhoMayNotWriteAnyMoreAreAdopted(t *testing.T) {
	ann, ben := open(t, "ann", newMemory(), nil), open(t, "ben", newMemory(), nil)
	save(t, ann, "before", "1")
	until := ann.Now()
	save(t, ann, "after", "2")
	save(t, ann, "gone", "3")
	remove(t, ann, "gone")
	exchange(t, ben, ann)
	late := func(_ rows.ID, s rows.Stamp) bool { return s.Writer == "ann" && s.Time > until }
	if n, err := ben.Adopt(t.Context(), late); n != 2 || err != nil {
		t.Errorf("adopted %d, %v", n, err)
	}
	if n, err := ben.Adopt(t.Context(), late); n != 0 || err != nil {
		t.Errorf("adopted %d again, %v", n, err)
	}
	cyd := open(t, "cyd", newMemory(), func(c *rows.Config) { c.Verifier = without{members{"ann", "ben", "cyd"}, late} })
	exchange(t, cyd, ben)
	if got, want := contents(t, cyd, "videos"), contents(t, ben, "videos"); !maps.Equal(got, want) || len(got) != 2 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// without refuses what is late.
type without struct {
	members
	late func(rows.ID, rows.Stamp) bool
}

func (w without) Verify(r *rows.Row, signed []byte) error {
	if w.late(r.ID, r.Stamp) {
		return errors.New("not any more")
	}
	return w.members.Verify(r, signed)
}

// trusting signs and believes everything, which is quick.
type trusting struct{}

func (trusting) Writer() string                 { return "ann" }
func (trusting) Sign([]byte) ([]byte, error)    { return nil, nil }
func (trusting) Verify(*rows.Row, []byte) error { return nil }

func TestMoreThanOneExchangeHasRoomForIsSaid(t *testing.T) {
	quick := func(c *rows.Config) { c.Signer, c.Verifier = trusting{}, trusting{} }
	ann, ben := open(t, "ann", newMemory(), quick), open(t, "ben", newMemory(), quick)
	const n = 70_000
	for i := range n {
		save(t, ann, fmt.Sprint(i), "x")
	}
	asked, _ := exchange(t, ben, ann)
	if !asked.More || asked.Taken == 0 || asked.Taken == n {
		t.Fatalf("the first exchange: %+v", asked)
	}
	if asked, _ = exchange(t, ben, ann); asked.More || ben.Len("videos") != n {
		t.Errorf("the second exchange: %+v, %d records", asked, ben.Len("videos"))
	}
}
