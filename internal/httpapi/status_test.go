package httpapi_test

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"shoal/internal/httpapi"
	"shoal/internal/library"
)

// metric reads the value of a line of /metrics.
func (h *house) metric(name string) float64 {
	h.t.Helper()
	for lines := bufio.NewScanner(h.asks("GET", "/metrics", "").Body); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				h.t.Fatal(err)
			}
			return number
		}
	}
	h.t.Fatalf("no metric %s", name)
	return 0
}

func TestEveryPromisedMetricIsThere(t *testing.T) {
	h := newHouse(t)
	h.accepted("in work")
	for name, want := range map[string]float64{
		`shoal_origin_bytes_total{kind="segment"}`:     0,
		`shoal_origin_bytes_total{kind="chunk"}`:       0,
		`shoal_origin_bytes_total{kind="progressive"}`: 0,
		`shoal_origin_bytes_total{kind="page"}`:        0,
		`shoal_verify_failures_total{where="disk"}`:    2,
		`shoal_verify_failures_total{where="node"}`:    0,
		`shoal_verify_failures_total{where="peer"}`:    0,
		`shoal_chunks_under_copied`:                    5,
		`shoal_repair_bytes_total`:                     0,
		`shoal_members{state="alive"}`:                 1,
		`shoal_members{state="suspect"}`:               0,
		`shoal_members{state="dead"}`:                  0,
		`shoal_ingest_jobs{state="receiving"}`:         0,
		`shoal_ingest_jobs{state="processing"}`:        1,
		`shoal_viewers`:                                0,
		`shoal_leases_total{result="granted"}`:         0,
		`shoal_leases_total{result="held"}`:            0,
		`shoal_leases_total{result="ready"}`:           0,
		`shoal_leases_total{result="urgent"}`:          0,
		`shoal_leases_total{result="expired"}`:         0,
		`shoal_peer_bytes_total`:                       0,
		`shoal_chunk_reads_total{from="disk"}`:         11,
		`shoal_chunk_reads_total{from="node"}`:         0,
	} {
		if got := h.metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if h.metric(name) <= 0 {
			t.Errorf("%s is not counted", name)
		}
	}
}

func TestOneCopyIsEnoughWhenNoMoreAreWanted(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.Copies = 1 })
	if got := h.metric("shoal_chunks_under_copied"); got != 0 {
		t.Errorf("%v chunks are under-copied", got)
	}
	v := decode[video](t, h.asks("GET", "/api/v1/videos/"+string(h.film.id), "").Body)
	if v.Copies.Want != 1 || v.Copies.Have != 1 {
		t.Errorf("copies %+v", v.Copies)
	}
}

func TestStatusShowsTheWorkAndTheTrouble(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) {
		cfg.Warnings = func() []httpapi.Warning { return []httpapi.Warning{{Code: "no_ffmpeg", Message: "Install ffmpeg."}} }
	})
	id := h.accepted("in work")
	h.library.Progress(id, library.StagePrepare, 0.5)
	h.disk.room.Store(0)
	status := decode[struct {
		Ingest []struct {
			ID, Stage string
			Progress  float64
		}
		Warnings []httpapi.Warning
		Node     struct{ URL string }
	}](t, h.asks("GET", "/api/v1/status", "").Body)
	if len(status.Ingest) != 1 || status.Ingest[0].ID != string(id) || status.Ingest[0].Stage != "prepare" || status.Ingest[0].Progress != 0.5 {
		t.Errorf("ingest %+v", status.Ingest)
	}
	if len(status.Warnings) != 2 || status.Warnings[0].Code != "no_ffmpeg" || status.Warnings[1].Code != "disk_full" {
		t.Errorf("warnings %+v", status.Warnings)
	}
	if status.Node.URL != "http://"+local {
		t.Errorf("url %q", status.Node.URL)
	}
}

func TestDeletingStopsTheImport(t *testing.T) {
	for _, query := range []string{"", "?purge=true"} {
		h := newHouse(t)
		id := h.accepted("in work")
		want(t, h.adminAsks("DELETE", "/api/v1/videos/"+string(id)+query, ""), http.StatusNoContent)
		if got := h.importer.cancelled; len(got) != 1 || got[0] != id {
			t.Errorf("cancelled %v, want %s", got, id)
		}
		v, err := h.library.Get(id)
		if query == "" && (err != nil || v.State != library.Trashed) || query != "" && err == nil {
			t.Errorf("%q: %+v, %v", query, v, err)
		}
	}
}

func TestSecretsStayOutOfLogsMetricsAndErrors(t *testing.T) {
	h := newHouse(t)
	key, _ := h.IssueKey()
	cookie := h.cookieOf()
	_, cookieValue, _ := strings.Cut(cookie, "=")
	var seen strings.Builder
	for _, secret := range []string{token, key} {
		for _, request := range [][2]string{
			{"GET", "/api/v1/videos/" + secret}, {"POST", "/api/v1/session"}, {"GET", "/nothing?token=" + secret},
			{"PATCH", "/api/v1/videos/x"}, {"GET", "/api/v1/tokens"},
		} {
			w := h.asks(request[0], request[1], `{"token":"x`+secret+`"}`, "Authorization", "Bearer "+token, "Cookie", cookie)
			seen.WriteString(w.Body.String())
		}
	}
	for _, path := range []string{"/metrics", "/api/v1/status", "/api/v1/session", "/api/v1/openapi.json", "/"} {
		seen.WriteString(h.asks("GET", path, "", "Cookie", cookie).Body.String())
	}
	for name, secret := range map[string]string{"token": token, "cookie": cookieValue} {
		if strings.Contains(seen.String(), secret) {
			t.Errorf("an answer shows the %s", name)
		}
		for line := range strings.Lines(h.log.String()) {
			if strings.Contains(line, secret) && !strings.Contains(line, "path=/api/v1/videos/"+secret) {
				t.Errorf("the log shows the %s: %s", name, line)
			}
		}
	}
}

func FuzzJSONBodiesAreTakenOrRefused(f *testing.F) {
	h := newHouse(around{f})
	for _, seed := range []string{`{"title":"x"}`, `{"title":null}`, `{}`, `[]`, `{"title":"x"}x`, `{"title":"\ud800"}`, strings.Repeat("[", 10_000), `{"title":1e999}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := h.adminAsks("PATCH", "/api/v1/videos/"+string(h.film.id), body)
		switch w.Code {
		case http.StatusOK:
			if got := decode[video](t, w.Body).Title; strings.TrimSpace(got) != got || got == "" {
				t.Errorf("%q became the title %q", body, got)
			}
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			if code(w) == "" {
				t.Errorf("%q: no reason: %s", body, w.Body)
			}
		default:
			t.Errorf("%q: %d", body, w.Code)
		}
	})
}
