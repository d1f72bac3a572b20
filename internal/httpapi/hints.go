package httpapi

import (
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

// playerFiles match the script that only the page of a video loads.
const playerFiles = "assets/player-view-*.js"

// mainFiles matches the scripts and styles in index.html.
var mainFiles = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+\.(?:js|css))"`)

// getWatch serves the page of a video. Its headers name what the page is going to ask for, so that the browser
// fetches that while it is still busy with the first script.
func (h *Handler) getWatch(w *response, r *http.Request) error {
	for _, hint := range h.pages.hints {
		w.Header().Add("Link", hint)
	}
	if id, err := manifest.ParseVideoID(r.PathValue("id")); err == nil {
		if v, err := h.cfg.Library.Get(id); err == nil && v.Playable {
			hintContent(w.Header(), v)
		}
	}
	return h.getIndex(w, r)
}

// hintContent names what the page asks about a video, and the playlists that every player of it reads first. Where
// there is a choice of qualities or sound tracks, that is the master playlist alone.
func hintContent(header http.Header, v library.Video) {
	kinds := map[manifest.Kind][]string{}
	for _, r := range v.Renditions {
		kinds[r.Kind] = append(kinds[r.Kind], r.ID)
	}
	hls := "/hls/" + string(v.ID) + "/"
	paths := []string{"/api/v1/videos/" + string(v.ID), hls + "master.m3u8"}
	if picture, sound := kinds[manifest.Video], kinds[manifest.Audio]; len(picture) == 1 && len(sound) <= 1 {
		for _, id := range append(picture, sound...) {
			paths = append(paths, hls+id+"/index.m3u8")
		}
	}
	for _, path := range paths {
		header.Add("Link", fmt.Sprintf("<%s>; rel=preload; as=fetch; crossorigin=anonymous", path))
	}
}

// pageHints are headers that name the files which the page of a video needs, in the order of their urgency:
// browsers have six connections, and those that come first get them.
func pageHints(files fs.FS, index []byte) (hints []string) {
	for _, found := range mainFiles.FindAllSubmatch(index, -1) {
		hints = append(hints, fileHint(string(found[1])))
	}
	names, _ := fs.Glob(files, playerFiles) // the pattern is well-formed
	for _, name := range names {
		hints = append(hints, fileHint("/"+name))
	}
	return hints
}

func fileHint(path string) string {
	if strings.HasSuffix(path, ".css") {
		return fmt.Sprintf("<%s>; rel=preload; as=style; crossorigin=anonymous", path)
	}
	return fmt.Sprintf("<%s>; rel=modulepreload", path)
}
