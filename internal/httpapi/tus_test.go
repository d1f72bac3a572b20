package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/httpapi"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

const piece = "application/offset+octet-stream"

// tus sends a request of the protocol straight to the handler, as the admin.
func (h *house) tus(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.adminAsks(method, path, body, append(headers, "Tus-Resumable", "1.0.0")...)
}

// begin begins an upload and returns where it goes on.
func (h *house) begin(size int, metadata ...string) string {
	h.t.Helper()
	w := h.tus("POST", "/api/v1/uploads", "", append([]string{"Upload-Length", strconv.Itoa(size)}, metadata...)...)
	want(h.t, w, http.StatusCreated)
	return w.Header().Get("Location")
}

func (h *house) patch(at string, offset int, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.tus("PATCH", at, body, "Content-Type", piece, "Upload-Offset", strconv.Itoa(offset))
}

// offset asks how much has arrived.
func (h *house) offset(at string) int {
	h.t.Helper()
	w := h.tus("HEAD", at, "")
	want(h.t, w, http.StatusOK)
	n, err := strconv.Atoi(w.Header().Get("Upload-Offset"))
	if err != nil {
		h.t.Errorf("offset: %v", err)
	}
	return n
}

// finished fails the test unless what the last answer names is a video of exactly these bytes.
func (h *house) finished(w *httptest.ResponseRecorder, content string) manifest.VideoID {
	h.t.Helper()
	id := manifest.VideoID(w.Header().Get("Shoal-Video"))
	v, err := h.library.Get(id)
	if err != nil {
		h.t.Fatalf("the answer %d names no video: %v", w.Code, err)
	}
	if v.SourceSHA256 != chunk.Sum([]byte(content)) || v.Size != int64(len(content)) {
		h.t.Errorf("the video has %d bytes and hash %s", v.Size, v.SourceSHA256)
	}
	if w.Header().Get("Shoal-Duplicate") == "" {
		stored, err := os.ReadFile(filepath.Join(h.importer.dir, string(id), "source"))
		if err != nil || string(stored) != content {
			h.t.Errorf("the file on disk has other bytes: %d, %v", len(stored), err)
		}
	}
	return id
}

// folders lists what lies in the folder of the importer.
func (h *house) folders() (names []string) {
	h.t.Helper()
	entries, err := os.ReadDir(h.importer.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileInPiecesIsTheFile(t *testing.T) {
	h := newHouse(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	content := string(chunktest.Data(seed, 3<<20))
	at := h.begin(len(content))
	var w *httptest.ResponseRecorder
	for sent := 0; sent < len(content); {
		n := min(1+random.IntN(900_000), len(content)-sent)
		w = h.patch(at, sent, content[sent:sent+n])
		want(t, w, http.StatusNoContent)
		sent += n
	}
	h.finished(w, content)
}

func TestABrokenUploadGoesOnWhereItIsDurable(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	content := string(chunktest.Data(3, 2<<20))
	at := h.begin(len(content))
	sent := 0
	for _, keep := range []int{300_000, 1, 500_000} {
		from := h.offset(at)
		sent = max(sent, from+keep)
		c := dial(t, url)
		c.says("PATCH "+at, append(upload(len(content)-from), "Tus-Resumable: 1.0.0", "Content-Type: "+piece,
			fmt.Sprintf("Upload-Offset: %d", from))...)
		c.sends(content[from : from+keep])
		_ = c.Close()
		if got := h.offset(at); got < from || got > sent {
			t.Errorf("%d bytes arrived, %d were sent", got, sent)
		}
	}
	// What the broken connections carried may still be taken in, each once: then the offset is another one, or
	// this request is taken for the older one.
	var w *httptest.ResponseRecorder
	for range 4 {
		from := h.offset(at)
		if w = h.patch(at, from, content[from:]); w.Code == http.StatusNoContent {
			break
		}
	}
	h.finished(w, content)
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("log: %s", h.log)
	}
}

func TestANewRequestTakesOverFromOneThatHangs(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	at := h.begin(10)
	hung := dial(t, url)
	hung.says("PATCH "+at, append(upload(10), "Tus-Resumable: 1.0.0", "Content-Type: "+piece, "Upload-Offset: 0", "Expect: 100-continue")...)
	if got := hung.hears(); got.StatusCode != http.StatusContinue { // its body is waited for now
		t.Fatalf("first answer %d", got.StatusCode)
	}
	began := time.Now()
	if got := h.offset(at); got != 0 {
		t.Errorf("offset %d", got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	answer := hung.hears()
	if answer.StatusCode != http.StatusBadRequest || !answer.Close {
		t.Errorf("the old request: %d, close %v", answer.StatusCode, answer.Close)
	}
	h.finished(h.patch(at, 0, "ten bytes!"), "ten bytes!")
}

func TestASilentUploadIsPausedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		at := h.begin(1000)
		c := l.dial(t)
		c.says("PATCH "+at, append(upload(1000), "Tus-Resumable: 1.0.0", "Content-Type: "+piece, "Upload-Offset: 0")...)
		for range 3 {
			c.sends("a bit")
			time.Sleep(59 * time.Second)
		}
		answer := c.hears()
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Errorf("answer %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
		}
		if got := h.offset(at); got != 15 {
			t.Errorf("%d bytes are kept, want 15", got)
		}
		time.Sleep(time.Second) // the protocol's goroutines end by the clock
	})
}

func TestAnUploadGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	content := string(chunktest.Data(5, 1<<20))
	before := newHouseOver(t, dir, ingest.Config{})
	at := before.begin(len(content), "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte("A Film.mkv")))
	want(t, before.patch(at, 0, content[:400_000]), http.StatusNoContent)

	h := newHouseOver(t, dir, ingest.Config{})
	id := manifest.VideoID(filepath.Base(at))
	v, err := h.library.Get(id)
	if err != nil || v.State != library.Receiving || v.Title != "A Film" || v.SourceName != "A Film.mkv" {
		t.Errorf("listed as %+v, %v", v, err)
	}
	if wanted := 0.25 * 400_000 / float64(len(content)); v.Progress != wanted {
		t.Errorf("progress %f, want %f", v.Progress, wanted)
	}
	if got := h.offset(at); got != 400_000 {
		t.Errorf("%d bytes are here", got)
	}
	if got := h.finished(h.patch(at, 400_000, content[400_000:]), content); got != id {
		t.Errorf("video %s, upload %s", got, id)
	}
}

func TestUploadsOfOneFileAtOnceAreOneVideo(t *testing.T) {
	h := newHouse(t)
	const uploads = 6
	answers := make([]*httptest.ResponseRecorder, uploads)
	places := make([]string, uploads)
	for i := range places {
		places[i] = h.begin(8)
	}
	var wg sync.WaitGroup
	for i, at := range places {
		wg.Go(func() { answers[i] = h.patch(at, 0, "one film") })
	}
	wg.Wait()
	fresh := 0
	for i, w := range answers {
		want(t, w, http.StatusNoContent)
		if got := w.Header().Get("Shoal-Video"); got != answers[0].Header().Get("Shoal-Video") {
			t.Errorf("two videos were made: %s", got)
		}
		if w.Header().Get("Shoal-Duplicate") == "" {
			fresh++
		}
		again := h.tus("HEAD", places[i], "")
		for _, name := range []string{"Shoal-Video", "Shoal-Duplicate"} {
			if again.Header().Get(name) != w.Header().Get(name) {
				t.Errorf("asked again: %s %q, first %q", name, again.Header().Get(name), w.Header().Get(name))
			}
		}
	}
	if fresh != 1 {
		t.Errorf("%d are new, want 1", fresh)
	}
}

func TestAnAbandonedUploadIsThrownAwayAfterADay(t *testing.T) {
	h := newHouse(t)
	at := h.begin(10)
	h.clock.move(20 * time.Hour)
	w := h.patch(at, 0, "five!")
	expires, err := http.ParseTime(w.Header().Get("Upload-Expires"))
	if err != nil || !expires.Equal(h.clock.now().Add(24*time.Hour)) {
		t.Errorf("expires %v, %v", expires, err)
	}
	h.clock.move(24*time.Hour - time.Second)
	if got := h.offset(at); got != 5 {
		t.Errorf("offset %d", got)
	}
	h.clock.move(2 * time.Second)
	want(t, h.tus("HEAD", at, ""), http.StatusNotFound, "no_upload")
	want(t, h.patch(at, 5, "five!"), http.StatusNotFound, "no_upload")
	if left := h.folders(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := h.library.Get(manifest.VideoID(filepath.Base(at))); err == nil {
		t.Error("it is still listed")
	}
}

func TestWhatCannotArriveIsRefusedBeforeItsFirstByte(t *testing.T) {
	h := newHouseOver(t, t.TempDir(), ingest.Config{MaxArriving: 3}, func(cfg *httpapi.Config) { cfg.MaxUpload = 1 << 40 })
	post := func(size string) *httptest.ResponseRecorder {
		return h.tus("POST", "/api/v1/uploads", "", "Upload-Length", size)
	}
	want(t, post("0"), http.StatusUnprocessableEntity, "empty")
	w := post(strconv.Itoa(1<<40 + 1))
	want(t, w, http.StatusRequestEntityTooLarge, "too_large")
	if got := w.Header().Get("Tus-Max-Size"); got != strconv.Itoa(1<<40) {
		t.Errorf("Tus-Max-Size %q", got)
	}
	want(t, post("99999999999999999999"), http.StatusBadRequest, "bad_upload")

	h.disk.room.Store(1000)
	h.begin(400)
	want(t, post("400"), http.StatusInsufficientStorage, "disk_full") // room is promised to the first
	h.begin(50)
	h.begin(5)
	w = post("5")
	want(t, w, http.StatusServiceUnavailable, "busy")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if got := h.library.Totals().States[library.Receiving]; got != 3 {
		t.Errorf("%d uploads are listed", got)
	}
}

func TestADiskThatFillsKeepsWhatArrived(t *testing.T) {
	h := newHouse(t)
	content := string(chunktest.Data(9, 40<<20))
	at := h.begin(len(content))
	h.disk.room.Store(0)
	want(t, h.patch(at, 0, content), http.StatusInsufficientStorage, "disk_full")
	from := h.offset(at)
	if from == 0 || from == len(content) {
		t.Errorf("%d bytes are kept", from)
	}
	h.disk.room.Store(1 << 40)
	h.finished(h.patch(at, from, content[from:]), content)
}

func TestDeletingAVideoThatArrivesEndsItsUpload(t *testing.T) {
	h := newHouse(t)
	at := h.begin(10)
	want(t, h.patch(at, 0, "five!"), http.StatusNoContent)
	// The importer of this house does not cancel by itself.
	h.importer.cancel = true
	want(t, h.adminAsks("DELETE", "/api/v1/videos/"+filepath.Base(at)+"?purge=true", ""), http.StatusNoContent)
	want(t, h.patch(at, 5, "five!"), http.StatusNotFound, "no_upload")
	if left := h.folders(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestOnlyEightPiecesTravelAtOnce(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	for range 8 {
		c := dial(t, url)
		c.says("PATCH "+h.begin(10), append(upload(10), "Tus-Resumable: 1.0.0", "Content-Type: "+piece, "Upload-Offset: 0", "Expect: 100-continue")...)
		if got := c.hears(); got.StatusCode != http.StatusContinue {
			t.Fatalf("first answer %d", got.StatusCode)
		}
	}
	w := h.patch(h.begin(10), 0, "ten bytes!")
	want(t, w, http.StatusServiceUnavailable, "busy")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestALargeUploadIsHashedWithoutBeingReadAgain(t *testing.T) {
	// After a restart the hash goes on from its saved state: bytes on disk that change meanwhile do not count.
	dir := t.TempDir()
	before := newHouseOver(t, dir, ingest.Config{})
	at := before.begin(10)
	want(t, before.patch(at, 0, "five!"), http.StatusNoContent)
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(at), "source"), []byte("FIVE!"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouseOver(t, dir, ingest.Config{})
	w := h.patch(at, 5, "bytes")
	v, err := h.library.Get(manifest.VideoID(w.Header().Get("Shoal-Video")))
	if err != nil || v.SourceSHA256 != sha256.Sum256([]byte("five!bytes")) {
		t.Errorf("hash %s, %v", v.SourceSHA256, err)
	}
}

func FuzzUploadMetadata(f *testing.F) {
	for _, seed := range []string{
		"", "filename", "filename ", "filename !!!", "filename Li4vLi4vZXRjL3Bhc3N3ZA==", "filename AAA=,title AAA=",
		"filename " + base64.StdEncoding.EncodeToString([]byte("a\x00b\r\nc\xff/..\\")), ",,,  ,a b c,",
		"filename " + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("é", 3000))),
	} {
		f.Add(seed)
	}
	h := newHouse(around{f})
	f.Fuzz(func(t *testing.T, metadata string) {
		for _, c := range metadata {
			if c < ' ' || c > '~' {
				t.Skip("no header")
			}
		}
		w := h.asks("POST", "/api/v1/uploads", "", "Upload-Length", "5", "Upload-Metadata", metadata,
			"Tus-Resumable", "1.0.0", "Authorization", "Bearer "+token)
		if w.Code == http.StatusUnprocessableEntity {
			return // the title is none
		}
		if w.Code != http.StatusCreated {
			t.Fatalf("answer %d: %s", w.Code, w.Body)
		}
		at := w.Header().Get("Location")
		v, err := h.library.Get(manifest.VideoID(filepath.Base(at)))
		if err != nil || strings.ContainsFunc(v.SourceName+v.Title, unicode.IsControl) {
			t.Errorf("listed as %q, %q, %v", v.SourceName, v.Title, err)
		}
		h.asks("HEAD", at, "", "Tus-Resumable", "1.0.0", "Authorization", "Bearer "+token)
		if w := h.asks("DELETE", at, "", "Tus-Resumable", "1.0.0", "Authorization", "Bearer "+token); w.Code != http.StatusNoContent {
			t.Errorf("delete: %d", w.Code)
		}
	})
}

func TestAnUploadIsSentWholeOverHTTP(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	content := string(chunktest.Data(11, 700_000))
	at := h.begin(len(content))
	r, err := http.NewRequestWithContext(t.Context(), "PATCH", url+at, io.NopCloser(strings.NewReader(content))) // of no known length
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + token, "Tus-Resumable": "1.0.0", "Content-Type": piece, "Upload-Offset": "0",
	} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent || answer.Header.Get("Shoal-Video") == "" {
		t.Errorf("answer %d %v", answer.StatusCode, answer.Header)
	}
}
