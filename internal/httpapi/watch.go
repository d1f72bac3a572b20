package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"shoal/internal/manifest"
)

// openingSegments is how many segments of a rendition the page of a video names: some seconds.
const openingSegments = 4

// opening is how a video begins, in the page of that video: its script asks for the first segments at once, without
// reading playlists first.
type opening struct {
	Renditions []openingRendition `json:"renditions"`
}

type openingRendition struct {
	Kind     manifest.Kind `json:"kind"`
	Codec    string        `json:"codec"`
	Language string        `json:"language"`
	// Init is the path of the initialisation section.
	Init     string           `json:"init"`
	Segments []openingSegment `json:"segments"`
}

// openingSegment is one of the first segments: its path, and when it ends, in seconds.
type openingSegment struct {
	Path string  `json:"path"`
	End  float64 `json:"end"`
}

// getWatch serves the page of a video. It says how the video begins, and its headers name what it is going to ask
// for, so that the browser fetches that while it is still busy with the first script. Who may not read the library
// gets the page as it is.
func (h *Handler) getWatch(w *response, r *http.Request) error {
	hint(w.Header(), h.pages.watchHints)
	page := h.pages.index
	id, err := manifest.ParseVideoID(r.PathValue("id"))
	if err == nil && h.admit(route{rights: reader}, r) == nil {
		if first := h.beginning(r, id); len(first) > 0 {
			hintBeginning(w.Header(), id, first)
			page = page.with(openingOf(id, first))
		}
	}
	return page.serve(w, r, "no-cache")
}

// beginning returns what a player of a video opens first; nothing when it cannot be played now. Why not, the player
// is told when it asks.
func (h *Handler) beginning(r *http.Request, id manifest.VideoID) []*manifest.Rendition {
	if v, err := h.cfg.Library.Get(id); err != nil || !v.Playable {
		return nil
	}
	first, err := h.cfg.Streams.First(r.Context(), id)
	if err != nil {
		return nil
	}
	return first
}

func openingOf(id manifest.VideoID, first []*manifest.Rendition) opening {
	var o opening
	for _, r := range first {
		part := openingRendition{Kind: r.Kind, Codec: r.Codec, Language: r.Language, Init: hlsPath(id, r.ID, manifest.InitName(r.Init.Hash))}
		for i := range min(openingSegments, len(r.Segments)) {
			path := hlsPath(id, r.ID, manifest.SegmentName(r.Segments[i].Hash))
			part.Segments = append(part.Segments, openingSegment{path, r.ListedEnd(i).Seconds()})
		}
		o.Renditions = append(o.Renditions, part)
	}
	return o
}

// hlsPath is the path of a file of a video.
func hlsPath(id manifest.VideoID, names ...string) string {
	return "/hls/" + string(id) + "/" + strings.Join(names, "/")
}

// firstScript is where the client's first script stands in its page. It runs as soon as it is there, so that what it
// reads must come before it.
const firstScript = "<script "

// with returns the page with an opening in it. A block of data is no script: the content security policy lets it be.
func (a *asset) with(o opening) *asset {
	text, err := json.Marshal(o) // which leaves no < in strings
	if err != nil {
		return a
	}
	block := append([]byte(`<script type="application/json" id="opening">`), text...)
	block = append(block, "</script>\n    "+firstScript...)
	return newAsset(".html", bytes.Replace(a.data, []byte(firstScript), block, 1))
}
