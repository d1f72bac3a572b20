package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/manifest"
)

func TestASegmentComesWholeAcrossItsChunks(t *testing.T) {
	h := newHouse(t)
	w := h.asks("GET", h.segmentPath(), "")
	if want(t, w, http.StatusOK); !bytes.Equal(w.Body.Bytes(), h.film.segment) {
		t.Errorf("%d bytes of the segment's %d came, or other ones", w.Body.Len(), len(h.film.segment))
	}
}

func TestEveryRangeIsAPartOfTheSegment(t *testing.T) {
	h := newHouse(t)
	size := len(h.film.segment)
	for _, c := range [][2]int{{0, 0}, {0, size - 1}, {chunk.MaxSize - 1, chunk.MaxSize}, {chunk.MaxSize, size - 1}, {5, chunk.MaxSize + 5}, {size - 1, size - 1}} {
		w := h.asks("GET", h.segmentPath(), "", "Range", fmt.Sprintf("bytes=%d-%d", c[0], c[1]))
		if want(t, w, http.StatusPartialContent); !bytes.Equal(w.Body.Bytes(), h.film.segment[c[0]:c[1]+1]) {
			t.Errorf("bytes %d to %d are others", c[0], c[1])
		}
	}
}

func TestSoundHasItsOwnType(t *testing.T) {
	h := newHouse(t)
	hash := h.film.manifest.Renditions[1].Segments[0].Hash
	w := h.asks("GET", "/hls/"+string(h.film.id)+"/a0/"+manifest.SegmentName(hash), "")
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != "audio/mp4" {
		t.Errorf("%d, type %q", w.Code, got)
	}
}

func TestADamagedChunkIsNeverSentAndIsLogged(t *testing.T) {
	first := chunk.Sum(chunktest.Data(7, chunk.MaxSize+3000)[:chunk.MaxSize])
	h := newHouse(t)
	h.chunks.Corrupt(first)
	w := h.asks("GET", h.segmentPath(), "")
	want(t, w, http.StatusInternalServerError, "damaged")
	if w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("headers of the segment stayed: %v", w.Header())
	}
	if log := h.log.String(); !strings.Contains(log, first.String()) || !strings.Contains(log, w.Header().Get("X-Request-Id")) {
		t.Errorf("log: %s", log)
	}
}

func TestASegmentThatBreaksInTheMiddleIsCutOff(t *testing.T) {
	for name, headers := range map[string][]string{"whole": nil, "a range": {"Range: bytes=0-"}} {
		h := newHouse(t)
		second := chunk.Sum(h.film.segment[chunk.MaxSize:])
		h.chunks.Corrupt(second)
		c := dial(t, h.serve())
		c.says("GET "+h.segmentPath(), headers...)
		answer := c.hears()
		got, err := io.ReadAll(answer.Body)
		if err == nil || !bytes.HasPrefix(h.film.segment, got) {
			t.Errorf("%s: %d bytes came, error %v: half an answer passed for a whole one", name, len(got), err)
		}
		if !strings.Contains(h.log.String(), second.String()) {
			t.Errorf("%s: nothing in the log", name)
		}
	}
}

func TestSentBytesAreCounted(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	size := len(h.film.segment)
	for _, c := range []struct {
		method  string
		headers []string
		bytes   int
	}{
		{"GET", nil, size},
		{"GET", []string{"Range: bytes=0-99"}, 100},
		{"HEAD", nil, 0},
		{"GET", []string{"If-None-Match: \"" + h.film.hash.String() + "\""}, 0},
		{"GET", []string{"Host: evil.test"}, 0},
	} {
		before := h.counted("segment")
		conn := dial(t, url)
		conn.says(c.method+" "+h.segmentPath(), append(c.headers, "Connection: close")...)
		_, err := io.Copy(io.Discard, conn)
		if err != nil {
			t.Error(err)
		}
		if got := h.counted("segment") - before; got != c.bytes {
			t.Errorf("%s %v: %d bytes were counted, want %d", c.method, c.headers, got, c.bytes)
		}
	}
	want(t, h.asks("GET", strings.Replace(h.segmentPath(), "v0", "a0", 1), ""), http.StatusNotFound)
	if got := h.counted("segment"); got != size+100 {
		t.Errorf("with an error message %d bytes were counted, want %d", got, size+100)
	}
	before := h.counted("page")
	want(t, h.asks("HEAD", "/hls/"+string(h.film.id)+"/master.m3u8", ""), http.StatusOK)
	if got := h.counted("page") - before; got != 0 {
		t.Errorf("a HEAD was counted as %d bytes", got)
	}
	w := h.asks("GET", "/", "")
	if got := h.counted("page") - before; got != w.Body.Len() || got == 0 {
		t.Errorf("a page of %d bytes was counted as %d", w.Body.Len(), got)
	}
	if got := h.counted("chunk"); got != 0 {
		t.Errorf("%d bytes of chunks", got)
	}
}

// counted reads shoal_origin_bytes_total of a kind.
func (h *house) counted(kind string) int {
	h.t.Helper()
	return int(h.metric(`shoal_origin_bytes_total{kind="` + kind + `"}`))
}

func TestASlowViewerGetsItsSegmentAndAStalledOneIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		slow := l.dial(t)
		slow.says("GET " + h.segmentPath())
		answer := slow.hears()
		var got bytes.Buffer
		for { // 32 KiB in two seconds: more than a minute in all
			n, err := io.CopyN(&got, answer.Body, 32<<10)
			if n == 0 || err != nil {
				break
			}
			time.Sleep(2 * time.Second)
		}
		if !bytes.Equal(got.Bytes(), h.film.segment) {
			t.Errorf("the slow viewer got %d bytes of %d", got.Len(), len(h.film.segment))
		}
		stalled := l.dial(t)
		stalled.says("GET " + h.segmentPath())
		stalled.hears()
		time.Sleep(31 * time.Second)
		rest, _ := io.Copy(io.Discard, stalled.reader)
		if rest >= int64(len(h.film.segment)) {
			t.Error("the stalled viewer got everything after all")
		}
	})
}

func FuzzAnyRangeIsAnsweredRight(f *testing.F) {
	h := newHouse(around{f})
	for _, seed := range []string{"bytes=0-", "bytes=-5", "bytes=5-2", "bytes=0-0,2-3", "bytes=99999999999999999999-", "chars=1-2", "bytes=,", "bytes=0-0,0-0,0-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		w := h.asks("GET", h.segmentPath(), "", "Range", value)
		switch w.Code {
		case http.StatusOK:
			if !bytes.Equal(w.Body.Bytes(), h.film.segment) {
				t.Errorf("%q: not the whole segment", value)
			}
		case http.StatusPartialContent:
			checkParts(t, w, h.film.segment)
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Errorf("%q: status %d", value, w.Code)
		}
	})
}

// checkParts compares each part of an answer with the place in whole that it claims to be.
func checkParts(t *testing.T, w *httptest.ResponseRecorder, whole []byte) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/byteranges" {
		checkPart(t, w.Header().Get("Content-Range"), w.Body.Bytes(), whole)
		return
	}
	for parts := multipart.NewReader(w.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		checkPart(t, part.Header.Get("Content-Range"), data, whole)
	}
}

func checkPart(t *testing.T, contentRange string, data, whole []byte) {
	t.Helper()
	var from, to, size int
	if _, err := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &from, &to, &size); err != nil {
		t.Fatalf("Content-Range %q: %v", contentRange, err)
	}
	if size != len(whole) || from < 0 || to >= size || !bytes.Equal(data, whole[from:to+1]) {
		t.Errorf("Content-Range %q does not fit its %d bytes", contentRange, len(data))
	}
}

func TestPlaylistsOfADraftAreServed(t *testing.T) {
	h := newHouse(t)
	id := h.accepted("being prepared")
	w := h.asks("GET", "/hls/"+string(id)+"/master.m3u8", "")
	if want(t, w, http.StatusServiceUnavailable, "processing"); w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	draft := h.film.manifest.Snapshot()
	draft.Complete = false
	h.library.Draft(id, draft)
	w = h.asks("GET", "/hls/"+string(id)+"/master.m3u8", "")
	if want(t, w, http.StatusOK); !strings.HasPrefix(w.Body.String(), "#EXTM3U") {
		t.Errorf("playlist %q", w.Body)
	}
	if err := h.library.Fail(context.Background(), id, "broken", "no"); err != nil {
		t.Fatal(err)
	}
	want(t, h.asks("GET", "/hls/"+string(id)+"/master.m3u8", ""), http.StatusConflict, "failed")
}

func TestPlaylistOfALongFilmIsCompressedForWhoTakesThat(t *testing.T) {
	h := newHouse(t)
	m := *h.film.manifest
	m.Renditions = slices.Clone(m.Renditions)
	picture := &m.Renditions[0]
	picture.Segments = nil
	for i := range 200 {
		picture.Segments = append(picture.Segments, manifest.Segment{Blob: h.film.manifest.Renditions[0].Segments[0].Blob, Start: uint64(i) * 4000, Duration: 4000})
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.library.Publish(t.Context(), h.film.id, &m, h.blob(data).Chunks); err != nil {
		t.Fatal(err)
	}
	path := "/hls/" + string(h.film.id) + "/v0/index.m3u8"
	plain := h.asks("GET", path, "")
	packed := h.asks("GET", path, "", "Accept-Encoding", "gzip, deflate")
	if plain.Header().Get("Content-Encoding") != "" || packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("plain %v, packed %v", plain.Header(), packed.Header())
	}
	if packed.Body.Len() > plain.Body.Len()/2 || strconv.Itoa(packed.Body.Len()) != packed.Header().Get("Content-Length") {
		t.Errorf("%d bytes for %d, declared as %s", packed.Body.Len(), plain.Body.Len(), packed.Header().Get("Content-Length"))
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain.Body.String() {
		t.Errorf("%v, or another text", err)
	}
	if short := h.asks("GET", "/hls/"+string(h.film.id)+"/a0/index.m3u8", "", "Accept-Encoding", "gzip"); short.Header().Get("Content-Encoding") != "" {
		t.Error("a short list is compressed")
	}
}
