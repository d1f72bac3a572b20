package ingest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/test/film"
)

// jobFiles lists what lies in the folders of jobs.
func (b *bench) jobFiles() string {
	b.t.Helper()
	found, err := filepath.Glob(filepath.Join(b.dir, "*", "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	for i, path := range found {
		found[i] = filepath.Base(path)
	}
	return strings.Join(found, " ")
}

// brokenTools has every film fail, for a reason that lies in the machine.
func brokenTools(t *testing.T) func(*ingest.Config) {
	script := write(t, "ffmpeg", []byte("#!/bin/sh\nkill -9 $$\n"))
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	return func(c *ingest.Config) { c.FFmpeg = script }
}

func TestFailedFilmIsTriedAgainFromTheSameFile(t *testing.T) {
	b := start(t, brokenTools(t))
	id := b.add(film.Make(t, "film.mkv", film.Source(160, 90, 3), film.H264()))
	if v := b.catalog.ended(id); v.code != "killed" {
		t.Fatalf("%s %s", v.code, v.message)
	}
	b.stop()
	if files := b.jobFiles(); files != "failed source" {
		t.Errorf("kept: %s", files)
	}
	b.run() // ffmpeg is mended, and the node was started again
	if until, found := b.RetryUntil(id); !found || time.Until(until) < 6*24*time.Hour {
		t.Errorf("%s, %v", until, found)
	}
	if err := b.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := b.catalog.ended(id); v.state != "ready" {
		t.Fatalf("%s %s", v.code, v.message)
	}
	if err := b.Retry(t.Context(), id); !errors.Is(err, ingest.ErrNoSource) {
		t.Error(err)
	}
	b.clean()
}

func TestFileThatIsNoFilmIsNotKept(t *testing.T) {
	b := start(t)
	id := b.add(write(t, "diary.mp4", []byte("Dear diary")))
	if v := b.catalog.ended(id); v.code != "not_a_video" {
		t.Fatalf("%s", v.code)
	}
	if err := b.Retry(t.Context(), id); !errors.Is(err, ingest.ErrNoSource) {
		t.Error(err)
	}
	b.clean()
}

func TestFileOfAFailedFilmGoesWithItsTimeItsVideoAndTheRoom(t *testing.T) {
	var room, now atomic.Int64
	room.Store(1 << 40)
	settings := func(c *ingest.Config) {
		c.Room = room.Load
		c.Now = func() time.Time { return time.Now().Add(time.Duration(now.Load())) }
	}
	path := film.Make(t, "film.mkv", film.Source(160, 90, 3), film.H264())
	for name, end := range map[string]func(b *bench, id manifest.VideoID){
		"time": func(b *bench, _ manifest.VideoID) {
			now.Store(int64(8 * 24 * time.Hour))
			b.SweepKept()
			now.Store(0)
		},
		"room": func(b *bench, _ manifest.VideoID) {
			room.Store(0)
			b.SweepKept()
			room.Store(1 << 40)
		},
		"video": func(b *bench, id manifest.VideoID) {
			if err := b.Cancel(t.Context(), id); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, settings, brokenTools(t))
			id := b.add(path)
			b.catalog.ended(id)
			b.stop()
			b.run(settings)
			b.SweepKept()
			if _, found := b.RetryUntil(id); !found {
				t.Fatal("it is not kept")
			}
			end(b, id)
			if _, found := b.RetryUntil(id); found {
				t.Error("it is still kept")
			}
			b.clean()
		})
	}
	room.Store(100) // less than the file
	b := start(t, brokenTools(t), func(c *ingest.Config) { c.Room = func() int64 { return room.Load() } })
	got, err := b.Accept(t.Context(), ingest.Upload{Name: "film.mp4", Size: -1, Body: strings.NewReader(strings.Repeat("x", 200))})
	if err == nil {
		b.catalog.ended(got.ID)
	}
	b.clean()
}

func TestStoppedFilmCanBeTakenUpAgain(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "long.avi", film.Source(1280, 720, 20), []string{"-c:v", "mpeg4", "-q:v", "3", "-c:a", "libmp3lame"}))
	b.catalog.await(id, func(v *video) bool { return len(v.drafts) > 2 || v.state == "ready" }) // it is well under way
	if err := b.Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := b.catalog.ended(id); v.code != "stopped" {
		t.Fatalf("%s %s", v.state, v.code)
	}
	if n := b.store.Len(); n > 0 {
		t.Errorf("%d chunks are left", n)
	}
	b.stop()
	b.run()
	if err := b.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.stop() // the worker may or may not have begun
	if err := b.Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

func TestFilmThatWaitsCanBeStoppedAndReadyOnesStayReady(t *testing.T) {
	b := start(t)
	b.stop()
	id := b.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	if err := b.Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if v := b.catalog.ended(id); v.code != "stopped" {
		t.Fatalf("%s %s", v.state, v.code)
	}
	if err := b.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.run()
	if v := b.catalog.ended(id); v.state != "ready" {
		t.Fatalf("%s %s", v.code, v.message)
	}
	if err := b.Stop(t.Context(), id); err != nil { // its storyboard perhaps
		t.Fatal(err)
	}
	if v := b.catalog.ended(id); v.state != "ready" {
		t.Errorf("%s", v.state)
	}
	b.clean()
}

func TestFolderOfJobsMayBeRemovedWhileRunning(t *testing.T) {
	b := start(t)
	path := film.Make(t, "film.mkv", film.Source(160, 90, 3), film.H264())
	first := b.add(path)
	b.catalog.ended(first)
	b.settle()
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	second := b.add(film.Make(t, "other.mp4", film.Source(160, 90, 4), film.H264()))
	if v := b.catalog.ended(second); v.state != "ready" {
		t.Fatalf("%s %s", v.code, v.message)
	}
	b.settle()
	b.stop()
	third := b.add(film.Make(t, "third.mp4", film.Source(160, 90, 2), film.H264()))
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	b.runAgain()
	if v := b.catalog.ended(third); v.code != "source_gone" {
		t.Errorf("%s %s", v.code, v.message)
	}
}
