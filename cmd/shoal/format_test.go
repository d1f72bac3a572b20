package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestSizesAndLengthsAreForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 12_345_678: "12 MB", 999_700: "1.0 MB", 1_500_000_000: "1.5 GB", 1 << 62: "4.6 EB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for seconds, want := range map[float64]string{0: "–", -1: "–", 5.4: "0:05", 65: "1:05", 3661.7: "1:01:02"} {
		if got := durationText(seconds); got != want {
			t.Errorf("%v seconds are %q, want %q", seconds, got, want)
		}
	}
}

func TestHowLongAgoIsForPeople(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for past, want := range map[time.Duration]string{
		-time.Second: "now", 9 * time.Second: "now", 15 * time.Second: "15 s ago", 5 * time.Minute: "5 min ago", 3 * time.Hour: "3 h ago", 75 * time.Hour: "3 days ago",
	} {
		if got := agoText(now.Add(-past), now); got != want {
			t.Errorf("%v before now is %q, want %q", past, got, want)
		}
	}
	if got := agoText(time.Time{}, now); got != "–" {
		t.Errorf("never is %q", got)
	}
}

func TestTitlesCannotSteerTheTerminal(t *testing.T) {
	evil := "a\x1b[2Jb\nc\td\u202ee\u009bf\x00\xff"
	raw, err := json.Marshal(video{ID: "id", State: "ready", Title: evil})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := writeTable(&out, []json.RawMessage{raw}); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 2 {
		t.Errorf("a header and one video are %d lines:\n%q", lines, out.String())
	}
	if strings.ContainsAny(out.String(), "\x1b\t\x00\u202e\u009b") {
		t.Errorf("control characters are left in %q", out.String())
	}
	if !strings.Contains(out.String(), "a�[2Jb�c�d�e�f") {
		t.Errorf("the title's plain characters are gone: %q", out.String())
	}
}

func TestStatusReadsLikeAPage(t *testing.T) {
	var s status
	text := `{"node":{"name":"attic","state":"alive","version":"1","url":"http://h:3003","capacity":100000000000,"used":5000000,"free":61000000000},
		"cluster":{"nodes":1,"alive":1,"copies":2},"library":{"videos":3,"bytes":12000000},"viewers":[{}],
		"ingest":[{"id":"abc","stage":"prepare","progress":0.25}],"warnings":["one copy",{"code":"x","message":"disk nearly full"}]}`
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := writeStatus(&out, s, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"attic, alive", "3 videos, 12 MB", "5.0 MB used of 100 GB, 61 GB free", "1 viewer\n", "abc: prepare, 25%", "one copy", "disk nearly full"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("status lacks %q:\n%s", want, out.String())
		}
	}
}
