package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"shoal/internal/manifest"
)

// openingIn returns the paths that the page of a video names as its beginning, and when the segments end; nothing
// when it names none.
func openingIn(h *house, page string, headers ...string) (paths []string, ends []float64) {
	h.t.Helper()
	a := h.asks("GET", page, "", headers...)
	if a.Code != http.StatusOK || !strings.Contains(a.Body.String(), "/assets/index-1.js") {
		h.t.Fatalf("GET %s: %d %s", page, a.Code, a.Body)
	}
	_, block, found := strings.Cut(a.Body.String(), `<script type="application/json" id="opening">`)
	if !found {
		return nil, nil
	}
	text, rest, _ := strings.Cut(block, "</script>")
	if !strings.Contains(rest, "/assets/index-1.js") {
		h.t.Errorf("the opening comes after the script that reads it:\n%s", a.Body)
	}
	var opening struct {
		Renditions []struct {
			Kind, Codec, Language, Init string
			Segments                    []struct {
				Path string
				End  float64
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &opening); err != nil {
		h.t.Fatalf("%v in %s", err, text)
	}
	for _, r := range opening.Renditions {
		paths = append(paths, r.Init)
		for _, s := range r.Segments {
			paths, ends = append(paths, s.Path), append(ends, s.End)
		}
	}
	return paths, ends
}

func TestPageOfAVideoSaysHowItBegins(t *testing.T) {
	h := newHouse(t, builtPages)
	paths, ends := openingIn(h, "/watch/"+string(h.film.id))
	if len(paths) != 4 || !slices.Equal(ends, []float64{4, 4}) {
		t.Fatalf("the page names %q, ending at %v", paths, ends)
	}
	for _, path := range paths {
		if a := h.asks("GET", path, ""); a.Code != http.StatusOK {
			t.Errorf("GET %s, which the page names: %d", path, a.Code)
		}
	}
	if want := "/hls/" + string(h.film.id) + "/v0/" + manifest.SegmentName(h.film.hash); paths[1] != want {
		t.Errorf("the first segment is %s, want %s", paths[1], want)
	}
}

func TestPageThatSaysHowAVideoBeginsIsCompressedAndKnownByItsTag(t *testing.T) {
	h := newHouse(t, builtPages)
	page := "/watch/" + string(h.film.id)
	a := h.asks("GET", page, "", "Accept-Encoding", "gzip")
	if a.Header().Get("Content-Encoding") != "gzip" {
		t.Error("the page is not compressed")
	}
	tag := a.Header().Get("ETag")
	if again := h.asks("GET", page, "", "Accept-Encoding", "gzip", "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("the same page again: %d", again.Code)
	}
}

func TestPageSaysNothingOfAVideoThatCannotBePlayedOrRead(t *testing.T) {
	h := newHouse(t, builtPages)
	for _, id := range []string{string(h.accepted("waits.mkv")), "aaaaaaaaaaaaaaaaaaaaaaaaaa", "no-id"} {
		if paths, _ := openingIn(h, "/watch/"+id); len(paths) > 0 {
			t.Errorf("the page of %s names %q", id, paths)
		}
	}
	page := "/watch/" + string(h.film.id)
	if paths, _ := openingIn(h, page, "Authorization", "Bearer wrong"); len(paths) > 0 {
		t.Errorf("who may not read is told %q", paths)
	}
	if links := h.asks("GET", page, "", "Authorization", "Bearer wrong").Header().Values("Link"); slices.ContainsFunc(links,
		func(link string) bool { return !strings.Contains(link, "/assets/") }) {
		t.Errorf("who may not read is told %q", links)
	}
}
