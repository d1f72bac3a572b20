package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shoal/internal/manifest"
)

func TestStoryboardChaptersAndTextsAreServed(t *testing.T) {
	h := newHouse(t)
	m := h.film.manifest.Snapshot()
	image, words := h.blob([]byte("tiles")), h.blob([]byte("WEBVTT\n"))
	m.Storyboard = &manifest.Storyboard{Image: image, Width: 160, Height: 90, Columns: 1, Count: 1, Interval: time.Second}
	m.Chapters = []manifest.Chapter{{Title: "One"}, {Start: 1500 * time.Millisecond, Title: "Two"}}
	m.Renditions = append(m.Renditions, manifest.Rendition{ID: "text0", Kind: manifest.Text, Codec: "wvtt", Timescale: 1000, Complete: true,
		Segments: []manifest.Segment{{Blob: words, Duration: 4000}}})
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.library.Publish(t.Context(), h.film.id, m, h.blob(data).Chunks); err != nil {
		t.Fatal(err)
	}
	id := string(h.film.id)
	w := h.asks("GET", "/api/v1/videos/"+id, "")
	want(t, w, http.StatusOK)
	video := w.Body.String()
	for _, part := range []string{`"storyboard":"/hls/` + id + `/storyboard.vtt"`, `"chapters":[{"start":0,"title":"One"},{"start":1.5,"title":"Two"}]`} {
		if !strings.Contains(video, part) {
			t.Errorf("no %s in %s", part, video)
		}
	}
	for _, c := range []struct{ path, kind, caching, text string }{
		{"/storyboard.vtt", "text/vtt", "no-cache", image.Hash.String() + ".jpg#xywh=0,0,160,90"},
		{"/" + manifest.StoryboardName(image.Hash), "image/jpeg", "public, max-age=31536000, immutable", "tiles"},
		{"/text0/index.m3u8", "application/vnd.apple.mpegurl", "no-cache", manifest.TextName(words.Hash)},
		{"/text0/" + manifest.TextName(words.Hash), "text/vtt", "public, max-age=31536000, immutable", "WEBVTT"},
	} {
		w := h.asks("GET", "/hls/"+id+c.path, "")
		want(t, w, http.StatusOK)
		if body := w.Body.String(); !strings.Contains(body, c.text) {
			t.Errorf("%s: %s", c.path, body)
		}
		if kind, caching := w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"); kind != c.kind || caching != c.caching {
			t.Errorf("%s: %s, %s", c.path, kind, caching)
		}
	}
}
