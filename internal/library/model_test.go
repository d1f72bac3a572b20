package library_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// model is what must hold whatever the nodes do, and in which order they hear of it.
type model struct {
	ready, purged map[manifest.VideoID]bool
	// texts are those that were added and not removed, of each video.
	texts map[manifest.VideoID]map[string]bool
	ids   []manifest.VideoID
	count int
}

func TestNodesThatHeardAllAgreeAndNothingAcknowledgedIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFleet(t, rt, "ann", "ben", "cyd")
		m := &model{ready: map[manifest.VideoID]bool{}, purged: map[manifest.VideoID]bool{}, texts: map[manifest.VideoID]map[string]bool{}}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			m.step(rt, f)
		}
		f.meet()
		f.agree()
		m.check(rt, f)
	})
}

func (m *model) step(rt *rapid.T, f *fleet) {
	ctx := f.ctx
	at := rapid.IntRange(0, len(f.nodes)-1).Draw(rt, "node")
	r := f.nodes[at]
	op := rapid.SampledFrom([]string{"add", "add", "ready", "ready", "text", "text", "untext", "rename", "trash", "restore", "purge", "fail", "retry",
		"meet", "meet", "meet", "follow", "follow", "restart"}).Draw(rt, "operation")
	switch op {
	case "add":
		m.count++
		m.ids = append(m.ids, r.accepted(fmt.Sprint("film ", m.count)))
		return
	case "meet":
		f.exchange(r, f.nodes[(at+rapid.IntRange(1, len(f.nodes)-1).Draw(rt, "other"))%len(f.nodes)])
		return
	case "follow":
		r.FollowOnce(ctx)
		return
	case "restart":
		if r.FollowOnce(ctx) { // what is still to be done is known to the process alone
			r.start()
		}
		return
	}
	if len(m.ids) == 0 {
		return
	}
	id := m.ids[rapid.IntRange(0, len(m.ids)-1).Draw(rt, "video")]
	switch op {
	case "ready":
		if v, err := r.Get(id); err == nil && v.State == library.Processing {
			made := film(string(id), 3, true)
			if err := r.Publish(ctx, id, made, r.keep(made)); err == nil {
				m.ready[id] = true
			} else if !errors.Is(err, library.ErrElsewhere) {
				rt.Errorf("publish: %v", err)
			}
		}
	case "text":
		m.count++
		name := fmt.Sprint("sub", m.count)
		if r.addText(id, name) == nil {
			if m.texts[id] == nil {
				m.texts[id] = make(map[string]bool)
			}
			m.texts[id][name] = true
		}
	case "untext":
		if v, err := r.Get(id); err == nil && v.State == library.Ready {
			if texts := r.texts(id); len(texts) > 0 && r.removeText(id, texts[0]) == nil {
				delete(m.texts[id], texts[0])
			}
		}
	case "rename":
		_, _ = r.Rename(ctx, id, fmt.Sprint("title ", m.count))
	case "trash":
		_ = r.Trash(ctx, id)
	case "restore":
		_, _ = r.Restore(ctx, id)
	case "purge":
		if r.Purge(ctx, id) == nil {
			m.purged[id] = true
		}
	case "fail":
		_ = r.Fail(ctx, id, "killed", "No.")
	case "retry":
		_ = r.Retry(ctx, id)
	}
}

func (m *model) check(rt *rapid.T, f *fleet) {
	r := f.nodes[0]
	for _, id := range m.ids {
		v, err := r.Get(id)
		if gone := errors.Is(err, library.ErrNotFound); gone != m.purged[id] {
			rt.Errorf("video %s: %v, purged %v", id, err, m.purged[id])
		}
		if err != nil {
			continue
		}
		if v.State == library.Trashed {
			v, err = r.Restore(f.ctx, id)
			r.must(err)
		}
		if (v.State == library.Ready) != m.ready[id] {
			rt.Errorf("video %s is %s, ready before %v", id, v.State, m.ready[id])
		}
		if !m.ready[id] {
			continue
		}
		// A text that one removed and another one's record still had may be there again.
		texts := r.texts(id)
		for name := range m.texts[id] {
			if !slices.Contains(texts, name) {
				rt.Errorf("video %s has lost %s of %v, it has %v", id, name, m.texts[id], texts)
			}
		}
	}
}

func TestWhatShowsIsWhatIsStoredWhileRecordsStreamIn(t *testing.T) {
	f, ann, ben := pair(t)
	var ids []manifest.VideoID
	for i := range 8 {
		ids = append(ids, ben.ready(fmt.Sprint("film ", i)))
	}
	f.meet()
	ctx, stop := context.WithCancel(t.Context())
	var hands, running sync.WaitGroup
	var mu sync.Mutex
	added := make(map[manifest.VideoID][]string)
	for _, r := range f.nodes {
		running.Go(func() { r.must(r.Run(ctx)) })
		for hand := range 3 {
			hands.Go(func() {
				for i := range 30 {
					id := ids[(i*3+hand)%len(ids)]
					_, _ = r.Rename(ctx, id, fmt.Sprint(r.name, hand, i))
					switch i % 5 {
					case 0:
						if name := fmt.Sprintf("s%s%dx%d", r.name, hand, i); r.addText(id, name) == nil {
							mu.Lock()
							added[id] = append(added[id], name)
							mu.Unlock()
						}
					case 1:
						_ = r.Trash(ctx, id)
					case 2, 3:
						_, _ = r.Restore(ctx, id)
					}
				}
			})
		}
	}
	for range 2 {
		hands.Go(func() {
			for range 40 {
				f.exchange(ann, ben)
			}
		})
	}
	hands.Wait()
	stop()
	running.Wait()
	f.meet()
	f.agree()
	for _, r := range f.nodes {
		for _, id := range ids {
			if _, err := r.Restore(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}
	f.meet()
	f.agree()
	for id, names := range added {
		slices.Sort(names)
		if got := ann.texts(id); !slices.Equal(got, names) {
			t.Errorf("texts %v, want %v", got, names)
		}
	}
	t.Logf("%d videos got texts", len(added))
}

func TestRecordsOfAnEarlierVersionMoveToTheSharedOnes(t *testing.T) {
	f, ann, ben := pair(t)
	now := film("old", 3, true)
	at := ann.keep(now)
	older := chunk.Info{Ref: chunk.Sum([]byte("older")), Size: 9}
	list := func(infos ...chunk.Info) string {
		text := ""
		for i, info := range infos {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf(`{"ref":"%s","size":%d}`, info.Ref, info.Size)
		}
		return "[" + text + "]"
	}
	ids := make([]manifest.VideoID, 7)
	for i := range ids {
		ids[i] = manifest.VideoID(string(rune('b'+i)) + "aaaaaaaaaaaaaaaaaaaaaaaaa")
	}
	old := func(id manifest.VideoID, rest string) []byte {
		return []byte(fmt.Sprintf(`{"version":1,"id":"%s","title":"Named by hand","size":1,"created":"2026-03-01T12:00:00Z","source_name":"old.mkv","source_sha256":"%s",%s}`,
			id, chunk.Sum([]byte(id)), rest))
	}
	ready, trashed, undated, processing, failed, purged, halfPurged := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6]
	manifests := `"stage":"done","manifest":` + list(at...) + `,"superseded":` + list(older)
	ann.local.rows[string(ready)] = old(ready, `"state":"ready",`+manifests)
	ann.local.rows[string(trashed)] = old(trashed, `"state":"trashed","was":"ready","trashed":"2026-02-01T12:00:00Z",`+manifests)
	ann.local.rows[string(undated)] = old(undated, `"state":"trashed","was":"failed","stage":"check","problem":{"code":"c","message":"m"}`)
	ann.local.rows[string(processing)] = old(processing, `"state":"processing","stage":"check"`)
	ann.local.rows[string(failed)] = old(failed, `"state":"failed","stage":"check","problem":{"code":"c","message":"m"}`)
	ann.local.rows[string(halfPurged)] = old(halfPurged, `"state":"ready",`+manifests)
	for _, id := range []manifest.VideoID{purged, halfPurged} {
		ann.local.purged[string(id)] = []byte(`{"version":1,"manifest":` + list(at...) + `,"superseded":` + list(older) + `}`)
	}
	bad := []byte(`{"version":1,"id":"x"}`)
	ann.local.rows[someID] = bad
	for range 2 { // the second time there is nothing left to move
		ann.start()
		if n := len(ann.local.rows); n != 1 || string(ann.local.rows[someID]) != string(bad) || len(ann.local.purged) > 0 {
			t.Errorf("left are %q, %q", ann.local.rows, ann.local.purged)
		}
		if n := ann.Totals().Unreadable; n != 1 {
			t.Errorf("%d are unreadable", n)
		}
		states := map[manifest.VideoID]library.State{}
		for id, v := range ann.videos() {
			states[id] = v.State
			if v.Title != "Named by hand" || v.Node != "ann" || v.SourceSHA256 != chunk.Sum([]byte(id)) {
				t.Errorf("%+v", v)
			}
		}
		want := map[manifest.VideoID]library.State{
			ready: library.Ready, halfPurged: library.Ready, trashed: library.Trashed, undated: library.Trashed,
			processing: library.Processing, failed: library.Failed,
		}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := refs(ann.PurgedContents(t.Context(), purged)); len(got) != 7 || got[5] != older.Ref {
			t.Errorf("the purged one was made of %d chunks", len(got))
		}
	}
	f.meet()
	f.agree()
	if got := ben.Unfinished(); len(got) > 0 {
		t.Errorf("ben is to prepare %v", got)
	}
	if got := ann.Unfinished(); !slices.Equal(got, []manifest.VideoID{processing}) {
		t.Errorf("ann is to prepare %v", got)
	}
	before := time.Date(2026, 2, 15, 0, 0, 0, 0, time.UTC)
	if got, err := ben.PurgeTrashed(t.Context(), before); err != nil || !slices.Equal(got, []manifest.VideoID{trashed}) {
		t.Errorf("purged %v, %v", got, err)
	}
	// What was renamed and published since stays so when an old record is met again.
	ann.must(second(ann.Rename(t.Context(), ready, "Newer")))
	ann.must(ann.addText(ready, "sub1"))
	ann.local.rows[string(ready)] = old(ready, `"state":"ready",`+manifests)
	ann.start()
	if v := ann.video(ready); v.Title != "Newer" || len(ann.texts(ready)) != 1 {
		t.Errorf("%+v", v)
	}
	f.meet()
	f.agree()
}
