package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/ingest"
)

const subtitles = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"

type listedSubtitles struct {
	Subtitles []struct {
		ID, Language, Name     string
		Default, Forced, Added bool
	}
}

func (h *house) subtitlesPath() string { return "/api/v1/videos/" + string(h.film.id) + "/subtitles" }

func TestSubtitlesAreAddedListedPlayedAndRemoved(t *testing.T) {
	h := newHouse(t)
	body, kind := form("name", "For all", "file", subtitles)
	for _, c := range []struct {
		name, query, body   string
		headers             []string
		language, label     string
		forced, asTheNameIs bool
	}{
		{name: "raw", query: "?language=pt-BR&name=Legendas", body: subtitles, language: "pt-BR", label: "Legendas"},
		{name: "by its name", query: "?filename=The.Last.Wave.de.forced.vtt", body: subtitles, language: "de", forced: true},
		{name: "a form", query: "?language=fr", body: body, headers: []string{"Content-Type", kind}, language: "fr", label: "For all"},
		{name: "said wins", query: "?filename=The.Last.Wave.de.vtt&language=&name=Mine&forced=false", body: subtitles, label: "Mine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := h.adminAsks("POST", h.subtitlesPath()+c.query, c.body, c.headers...)
			want(t, w, http.StatusCreated)
			place := w.Header().Get("Location")
			again := h.adminAsks("POST", h.subtitlesPath()+c.query, c.body, c.headers...)
			if want(t, again, http.StatusOK); !strings.Contains(again.Body.String(), `"duplicate":true`) {
				t.Error(again.Body)
			}
			list := decode[listedSubtitles](t, h.asks("GET", h.subtitlesPath(), "").Body).Subtitles
			if len(list) != 1 || list[0].Language != c.language || list[0].Name != c.label || list[0].Forced != c.forced || !list[0].Added {
				t.Fatalf("%+v", list)
			}
			master := h.asks("GET", "/hls/"+string(h.film.id)+"/master.m3u8", "").Body.String()
			if !strings.Contains(master, "TYPE=SUBTITLES") || !strings.Contains(master, list[0].ID+"/index.m3u8") {
				t.Error(master)
			}
			want(t, h.adminAsks("DELETE", place, ""), http.StatusNoContent)
			want(t, h.adminAsks("DELETE", place, ""), http.StatusNotFound, "not_found")
			if list := h.asks("GET", h.subtitlesPath(), "").Body.String(); !strings.Contains(list, `"subtitles":[]`) {
				t.Error(list)
			}
		})
	}
}

func TestWhatAreNoSubtitlesIsRefusedWithWords(t *testing.T) {
	h := newHouse(t)
	two, kind := form("file", subtitles, "file", subtitles)
	none, noneKind := form("name", "x")
	failed := h.accepted("failed.mp4")
	if err := h.library.Fail(t.Context(), failed, "not_a_video", "no"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, body string
		status     int
		code       string
		headers    []string
	}{
		{h.subtitlesPath(), "", http.StatusUnprocessableEntity, "empty", nil},
		{h.subtitlesPath(), "Dear Ann", http.StatusUnprocessableEntity, "no_subtitles", nil},
		{h.subtitlesPath(), strings.Repeat("\x00", 500), http.StatusUnprocessableEntity, "not_text", nil},
		{h.subtitlesPath() + "?encoding=klingon", subtitles, http.StatusUnprocessableEntity, "not_text", nil},
		{h.subtitlesPath() + "?language=so%20so", subtitles, http.StatusUnprocessableEntity, "bad_language", nil},
		{h.subtitlesPath() + "?forced=maybe", subtitles, http.StatusBadRequest, "bad_query", nil},
		{h.subtitlesPath(), strings.Repeat("x", ingest.MaxSidecar+1), http.StatusRequestEntityTooLarge, "too_large", nil},
		{h.subtitlesPath(), strings.Repeat("x", 2*ingest.MaxSidecar), http.StatusRequestEntityTooLarge, "too_large", nil},
		{h.subtitlesPath(), two, http.StatusUnprocessableEntity, "two_files", []string{"Content-Type", kind}},
		{h.subtitlesPath(), none, http.StatusBadRequest, "bad_form", []string{"Content-Type", noneKind}},
		{"/api/v1/videos/" + string(failed) + "/subtitles", subtitles, http.StatusConflict, "failed", nil},
		{"/api/v1/videos/" + strings.Repeat("a", 26) + "/subtitles", subtitles, http.StatusNotFound, "not_found", nil},
	} {
		want(t, h.adminAsks("POST", c.path, c.body, c.headers...), c.status, c.code)
	}
	if list := decode[listedSubtitles](t, h.asks("GET", h.subtitlesPath(), "").Body); len(list.Subtitles) > 0 {
		t.Errorf("%+v", list)
	}
}

func TestAFormWithTwoFilesIsRefusedWhole(t *testing.T) {
	h := newHouse(t)
	before := h.fingerprint()
	for _, fields := range [][]string{{"file", "one", "file", "two"}, {"file", "one", "name", "x", "file", "two"}} {
		body, kind := form(fields...)
		want(t, h.adminAsks("POST", "/api/v1/videos", body, "Content-Type", kind), http.StatusUnprocessableEntity, "two_files")
	}
	h.importer.mu.Lock()
	h.importer.uploads = nil
	h.importer.mu.Unlock()
	if diff := cmp.Diff(before, h.fingerprint()); diff != "" {
		t.Error(diff)
	}
	body, kind := form("file", "one", "name", "after")
	want(t, h.adminAsks("POST", "/api/v1/videos", body, "Content-Type", kind), http.StatusCreated)
}
