package library_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTitleIsMadeFromTheFileName(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct{ name, source, title string }{
		{"Dunes.mp4", "Dunes.mp4", "Dunes"},
		{"The.Last.Wave.1977.mkv", "The.Last.Wave.1977.mkv", "The Last Wave 1977"},
		{"my_holiday_film.MOV", "my_holiday_film.MOV", "my holiday film"},
		{"Mr. Bean.avi", "Mr. Bean.avi", "Mr. Bean"},
		{"snake_case with spaces.mp4", "snake_case with spaces.mp4", "snake_case with spaces"},
		{"Blade Runner 2.0", "Blade Runner 2.0", "Blade Runner 2.0"},
		{"noextension", "noextension", "noextension"},
		{".mp4", ".mp4", "Untitled"},
		{"", "", "Untitled"},
		{" \t\n", "", "Untitled"},
		{"..", "..", "Untitled"},
		{"../../etc/passwd", "passwd", "passwd"},
		{`C:\fakepath\film.mp4`, "film.mp4", "film"},
		{"a\x00b\r\nc.mp4", "abc.mp4", "abc"},
		{"broken\xff.mp4", "broken\ufffd.mp4", "broken\ufffd"},
		{`"><script>alert(1)</script>.mp4`, "script>.mp4", "script>"},
		{"photo\u202egpm.mp4", "photogpm.mp4", "photogpm"},
		{strings.Repeat("é", 300), strings.Repeat("é", 255), strings.Repeat("é", 200)},
	} {
		v := h.video(h.received(c.name))
		if v.SourceName != c.source || v.Title != c.title {
			t.Errorf("%q: source %q, title %q; want %q, %q", c.name, v.SourceName, v.Title, c.source, c.title)
		}
	}
}

func TestAGivenTitleIsKept(t *testing.T) {
	h := newHouse(t)
	id, err := h.Receive("a.mp4", " Dunes ")
	if err != nil || h.video(id).Title != "Dunes" {
		t.Errorf("Receive: %q, %v", h.video(id).Title, err)
	}
	if _, err := h.Receive("a.mp4", "two\nlines"); err == nil {
		t.Error("a title of two lines was taken")
	}
}

func FuzzAnyFileNameBecomesATitle(f *testing.F) {
	f.Add("film.mp4")
	f.Add("../\x00\u202e.mkv")
	f.Add("....")
	f.Add(strings.Repeat("a ", 300))
	f.Fuzz(func(t *testing.T, name string) {
		h := newHouse(t)
		v := h.video(h.received(name))
		for _, s := range []string{v.Title, v.SourceName} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("%q became %q", name, s)
			}
		}
		if n := utf8.RuneCountInString(v.Title); n < 1 || n > 200 {
			t.Errorf("%q became a title of %d characters", name, n)
		}
		if strings.ContainsAny(v.SourceName, `/\`) {
			t.Errorf("%q became the path %q", name, v.SourceName)
		}
	})
}
