package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus"

	"shoal/internal/httpapi"
	"shoal/internal/manifest"
)

// builtPages are files with the names that the client's build gives them, and its list of them.
func builtPages(cfg *httpapi.Config) {
	cfg.Pages = fstest.MapFS{
		"index.html": {Data: []byte(`<link rel="icon" href="/assets/favicon-1.svg">` +
			`<script async type="module" crossorigin src="/assets/index-1.js"></script><link rel="stylesheet" crossorigin href="/assets/style-2.css">`)},
		"assets/favicon-1.svg":    {Data: []byte("<svg/>")},
		"assets/index-1.js":       {Data: []byte("1")},
		"assets/style-2.css":      {Data: []byte("a{}")},
		"assets/player-view-3.js": {Data: []byte("2")},
		"assets/shared-4.js":      {Data: []byte("3")},
		"assets/start-5.js":       {Data: []byte("4")},
		"assets/controls-6.js":    {Data: []byte("5")},
		".vite/manifest.json": {Data: []byte(`{
			"index.html": {"file": "assets/index-1.js", "isEntry": true, "dynamicImports": ["src/ui/start.ts", "src/player/player-view.tsx"]},
			"style.css": {"file": "assets/style-2.css"},
			"_shared.js": {"file": "assets/shared-4.js", "imports": ["src/ui/start.ts"]},
			"src/ui/start.ts": {"file": "assets/start-5.js", "imports": ["_shared.js", "index.html"]},
			"src/player/player-view.tsx": {"file": "assets/player-view-3.js", "imports": ["_shared.js", "index.html"], "dynamicImports": ["src/player/controls.ts"]},
			"src/player/controls.ts": {"file": "assets/controls-6.js"}}`)},
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
		"/assets/index-1.js", "/assets/style-2.css", "/assets/player-view-3.js", "/assets/shared-4.js", "/assets/start-5.js",
		"/hls/" + id + "/master.m3u8", "/hls/" + id + "/v0/index.m3u8", "/hls/" + id + "/a0/index.m3u8", "/api/v1/videos/" + id,
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

func TestWhereThereIsAChoiceThePlaylistsThatAPlayerOpensFirstAreNamed(t *testing.T) {
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
	var playlists []string
	folder := "/hls/" + string(h.film.id) + "/"
	for _, path := range hinted(h, "/watch/"+string(h.film.id)) {
		if name, found := strings.CutPrefix(path, folder); found {
			playlists = append(playlists, name)
		}
	}
	if want := []string{"master.m3u8", "v0/index.m3u8", "a0/index.m3u8"}; !slices.Equal(playlists, want) {
		t.Errorf("the headers name the playlists %q, want %q", playlists, want)
	}
}

func TestOtherPagesNameWhatEveryPageNeeds(t *testing.T) {
	h := newHouse(t, builtPages)
	want := []string{"/assets/index-1.js", "/assets/style-2.css", "/assets/start-5.js", "/assets/shared-4.js"}
	for _, page := range []string{"/", "/add", "/settings"} {
		if got := hinted(h, page); !slices.Equal(got, want) {
			t.Errorf("the headers of %s name %q, want %q", page, got, want)
		}
	}
}

func TestABuildWhoseListLacksAPartIsNotServed(t *testing.T) {
	var cfg httpapi.Config
	newHouse(t, func(c *httpapi.Config) { cfg = *c })
	for name, list := range map[string]string{
		"no JSON":   "index.html",
		"no player": `{"index.html": {"file": "a.js"}, "style.css": {"file": "b.css"}, "src/ui/start.ts": {"file": "c.js"}}`,
	} {
		cfg.Registry = prometheus.NewRegistry()
		cfg.Pages = fstest.MapFS{"index.html": {Data: []byte("<html>")}, ".vite/manifest.json": {Data: []byte(list)}}
		if _, err := httpapi.New(cfg); err == nil {
			t.Errorf("%s: New said nothing", name)
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
}
