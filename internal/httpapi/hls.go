package httpapi

import (
	"cmp"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"shoal/internal/chunk"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/stream"
)

const (
	playlistType = "application/vnd.apple.mpegurl"
	textType     = "text/vtt"
	// immutable is for what is named by its hash.
	immutable = "public, max-age=31536000, immutable"
	// minPacked is the length from which a list is compressed: less fits into one packet as it is.
	minPacked = 1400
)

func (h *Handler) getMaster(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	text, err := h.cfg.Streams.Master(r.Context(), id)
	if err != nil {
		return err
	}
	h.ticketHeaders(w, r, id)
	return changing(w, r, playlistType, text)
}

func (h *Handler) getMedia(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	text, err := h.cfg.Streams.Media(r.Context(), id, r.PathValue("rendition"))
	if err != nil {
		return err
	}
	return changing(w, r, playlistType, text)
}

func (h *Handler) getStoryboard(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	text, err := h.cfg.Streams.Storyboard(r.Context(), id)
	if err != nil {
		return err
	}
	return changing(w, r, textType, text)
}

// changing serves a list that may change while its address stays. That of a long film is half as long compressed,
// and a player reads it before it can begin.
func changing(w *response, r *http.Request, kind string, text []byte) error {
	header := w.Header()
	header.Set("Vary", "Accept-Encoding")
	if len(text) >= minPacked && takesGzip(r.Header.Get("Accept-Encoding")) {
		if packed := pack(text, gzip.BestSpeed); packed != nil {
			header.Set("Content-Encoding", "gzip")
			text = packed
		}
	}
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // who has gone away is noticed by the server
	return nil
}

// getSegment serves a segment or an initialisation section of a rendition, or a list of its chunks.
func (h *Handler) getSegment(w *response, r *http.Request) error {
	if number, ok := strings.CutPrefix(r.PathValue("file"), "chunks-"); ok && strings.HasSuffix(number, ".bin") {
		return h.getChunkList(w, r, strings.TrimSuffix(number, ".bin"))
	}
	id, err := videoID(r)
	if err != nil {
		return err
	}
	hash, ok := hashIn(r.PathValue("file"), "init-", ".mp4")
	if !ok {
		hash, ok = hashIn(r.PathValue("file"), "", ".m4s")
	}
	if !ok {
		hash, ok = hashIn(r.PathValue("file"), "", ".vtt")
	}
	if !ok {
		return errNoRoute
	}
	rendition := r.PathValue("rendition")
	content, err := h.cfg.Streams.Blob(r.Context(), id, rendition, hash)
	if err != nil {
		return err
	}
	return serveNamed(w, r, content, h.segmentType(id, rendition))
}

// segmentType returns the media type of a rendition's segments.
func (h *Handler) segmentType(id manifest.VideoID, rendition string) string {
	v, err := h.cfg.Library.Get(id)
	if err != nil {
		return "video/mp4" // deleted just now
	}
	for _, r := range v.Renditions {
		switch {
		case r.ID == rendition && r.Kind == manifest.Audio:
			return "audio/mp4"
		case r.ID == rendition && r.Kind == manifest.Text:
			return textType
		}
	}
	return "video/mp4"
}

// getPicture serves a poster or the image of a storyboard.
func (h *Handler) getPicture(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	hash, ok := hashIn(r.PathValue("file"), "poster-", ".jpg")
	if !ok {
		hash, ok = hashIn(r.PathValue("file"), "storyboard-", ".jpg")
	}
	if !ok {
		return errNoRoute
	}
	content, err := h.cfg.Streams.Picture(r.Context(), id, hash)
	if err != nil {
		return err
	}
	return serveNamed(w, r, content, "image/jpeg")
}

// getChunk serves a single chunk of the video that is named. A hash alone is no permission.
func (h *Handler) getChunk(w *response, r *http.Request) error {
	ref, err := chunk.ParseRef(r.PathValue("sha256"))
	if err != nil {
		return errNoRoute
	}
	id, err := manifest.ParseVideoID(r.URL.Query().Get("video"))
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_query", "A chunk is asked for as a part of a video: add ?video= with the video's id.")
	}
	content, err := h.cfg.Streams.Chunk(r.Context(), id, ref)
	if err != nil {
		return err
	}
	return serveNamed(w, r, content, "application/octet-stream")
}

// getMovie serves a video as one MP4 file. The address stays when the video is made anew, so a player asks
// each time whether it has the bytes already.
func (h *Handler) getMovie(w *response, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("file"), ".mp4")
	id, err := manifest.ParseVideoID(name)
	if !ok || err != nil {
		return errNoRoute
	}
	content, err := h.cfg.Streams.Movie(r.Context(), id, r.URL.Query().Get("audio"))
	if err != nil {
		return err
	}
	kind := "video/mp4"
	if v, err := h.cfg.Library.Get(id); err == nil && !hasPicture(v) {
		kind = "audio/mp4"
	}
	return serve(w, r, content, kind, "no-cache")
}

func hasPicture(v library.Video) bool {
	return slices.ContainsFunc(v.Renditions, func(r library.RenditionInfo) bool { return r.Kind == manifest.Video })
}

// hashIn returns the hash between prefix and suffix.
func hashIn(name, prefix, suffix string) (chunk.Ref, bool) {
	name, begins := strings.CutPrefix(name, prefix)
	name, ends := strings.CutSuffix(name, suffix)
	hash, err := chunk.ParseRef(name)
	return hash, begins && ends && err == nil
}

// serveNamed serves what is named by its hash.
func serveNamed(w *response, r *http.Request, content *stream.Content, kind string) error {
	return serve(w, r, content, kind, immutable)
}

// serve sends content, whole or in ranges, and closes it. Its hash is its ETag.
func serve(w *response, r *http.Request, content *stream.Content, kind, caching string) error {
	defer content.Close()
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", caching)
	w.Header().Set("ETag", `"`+content.Hash().String()+`"`)
	if r.Method != http.MethodGet || !asksForAll(r) {
		watched := &watchedContent{Content: content}
		err := serveContent(w, r, watched, content.Size())
		return cmp.Or(watched.err, err)
	}
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Length", strconv.FormatInt(content.Size(), 10))
	_, err := content.WriteTo(w)
	return err
}

// asksForAll tells whether the answer is the whole content, without conditions.
func asksForAll(r *http.Request) bool {
	for _, name := range []string{"Range", "If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return true
}

// watchedContent remembers why reading failed, which http.ServeContent does not tell.
type watchedContent struct {
	*stream.Content
	err error
}

func (c *watchedContent) Read(p []byte) (int, error) {
	n, err := c.Content.Read(p)
	c.note(err)
	return n, err
}

func (c *watchedContent) CopyN(w io.Writer, n int64) (int64, error) {
	written, err := c.Content.CopyN(w, n)
	c.note(err)
	return written, err
}

func (c *watchedContent) note(err error) {
	if err != nil && err != io.EOF {
		c.err = err
	}
}
