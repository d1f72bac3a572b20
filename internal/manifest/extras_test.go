package manifest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"shoal/internal/manifest"
)

func TestStoryboardListsEachTileWithItsTime(t *testing.T) {
	s := manifest.Storyboard{Image: content("image", 100), Width: 160, Height: 90, Columns: 2, Count: 3, Interval: 2500 * time.Millisecond}
	name := manifest.StoryboardName(s.Image.Hash)
	want := "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n" + name + "#xywh=0,0,160,90\n\n00:00:02.500 --> 00:00:05.000\n" + name +
		"#xywh=160,0,160,90\n\n00:00:05.000 --> 01:00:00.000\n" + name + "#xywh=0,90,160,90\n"
	if got := string(s.WebVTT(time.Hour)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestValidateRefusesBrokenStoryboardsAndChapters(t *testing.T) {
	board := func(change func(s *manifest.Storyboard)) func(m *manifest.Manifest) {
		return func(m *manifest.Manifest) {
			m.Storyboard = &manifest.Storyboard{Image: content("image", 100), Width: 160, Height: 90, Columns: 2, Count: 3, Interval: time.Second}
			change(m.Storyboard)
		}
	}
	chapters := func(all ...manifest.Chapter) func(m *manifest.Manifest) {
		return func(m *manifest.Manifest) { m.Chapters = all }
	}
	for want, change := range map[string]func(m *manifest.Manifest){
		"":                board(func(*manifest.Storyboard) {}),
		"tiles of 0":      board(func(s *manifest.Storyboard) { s.Width = 0 }),
		"0 columns":       board(func(s *manifest.Storyboard) { s.Columns = 0 }),
		"4 columns":       board(func(s *manifest.Storyboard) { s.Columns = 4 }),
		"1001 tiles":      board(func(s *manifest.Storyboard) { s.Count = manifest.MaxTiles + 1 }),
		"interval":        board(func(s *manifest.Storyboard) { s.Interval = 0 }),
		"storyboard: no":  board(func(s *manifest.Storyboard) { s.Image = manifest.Blob{} }),
		"501 chapters":    chapters(make([]manifest.Chapter, manifest.MaxChapters+1)...),
		"not after":       chapters(manifest.Chapter{}, manifest.Chapter{}),
		"start -1":        chapters(manifest.Chapter{Start: -1}),
		"title of 300":    chapters(manifest.Chapter{Title: strings.Repeat("x", 300)}),
		"title is not":    chapters(manifest.Chapter{Title: "\xff"}),
		"forced, and not": func(m *manifest.Manifest) { m.Renditions[0].Forced = true },
	} {
		m := film()
		change(m)
		err := m.Validate()
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if !errors.Is(err, manifest.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestStoryboardIsAmongTheChunks(t *testing.T) {
	m := film()
	before := m.Bytes()
	m.Storyboard = &manifest.Storyboard{Image: content("image", 100)}
	if got := m.Bytes() - before; got != 100 {
		t.Errorf("%d bytes more, want 100", got)
	}
}
