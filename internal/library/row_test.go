package library_test

import (
	"bytes"
	"encoding/json"
	"errors"
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
		"other version":   strings.Replace(row, `"version":2`, `"version":3`, 1),
		"other id":        strings.Replace(row, string(bad), string(good), 1),
		"unknown state":   strings.Replace(row, `"state":"ready"`, `"state":"merry"`, 1),
		"ready, no chunk": strings.Replace(row, `"manifest":`, `"manifest":[],"manifest":null,"x":`, 1),
		"failed, no word": strings.Replace(row, `"state":"ready"`, `"state":"failed"`, 1),
		"negative size":   strings.Replace(row, `"size":1000,"created"`, `"size":-1,"created"`, 1),
		"in the trash":    strings.Replace(row, `"state":"ready"`, `"state":"trashed"`, 1),
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

// rowOf is the record of a video, without what follows the fields that each has.
func rowOf(version int, fields string) string {
	return fmt.Sprintf(`{"version":%d,"id":"%s","title":"A",%s"size":1,"created":"2026-03-01T12:00:00Z","source_name":"a","source_sha256":"%s"}`,
		version, someID, fields, strings.Repeat("0", 64))
}

const someID = "aaaaaaaaaaaaaaaaaaaaaaaaaa"

func FuzzARowIsReadAsItWasWrittenOrLeftOut(f *testing.F) {
	f.Add([]byte(`{}`), []byte(`{}`), []byte(`{}`))
	trash, title := []byte(`{"version":1,"trashed":"2026-03-01T12:00:00Z"}`), []byte(`{"version":1,"title":"B"}`)
	f.Add([]byte(rowOf(1, `"state":"processing","stage":"check",`)), title, trash)
	f.Add([]byte(rowOf(1, `"state":"trashed","was":"failed","stage":"check","problem":{"code":"c","message":"m"},`)), title, trash)
	f.Add([]byte(rowOf(2, `"node":"x","by":"x","state":"processing","stage":"check",`)), title, trash)
	f.Add([]byte(rowOf(2, `"node":"","by":"","state":"failed","stage":"check","problem":{"code":"c","message":"m"},`)), title, trash)
	f.Fuzz(func(t *testing.T, value, title, trash []byte) {
		h := newHouse(t)
		h.records.rows[someID], h.records.edits[someID+"/title"], h.records.edits[someID+"/trash"] = value, title, trash
		h.restart()
		if h.Totals().Unreadable > 0 {
			return
		}
		if v := h.video(someID); v.State == library.Trashed {
			h.must(second(h.Restore(t.Context(), someID)))
		}
		want, err := h.Rename(t.Context(), someID, "Another")
		h.must(err)
		h.restart()
		if diff := cmp.Diff(want, h.video(someID)); diff != "" {
			t.Errorf("written and read again (-want +got):\n%s", diff)
		}
	})
}

func FuzzTheNoteOfAPurgedVideoKeepsItAway(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"version":1,"manifest":[{"ref":"` + strings.Repeat("3", 64) + `","size":9}]}`))
	f.Add([]byte(`{"version":2,"manifest":[{"ref":"` + strings.Repeat("3", 64) + `","size":9}],"superseded":[[]],"same":"` + someID + `"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		h := newHouse(t)
		h.Changed("purged", someID, value, false)
		h.Changed("videos", someID, []byte(rowOf(2, `"node":"x","by":"x","state":"processing","stage":"check",`)), false)
		if _, err := h.Get(someID); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
		h.SameAs(someID)
		h.records.purged[someID] = value
		h.restart()
		for _, id := range h.Purged() {
			h.PurgedContents(t.Context(), id)
		}
	})
}

func BenchmarkOpenWithTenThousandVideos(b *testing.B) {
	records := newMemory()
	ready := `{"version":2,"id":"%s","node":"n","by":"n","title":"A film %d","state":"ready","stage":"done","duration_ns":5400000000000,"size":1000000000,` +
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
