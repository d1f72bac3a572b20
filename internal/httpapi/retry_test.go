package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// waits adds a film to the real importer, which is not run.
func (h *house) waits(content string) manifest.VideoID {
	h.t.Helper()
	got, err := h.importer.Importer.Accept(h.t.Context(), ingest.Upload{Name: "film.mp4", Size: -1, Body: strings.NewReader(content)})
	if err != nil {
		h.t.Fatal(err)
	}
	return got.ID
}

func TestWorkIsStoppedAndTakenUpAgain(t *testing.T) {
	h := newHouse(t)
	id := h.waits("a film")
	path := "/api/v1/videos/" + string(id)
	type answer struct {
		State string
		Error *struct{ Code string }
		Retry *time.Time `json:"retry_until"`
	}
	w := h.adminAsks("POST", path+"/cancel", "")
	want(t, w, http.StatusOK)
	v := decode[answer](t, w.Body)
	if v.State != "failed" || v.Error.Code != "stopped" || v.Retry == nil || !v.Retry.Equal(h.clock.now().Add(7*24*time.Hour)) {
		t.Fatalf("%+v", v)
	}
	w = h.adminAsks("POST", path+"/retry", "")
	want(t, w, http.StatusOK)
	if v := decode[answer](t, w.Body); v.State != "processing" || v.Error != nil || v.Retry != nil {
		t.Errorf("%+v", v)
	}
	want(t, h.adminAsks("POST", path+"/retry", ""), http.StatusConflict, "wrong_state")
	want(t, h.adminAsks("POST", path+"/cancel", ""), http.StatusOK)
	want(t, h.adminAsks("POST", path+"/cancel", ""), http.StatusOK)
	again := h.waits("a film")
	want(t, h.adminAsks("POST", path+"/retry", ""), http.StatusConflict, "duplicate")
	h.importer.cancel = true
	want(t, h.adminAsks("DELETE", "/api/v1/videos/"+string(again)+"?purge=true", ""), http.StatusNoContent)
	want(t, h.adminAsks("POST", path+"/retry", ""), http.StatusOK)
}

func TestRetryNeedsTheFileAndCancelEndsWhatArrives(t *testing.T) {
	h := newHouse(t)
	failed := h.accepted("failed.mp4")
	if err := h.library.Fail(t.Context(), failed, "not_a_video", "no"); err != nil {
		t.Fatal(err)
	}
	want(t, h.adminAsks("POST", "/api/v1/videos/"+string(failed)+"/retry", ""), http.StatusConflict, "no_source")
	ready := "/api/v1/videos/" + string(h.film.id)
	want(t, h.adminAsks("POST", ready+"/retry", ""), http.StatusConflict, "wrong_state")
	want(t, h.adminAsks("POST", ready+"/cancel", ""), http.StatusOK)
	if v, err := h.library.Get(h.film.id); err != nil || v.State != library.Ready {
		t.Errorf("%+v, %v", v, err)
	}
	h.importer.cancel = true
	arriving, err := h.importer.Begin(t.Context(), ingest.Upload{Name: "film.mp4", Size: 100})
	if err != nil {
		t.Fatal(err)
	}
	want(t, h.adminAsks("POST", "/api/v1/videos/"+string(arriving.ID)+"/cancel", ""), http.StatusNoContent)
	want(t, h.adminAsks("POST", "/api/v1/videos/"+string(arriving.ID)+"/cancel", ""), http.StatusNotFound, "not_found")
}
