package library_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/manifest"
)

func TestStoryboardAndChaptersOutliveARestart(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	m := film("a", 3, true)
	m.Chapters = []manifest.Chapter{{Title: "One"}, {Start: time.Second, Title: "Two"}}
	m.Storyboard = &manifest.Storyboard{Image: *m.Poster, Width: 160, Height: 90, Columns: 1, Count: 1, Interval: time.Second}
	h.publish(id, m)
	want := h.video(id)
	if !want.Storyboard || len(want.Chapters) != 2 || want.Chapters[1].Title != "Two" {
		t.Errorf("published again: %+v", want)
	}
	h.restart()
	if diff := cmp.Diff(want, h.video(id)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}

func TestVideoThatIsPublishedOftenKeepsASmallRecord(t *testing.T) {
	h := newHouse(t)
	id := h.ready("a")
	m := film("a", 3, true)
	size := 0
	for i := range 300 {
		m.Duration += time.Millisecond
		h.publish(id, m)
		if i == 100 {
			size = len(h.records.rows[string(id)])
		}
	}
	if now := len(h.records.rows[string(id)]); now > size+100 {
		t.Errorf("%d bytes after 300 times, %d after 100", now, size)
	}
}
