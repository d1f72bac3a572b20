package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"shoal/internal/httpapi"
	"shoal/internal/manifest"
)

// builtPages are files with the names that the client's build gives them.
func builtPages(cfg *httpapi.Config) {
	cfg.Pages = fstest.MapFS{
		"index.html": {Data: []byte(`<link rel="icon" href="/assets/favicon-1.svg">` +
			`<script type="module" crossorigin src="/assets/index-1.js"></script><link rel="stylesheet" crossorigin href="/assets/index-2.css">`)},
		"assets/favicon-1.svg":    {Data: []byte("<svg/>")},
		"assets/index-1.js":       {Data: []byte("1")},
		"assets/index-2.css":      {Data: []byte("a{}")},
		"assets/player-view-3.js": {Data: []byte("2")},
	}
}

// hinted returns the paths that the page's headers name.
func hinted(h *house, page string) (paths []string) {
	h.t.Helper()
	a := h.asks("GET", page, "")
	if a.Code != http.StatusOK {
		h.t.Fatalf("GET %s: %d", page, a.Code)
	}
	for _, link := range a.Header().Values("Link") {
		path, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
		paths = append(paths, path)
	}
	return paths
}

func TestPageOfAVideoNamesWhatItWillAskFor(t *testing.T) {
	h := newHouse(t, builtPages)
	id := string(h.film.id)
	want := []string{
		"/assets/index-1.js", "/assets/index-2.css", "/assets/player-view-3.js",
		"/api/v1/videos/" + id, "/hls/" + id + "/master.m3u8", "/hls/" + id + "/v0/index.m3u8", "/hls/" + id + "/a0/index.m3u8",
	}
	got := hinted(h, "/watch/"+id)
	if !slices.Equal(got, want) {
		t.Errorf("the headers name %q, want %q", got, want)
	}
	for _, path := range got {
		if a := h.asks("GET", path, ""); a.Code != http.StatusOK {
			t.Errorf("GET %s, which the headers name: %d", path, a.Code)
		}
	}
}

func TestWhereThereIsAChoiceOnlyTheMasterPlaylistIsNamed(t *testing.T) {
	h := newHouse(t, builtPages)
	m := *h.film.manifest
	second := m.Renditions[1]
	second.ID, second.TrackID, second.Default, second.Language = "a1", 3, false, "fr"
	m.Renditions = append(slices.Clone(m.Renditions), second)
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.library.Publish(t.Context(), h.film.id, &m, h.blob(data).Chunks); err != nil {
		t.Fatal(err)
	}
	paths := hinted(h, "/watch/"+string(h.film.id))
	if !slices.Contains(paths, "/hls/"+string(h.film.id)+"/master.m3u8") {
		t.Errorf("the headers name %q, not the master playlist", paths)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "/index.m3u8") {
			t.Errorf("the headers name %s, which the player may not choose", path)
		}
	}
}

func TestNothingIsNamedOfAVideoThatCannotBePlayed(t *testing.T) {
	h := newHouse(t, builtPages)
	for _, id := range []manifest.VideoID{h.accepted("waits.mkv"), "aaaaaaaaaaaaaaaaaaaaaaaaaa", "no-id"} {
		for _, path := range hinted(h, "/watch/"+string(id)) {
			if !strings.HasPrefix(path, "/assets/") {
				t.Errorf("the page of %s names %s", id, path)
			}
		}
	}
	if paths := hinted(h, "/add"); len(paths) > 0 {
		t.Errorf("another page names %q", paths)
	}
}
