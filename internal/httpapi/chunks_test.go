package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
)

func (h *house) chunkPath(ref chunk.Ref) string {
	return "/chunks/" + ref.String() + "?video=" + string(h.film.id)
}

func TestEachChunkOfAVideoIsServedByItsHash(t *testing.T) {
	h := newHouse(t)
	chunks := 0
	for info := range h.film.manifest.Chunks() {
		chunks++
		w := h.asks("GET", h.chunkPath(info.Ref), "")
		want(t, w, http.StatusOK)
		if sum := chunk.Sum(w.Body.Bytes()); sum != info.Ref || int64(w.Body.Len()) != info.Size {
			t.Errorf("%s: other bytes, %d of %d", info.Ref, w.Body.Len(), info.Size)
		}
		head := w.Header()
		if head.Get("ETag") != `"`+info.Ref.String()+`"` || head.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
			head.Get("Content-Type") != "application/octet-stream" || head.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%v", head)
		}
	}
	if chunks < 5 {
		t.Errorf("only %d chunks", chunks)
	}
}

func TestPiecesOfAChunkAreServed(t *testing.T) {
	h := newHouse(t)
	data := h.film.segment[:chunk.MaxSize]
	path := h.chunkPath(chunk.Sum(data))
	for _, c := range [][2]int{{0, 0}, {65_536, 131_071}, {chunk.MaxSize - 1, chunk.MaxSize - 1}} {
		w := h.asks("GET", path, "", "Range", fmt.Sprintf("bytes=%d-%d", c[0], c[1]))
		if want(t, w, http.StatusPartialContent); !bytes.Equal(w.Body.Bytes(), data[c[0]:c[1]+1]) {
			t.Errorf("bytes %d to %d are others", c[0], c[1])
		}
	}
	w := h.asks("HEAD", path, "")
	if want(t, w, http.StatusOK); w.Header().Get("Content-Length") != fmt.Sprint(chunk.MaxSize) || w.Body.Len() > 0 {
		t.Errorf("%v, %d bytes", w.Header(), w.Body.Len())
	}
	want(t, h.asks("GET", path, "", "If-None-Match", `"`+chunk.Sum(data).String()+`"`), http.StatusNotModified)
}

func TestAChunkIsAPartOfTheVideoThatIsNamed(t *testing.T) {
	h := newHouse(t)
	stray := chunktest.Put(t, h.chunks, []byte("of no video")).Ref
	mine := h.film.manifest.Renditions[0].Segments[0].Chunks[0].Ref
	want(t, h.asks("GET", h.chunkPath(stray), ""), http.StatusNotFound, "not_found")
	want(t, h.asks("GET", "/chunks/"+mine.String()+"?video="+strings.Repeat("a", 26), ""), http.StatusNotFound, "not_found")
	want(t, h.asks("GET", "/chunks/"+mine.String(), ""), http.StatusBadRequest, "bad_query")
	want(t, h.asks("GET", "/chunks/"+strings.ToUpper(mine.String())+"?video="+string(h.film.id), ""), http.StatusNotFound, "not_found")
	h.chunks.Corrupt(mine)
	want(t, h.asks("GET", h.chunkPath(mine), ""), http.StatusInternalServerError, "damaged")
	if err := h.library.Trash(t.Context(), h.film.id); err != nil {
		t.Fatal(err)
	}
	want(t, h.asks("GET", h.chunkPath(mine), ""), http.StatusNotFound, "trashed")
}

func TestRangesThatAreNotThereAreRefusedInJSON(t *testing.T) {
	h := newHouse(t)
	size := len(h.film.segment)
	movie := "/stream/" + string(h.film.id) + ".mp4"
	for _, path := range []string{h.segmentPath(), h.chunkPath(h.film.poster), movie, "/favicon.svg"} {
		for _, asked := range []string{"bytes=-0", "bytes=-000", "bytes=-0,-0", fmt.Sprintf("bytes=%d-", 1<<40), "bytes=5-3", "bytes=x"} {
			w := h.asks("GET", path, "", "Range", asked)
			if path == movie && w.Code != http.StatusRequestedRangeNotSatisfiable {
				continue // this film has no file
			}
			want(t, w, http.StatusRequestedRangeNotSatisfiable, "bad_range")
			if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %v", path, asked, w.Header())
			}
		}
	}
	w := h.asks("GET", h.segmentPath(), "", "Range", "bytes=-0")
	if got := w.Header().Get("Content-Range"); got != fmt.Sprintf("bytes */%d", size) {
		t.Errorf("Content-Range: %s", got)
	}
	w = h.asks("GET", h.segmentPath(), "", "Range", "bytes=0-1,-0")
	if want(t, w, http.StatusPartialContent); w.Body.Len() != 2 {
		t.Errorf("%d bytes", w.Body.Len())
	}
	w = h.asks("GET", h.segmentPath(), "", "Range", "bytes=-0", "If-Range", `"another"`)
	if want(t, w, http.StatusOK); w.Body.Len() != size {
		t.Errorf("%d bytes", w.Body.Len())
	}
}
