package library_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/library"
)

func TestABadRowCostsOneVideoAndStays(t *testing.T) {
	h := newHouse(t)
	good, bad := h.ready("good"), h.ready("bad")
	row := string(h.records.rows[string(bad)])
	for name, value := range map[string]string{
		"empty":           "",
		"not json":        "\x00\xff",
		"unknown field":   strings.Replace(row, `"version"`, `"surprise":1,"version"`, 1),
		"two values":      row + "{}",
		"other version":   strings.Replace(row, `"version":1`, `"version":2`, 1),
		"other id":        strings.Replace(row, string(bad), string(good), 1),
		"unknown state":   strings.Replace(row, `"state":"ready"`, `"state":"merry"`, 1),
		"ready, no chunk": strings.Replace(row, `"manifest":`, `"manifest":[],"manifest":null,"x":`, 1),
		"failed, no word": strings.Replace(row, `"state":"ready"`, `"state":"failed"`, 1),
		"negative size":   strings.Replace(row, `"size":1000,"created"`, `"size":-1,"created"`, 1),
		"no title":        strings.Replace(row, `"title":"bad"`, `"title":""`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if value == row {
				t.Fatal("the row was not changed")
			}
			var log bytes.Buffer
			h.opts.Log = slog.New(slog.NewTextHandler(&log, nil))
			h.records.rows[string(bad)] = []byte(value)
			h.restart()
			h.video(good)
			if n := h.Totals().Unreadable; n != 1 || !strings.Contains(log.String(), string(bad)) {
				t.Errorf("unreadable %d, log %q", n, log.String())
			}
			if got := string(h.records.rows[string(bad)]); got != value {
				t.Errorf("the row was changed to %q", got)
			}
		})
	}
}

func FuzzARowIsReadAsItWasWrittenOrLeftOut(f *testing.F) {
	const id = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"version":1,"id":"` + id + `","title":"A","state":"processing","stage":"check","size":1,"created":"2026-03-01T12:00:00Z","source_name":"a","source_sha256":"` + strings.Repeat("0", 64) + `"}`))
	f.Add([]byte(`{"version":1,"id":"` + id + `","title":"A","state":"trashed","was":"failed","stage":"check","problem":{"code":"c","message":"m"},"size":1,"created":"2026-03-01T12:00:00Z","source_name":"a","source_sha256":"` + strings.Repeat("0", 64) + `"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		h := newHouse(t)
		h.records.rows[id] = value
		h.restart()
		if h.Totals().Unreadable == 1 {
			return
		}
		if v := h.video(id); v.State == library.Trashed {
			h.must(second(h.Restore(t.Context(), id)))
		}
		want, err := h.Rename(t.Context(), id, "Another")
		h.must(err)
		h.restart()
		if diff := cmp.Diff(want, h.video(id)); diff != "" {
			t.Errorf("written and read again (-want +got):\n%s", diff)
		}
	})
}

func BenchmarkOpenWithTenThousandVideos(b *testing.B) {
	records := newMemory()
	ready := `{"version":1,"id":"%s","title":"A film %d","state":"ready","stage":"done","duration_ns":5400000000000,"size":1000000000,` +
		`"created":"2026-03-01T12:00:00Z","source_name":"a.film.mkv","source_sha256":"` + strings.Repeat("1", 64) + `",` +
		`"poster":{"hash":"` + strings.Repeat("2", 64) + `","size":9,"chunks":[{"ref":"` + strings.Repeat("2", 64) + `","size":9}]},` +
		`"renditions":[{"id":"v0","kind":"video","codec":"avc1.64001f","width":1920,"height":1080,"bitrate":5000000,"language":""},` +
		`{"id":"a0","kind":"audio","codec":"mp4a.40.2","width":0,"height":0,"bitrate":128000,"language":"en"}],` +
		`"manifest":[{"ref":"` + strings.Repeat("3", 64) + `","size":9}]}`
	for i := range 10_000 {
		id := strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%025d", i)) + "a"
		value := fmt.Sprintf(ready, id, i)
		if !json.Valid([]byte(value)) {
			b.Fatal(value)
		}
		records.rows[id] = []byte(value)
	}
	for b.Loop() {
		l, err := library.Open(b.Context(), records, nil, library.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if total := l.Totals(); total.Videos != 10_000 {
			b.Fatalf("%d videos of %d", total.Videos, len(records.rows))
		}
	}
}
