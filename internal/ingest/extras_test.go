package ingest_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/test/film"
)

// furnished returns the video when it has a storyboard, and a low rung if low is true.
func (c *catalog) furnished(id manifest.VideoID, low bool) video {
	c.t.Helper()
	return c.await(id, func(v *video) bool {
		if v.state == "failed" {
			return true
		}
		if v.final == nil || v.final.Storyboard == nil {
			return false
		}
		_, has := v.final.Rendition("low")
		return has || !low
	})
}

func TestStoryboardFollowsAReadyVideo(t *testing.T) {
	b := start(t)
	for name, c := range map[string]struct {
		size                 string
		args                 []string
		width, height, count int
	}{
		"wide.mp4":   {"640x360", film.H264(), 160, 90, 4},
		"tall.mp4":   {"180x320", film.H264(), 90, 160, 4},
		"pixels.mp4": {"320x180", append(film.H264(), "-vf", "setsar=2/1"), 160, 44, 4},
		"anew.avi":   {"320x180", []string{"-c:v", "mpeg4", "-c:a", "libmp3lame"}, 160, 90, 4},
	} {
		t.Run(name, func(t *testing.T) {
			id := b.add(film.Make(t, name, []string{"-f", "lavfi", "-i", "testsrc2=r=25:d=7:s=" + c.size}, c.args))
			v := b.catalog.furnished(id, false)
			if v.state != "ready" {
				t.Fatalf("%s %s", v.code, v.message)
			}
			s := v.final.Storyboard
			if s.Width != c.width || s.Height != c.height || s.Count != c.count || s.Columns != c.count || s.Interval < 2*time.Second {
				t.Errorf("%d tiles of %d x %d in %d columns every %s", s.Count, s.Width, s.Height, s.Columns, s.Interval)
			}
			image, err := jpeg.Decode(bytes.NewReader(b.read(s.Image.Chunks)))
			if err != nil {
				t.Fatal(err)
			}
			for i := range s.Count {
				if r, g, blue, _ := image.At(i*s.Width+s.Width/2, s.Height/2).RGBA(); r+g+blue < 0x3000 {
					t.Errorf("tile %d is black", i)
				}
			}
			if text, err := v.final.Encode(); err != nil || !bytes.Equal(text, b.read(v.at)) {
				t.Errorf("the stored manifest is another: %v", err)
			}
		})
	}
	b.clean()
}

func TestGreedyFilmGetsALowRungWithTheSameSegments(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "greedy.mp4", film.Source(1280, 720, 9), film.H264(), []string{"-qp", "12", "-bf", "2", "-preset", "veryfast", "-g", "37"}))
	b.catalog.ended(id)
	b.stop() // at once: the rest follows after the next start
	if left, _ := filepath.Glob(filepath.Join(b.dir, "*.later")); len(left) != 1 {
		t.Logf("noted: %v", left)
	}
	b.run()
	v := b.catalog.furnished(id, true)
	if v.state != "ready" {
		t.Fatalf("%s %s", v.code, v.message)
	}
	source, _ := v.final.Rendition("source")
	low, _ := v.final.Rendition("low")
	if low.Height != 480 || low.Source || !low.Complete || low.TrackID == source.TrackID || low.FrameRate != source.FrameRate {
		t.Errorf("%+v", low)
	}
	if average, _ := low.Bitrate(); average > 1_500_000 {
		t.Errorf("%d bits a second", average)
	}
	if len(low.Segments) != len(source.Segments) {
		t.Fatalf("%d segments, the source has %d", len(low.Segments), len(source.Segments))
	}
	for i := range low.Segments {
		at, want := float64(low.Segments[i].Start)/float64(low.Timescale), float64(source.Segments[i].Start)/float64(source.Timescale)
		if at-want > 0.001 || want-at > 0.001 {
			t.Errorf("segment %d starts at %f, the source's at %f", i, at, want)
		}
	}
	b.clean()
}

func TestExtrasAreWhatAVideoLacks(t *testing.T) {
	rendition := func(id string, kind manifest.Kind, bytes int64, source bool) manifest.Rendition {
		return manifest.Rendition{ID: id, Kind: kind, Source: source, TrackID: len(id), Timescale: 1000,
			Segments: []manifest.Segment{{Blob: manifest.Blob{Size: bytes}, Duration: 4000}, {Blob: manifest.Blob{Size: bytes}, Start: 4000, Duration: 4000}}}
	}
	modest, greedy := rendition("source", manifest.Video, 500_000, true), rendition("source", manifest.Video, 1_000_000, true)
	low, sound := rendition("low", manifest.Video, 1000, false), rendition("audio0", manifest.Audio, 1_000_000, true)
	for name, c := range map[string]struct {
		m          manifest.Manifest
		board, low bool
	}{
		"modest":         {manifest.Manifest{Renditions: []manifest.Rendition{modest, sound}}, true, false},
		"greedy":         {manifest.Manifest{Renditions: []manifest.Rendition{greedy, sound}}, true, true},
		"has a low rung": {manifest.Manifest{Renditions: []manifest.Rendition{low, greedy}}, true, false},
		"has all":        {manifest.Manifest{Renditions: []manifest.Rendition{modest}, Storyboard: &manifest.Storyboard{}}, false, false},
		"sound":          {manifest.Manifest{Renditions: []manifest.Rendition{sound}}, false, false},
	} {
		c.m.Duration = 8 * time.Second
		e := ingest.DecideExtras(&c.m)
		if (e.Storyboard != nil) != c.board || (e.Low != nil) != c.low {
			t.Errorf("%s: storyboard %+v, low %+v", name, e.Storyboard, e.Low)
		}
		if c.low && (e.Low.TrackID != 7 || e.Low.Keys != "0.000,3.998") {
			t.Errorf("%s: track %d, keys %s", name, e.Low.TrackID, e.Low.Keys)
		}
	}
	for length, want := range map[time.Duration]int{time.Millisecond: 1, 5 * time.Second: 3, 2 * time.Hour: 200, 900 * time.Hour: 200} {
		m := manifest.Manifest{Duration: length, Renditions: []manifest.Rendition{modest}}
		if s := ingest.DecideExtras(&m).Storyboard; s.Count > 200 || s.Count < want-1 || length-time.Duration(s.Count)*s.Interval > s.Interval/2 {
			t.Errorf("%s: %d tiles every %s", length, s.Count, s.Interval)
		}
	}
}

func TestExtrasWaitWhileAnImportIsInWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := ingest.NewQueue(1)
		q.PushSpare("old")
		q.PushSoon("new")
		taken := make(chan manifest.VideoID)
		go func() {
			defer close(taken)
			for id, ok := q.TakeSpare(ctx); ok; id, ok = q.TakeSpare(ctx) {
				taken <- id
			}
		}()
		finish := q.TakeSoon(ctx)
		synctest.Wait()
		select {
		case id := <-taken:
			t.Errorf("%s was taken while an import runs", id)
		default:
		}
		finish()
		if id := <-taken; id != "old" {
			t.Errorf("%s was taken", id)
		}
		cancel()
		<-taken
	})
}

func TestDeletedVideoLeavesNoWork(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "greedy.mp4", film.Source(1280, 720, 9), film.H264(), []string{"-qp", "10"}))
	b.catalog.ended(id)
	if err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.clean()
	if entries, err := os.ReadDir(b.dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
