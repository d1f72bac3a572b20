package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/httpapi"
	"shoal/internal/ingest"
	"shoal/internal/library"
)

type video struct {
	ID, Title, State, Stage string
	SourceName              string `json:"source_name"`
	Duplicate               bool
	Poster                  *string
	Error                   *library.Problem
	Copies                  struct{ Want, Have int }
}

func TestARawBodyBecomesAVideo(t *testing.T) {
	h := newHouse(t)
	w := h.adminAsks("POST", "/api/v1/videos?name=Some.Film.mp4&title=Some+Title", "bytes")
	want(t, w, http.StatusCreated)
	v := decode[video](t, w.Body)
	if v.Title != "Some Title" || v.SourceName != "Some.Film.mp4" || v.State != "processing" || v.Duplicate {
		t.Errorf("video %+v", v)
	}
	if got := w.Header().Get("Location"); got != "/api/v1/videos/"+v.ID {
		t.Errorf("Location %q", got)
	}
	if up := h.importer.last(); up.Size != 5 {
		t.Errorf("announced size %d", up.Size)
	}
}

func TestAFileWithoutANameIsCalledVideo(t *testing.T) {
	h := newHouse(t)
	v := decode[video](t, h.adminAsks("POST", "/api/v1/videos", "bytes").Body)
	if v.SourceName != "video" || v.Title != "video" {
		t.Errorf("video %+v", v)
	}
}

// form makes a multipart body of fields in order; a field "file" is a file.
func form(fields ...string) (body, kind string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "file" {
			part, _ := w.CreateFormFile("file", "Form.Film.mkv")
			_, _ = io.WriteString(part, fields[i+1])
			continue
		}
		_ = w.WriteField(fields[i], fields[i+1])
	}
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

func TestAFormBecomesAVideo(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		fields []string
		title  string
		source string
	}{
		"file alone":       {"", []string{"file", "bytes"}, "Form Film", "Form.Film.mkv"},
		"fields before":    {"", []string{"title", "T", "other", "x", "name", "n.mp4", "file", "b"}, "T", "n.mp4"},
		"fields after":     {"", []string{"file", "bytes", "title", "late"}, "Form Film", "Form.Film.mkv"},
		"name in the path": {"?name=q.mp4&title=Q", []string{"file", "bytes"}, "Q", "q.mp4"},
	} {
		h := newHouse(t)
		body, kind := form(c.fields...)
		w := h.adminAsks("POST", "/api/v1/videos"+c.query, body, "Content-Type", kind)
		want(t, w, http.StatusCreated)
		if v := decode[video](t, w.Body); v.Title != c.title || v.SourceName != c.source {
			t.Errorf("%s: video %+v", name, v)
		}
		if h.importer.last().Size != -1 {
			t.Errorf("%s: the size of a part is not known before its end", name)
		}
	}
}

func TestABadFormIsRefused(t *testing.T) {
	h := newHouse(t)
	many := make([]string, 0, 40)
	for range 20 {
		many = append(many, "x", "y")
	}
	for name, fields := range map[string][]string{
		"no file":    {"title", "T"},
		"long field": {"title", strings.Repeat("x", 5000), "file", "bytes"},
		"many parts": append(many, "file", "bytes"),
	} {
		body, kind := form(fields...)
		w := h.adminAsks("POST", "/api/v1/videos", body, "Content-Type", kind)
		if want(t, w, http.StatusBadRequest, "bad_form"); t.Failed() {
			t.Fatal(name)
		}
	}
	want(t, h.adminAsks("POST", "/api/v1/videos", "--x--", "Content-Type", "multipart/form-data"), http.StatusBadRequest, "bad_form")
	unended := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\nbytes"
	want(t, h.adminAsks("POST", "/api/v1/videos", unended, "Content-Type", "multipart/form-data; boundary=x"), http.StatusBadRequest, "bad_form")
}

func TestWhatCannotBeTakenIsRefusedWithAReason(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"empty":       {ingest.ErrEmpty, 422, "empty"},
		"too large":   {fmt.Errorf("x: %w", ingest.ErrTooLarge), 413, "too_large"},
		"disk full":   {chunk.ErrFull, 507, "disk_full"},
		"busy":        {ingest.ErrBusy, 503, "busy"},
		"no ffmpeg":   {ingest.ErrNoFFmpeg, 503, "no_ffmpeg"},
		"bad title":   {library.ErrTitle, 422, "bad_title"},
		"deleted":     {library.ErrNotFound, 409, "deleted"},
		"the unknown": {errInside, 500, "internal"},
	} {
		h := newHouse(t)
		h.importer.refuse = c.err
		w := h.adminAsks("POST", "/api/v1/videos", "bytes")
		want(t, w, c.status, c.code)
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: the answer shows what is inside: %s", name, w.Body)
		}
		if (w.Header().Get("Retry-After") != "") != (c.code == "busy") {
			t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
		}
	}
}

func TestAnEmptyBodyIsRefused(t *testing.T) {
	h := newHouse(t)
	want(t, h.adminAsks("POST", "/api/v1/videos", ""), http.StatusUnprocessableEntity, "empty")
	body, kind := form("file", "")
	want(t, h.adminAsks("POST", "/api/v1/videos", body, "Content-Type", kind), http.StatusUnprocessableEntity, "empty")
}

func TestAFileLargerThanTheLimitIsRefused(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.MaxUpload = 100 })
	want(t, h.adminAsks("POST", "/api/v1/videos", strings.Repeat("x", 100)), http.StatusCreated)
	want(t, h.adminAsks("POST", "/api/v1/videos", strings.Repeat("x", 101)), http.StatusRequestEntityTooLarge, "too_large")
	url := h.serve()
	c := dial(t, url)
	c.says("POST /api/v1/videos", "Authorization: Bearer "+token, "Transfer-Encoding: chunked")
	c.sends("65\r\n" + strings.Repeat("y", 101) + "\r\n0\r\n\r\n")
	if got := c.hears(); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("of unknown length: %d", got.StatusCode)
	}
	if got := len(h.importer.breaks()); got != 1 {
		t.Errorf("%d bodies broke off, want 1", got)
	}
}

func TestTwoUploadsOfOneFileAtOnceAreOneVideo(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	const uploads = 8
	var wg sync.WaitGroup
	answers := make([]video, uploads)
	statuses := make([]int, uploads)
	for i := range uploads {
		wg.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/api/v1/videos?name=a.mp4", strings.NewReader("one film"))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+token)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			statuses[i], answers[i] = answer.StatusCode, decode[video](t, answer.Body)
		})
	}
	wg.Wait()
	created := 0
	for i, v := range answers {
		if v.ID != answers[0].ID {
			t.Errorf("answered with two videos: %s, %s", v.ID, answers[0].ID)
		}
		switch {
		case statuses[i] == http.StatusCreated && !v.Duplicate:
			created++
		case statuses[i] != http.StatusOK || !v.Duplicate:
			t.Errorf("answer %d %+v", statuses[i], v)
		}
	}
	if created != 1 {
		t.Errorf("%d videos were made", created)
	}
}

func TestARefusedUploadIsToldBeforeItsBodyIsSent(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.MaxUpload = 1 << 30 })
	url := h.serve()
	full := func() { h.disk.room.Store(1000) }
	for name, c := range map[string]struct {
		before  func()
		headers []string
		status  int
	}{
		"no token":  {nil, []string{"Content-Length: 5000"}, 401},
		"bad token": {nil, []string{"Content-Length: 5000", "Authorization: Bearer x"}, 401},
		"bad host":  {nil, append(upload(5000), "Host: evil.test"), 421},
		"too large": {nil, upload(2 << 30), 413},
		"disk full": {full, upload(5000), 507},
	} {
		if c.before != nil {
			c.before()
		}
		conn := dial(t, url)
		conn.says("POST /api/v1/videos", append(c.headers, "Expect: 100-continue")...)
		answer := conn.hears()
		if answer.StatusCode != c.status || !answer.Close {
			t.Errorf("%s: %d, close %v; want %d and the end", name, answer.StatusCode, answer.Close, c.status)
		}
	}
	if len(h.importer.uploads) != 0 {
		t.Error("an upload got through")
	}
}

func TestAnAcceptedUploadIsToldToGoOn(t *testing.T) {
	h := newHouse(t)
	c := dial(t, h.serve())
	c.says("POST /api/v1/videos", append(upload(5), "Expect: 100-continue")...)
	if got := c.hears(); got.StatusCode != http.StatusContinue {
		t.Fatalf("first answer %d", got.StatusCode)
	}
	c.sends("bytes")
	if got := c.hears(); got.StatusCode != http.StatusCreated || got.Close {
		t.Errorf("second answer %d, close %v", got.StatusCode, got.Close)
	}
}

func TestAnImpatientUploaderSeesTheRefusal(t *testing.T) {
	h := newHouse(t)
	const size = 12 << 20
	c := dial(t, h.serve())
	c.says("POST /api/v1/videos", fmt.Sprintf("Content-Length: %d", size))
	block := strings.Repeat("x", 1<<20)
	for range size / len(block) {
		c.sends(block) // fails the test if the connection is reset
	}
	if got := c.hears(); got.StatusCode != http.StatusUnauthorized || !got.Close {
		t.Errorf("answer %d, close %v", got.StatusCode, got.Close)
	}
}

func TestEightUploadsRunAtOnceAndTheNinthWaits(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	running := make([]*client, 8)
	for i := range running {
		running[i] = dial(t, url)
		running[i].says("POST /api/v1/videos", append(upload(5), "Expect: 100-continue")...)
		if got := running[i].hears(); got.StatusCode != http.StatusContinue {
			t.Fatalf("upload %d: %d", i, got.StatusCode)
		}
	}
	ninth := dial(t, url)
	ninth.says("POST /api/v1/videos", upload(5)...)
	ninth.sends("nine ")
	if got := ninth.hears(); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("the ninth: %d, Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
	}
	running[0].sends("first")
	if got := running[0].hears(); got.StatusCode != http.StatusCreated {
		t.Errorf("the first: %d", got.StatusCode)
	}
	again := dial(t, url)
	again.says("POST /api/v1/videos", upload(5)...)
	again.sends("again")
	if got := again.hears(); got.StatusCode != http.StatusCreated {
		t.Errorf("after the first: %d", got.StatusCode)
	}
}

func TestAVanishedUploaderLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		before := h.library.Totals()
		c := l.dial(t)
		c.says("POST /api/v1/videos", upload(1000)...)
		c.sends("half a film")
		synctest.Wait()
		if got := h.library.Totals().States[library.Receiving]; got != 1 {
			t.Errorf("%d videos arrive, want 1", got)
		}
		_ = c.Close()
		synctest.Wait()
		if after := h.library.Totals(); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("totals %+v, want %+v", after, before)
		}
		if got := h.importer.breaks(); len(got) != 1 {
			t.Errorf("bodies broke off with %v", got)
		}
		if strings.Contains(h.log.String(), "level=ERROR") {
			t.Errorf("log: %s", h.log)
		}
	})
}

func TestASilentUploaderIsCutOffAndASlowOneIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		c := l.dial(t)
		c.says("POST /api/v1/videos", upload(1000)...)
		for range 10 {
			time.Sleep(59 * time.Second)
			c.sends("a bit")
		}
		quiet := time.Now()
		answer := c.hears()
		if got := time.Since(quiet); answer.StatusCode != http.StatusRequestTimeout || got != time.Minute {
			t.Errorf("answer %d after %v, want 408 after a minute", answer.StatusCode, got)
		}
		if got := h.importer.breaks(); len(got) != 1 || !errors.Is(got[0], os.ErrDeadlineExceeded) {
			t.Errorf("bodies broke off with %v", got)
		}
		if !c.ended() {
			t.Error("the connection goes on")
		}
	})
}

func TestAnUploadMayWaitLongForItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		slow := &slowImporter{Importer: h.importer, wait: 10 * time.Minute}
		h2 := newHouse(t, func(cfg *httpapi.Config) { cfg.Importer, cfg.Library = slow, h.library })
		l := newPipes()
		h2.serveOn(l)
		c := l.dial(t)
		c.says("POST /api/v1/videos", upload(5)...)
		c.sends("bytes")
		if got := c.hears(); got.StatusCode != http.StatusCreated {
			t.Errorf("answer %d", got.StatusCode)
		}
	})
}
