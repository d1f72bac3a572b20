package system_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shoal/internal/manifest/hlscheck"
	"shoal/test/film"
)

func TestAddedFilmPlaysWholeAndStays(t *testing.T) {
	dir := t.TempDir()
	m := boot(t, dir)
	v := m.ended(m.add(film.Make(t, "A film.mp4", film.Source(640, 360, 12), film.H264())).ID)
	if v.State != "ready" || !v.Playable || v.Title != "A film" || v.Progress != 1 || v.Copies.Have != 1 || len(v.Renditions) != 2 {
		t.Fatalf("%+v", v)
	}
	checkPlays(t, m, v, 12)
	m.stop()
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	again := boot(t, dir)
	checkPlays(t, again, again.ended(v.ID), 12)
}

// checkPlays follows every playlist to every byte, as a player does, and lets ffprobe do so too.
func checkPlays(t *testing.T, m *machine, v video, seconds float64) {
	t.Helper()
	master := "/hls/" + v.ID + "/master.m3u8"
	list, err := hlscheck.ReadMaster(m.get(master).body)
	if err != nil {
		t.Fatal(err)
	}
	for _, variant := range list.Variants {
		checkMedia(t, m, path.Join(path.Dir(master), variant.URI), seconds)
	}
	for _, alternative := range list.Alternatives {
		checkMedia(t, m, path.Join(path.Dir(master), alternative.URI), seconds)
	}
	length, _ := strconv.ParseFloat(ffprobe(t, m.base+master, "format=duration"), 64)
	if math.Abs(length-seconds) > 0.3 {
		t.Errorf("ffprobe reads %f s, want %f", length, seconds)
	}
	if v.Poster == nil {
		t.Fatal("no poster")
	}
	if poster := m.get(*v.Poster); !bytes.HasPrefix(poster.body, []byte("\xff\xd8\xff")) || poster.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("poster of type %s", poster.header.Get("Content-Type"))
	}
}

// checkMedia joins a rendition's parts and checks that they are one whole track that begins at zero.
func checkMedia(t *testing.T, m *machine, playlist string, seconds float64) {
	t.Helper()
	a := m.get(playlist)
	if a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%s: Cache-Control %q", playlist, a.header.Get("Cache-Control"))
	}
	list, err := hlscheck.ReadMedia(a.body)
	if err != nil {
		t.Fatalf("%s: %v", playlist, err)
	}
	if got := list.Length().Seconds(); !list.Ended || math.Abs(got-seconds) > 0.2 {
		t.Errorf("%s: %f s, ended %t", playlist, got, list.Ended)
	}
	whole := m.get(path.Join(path.Dir(playlist), list.Map)).body
	for _, s := range list.Segments {
		whole = append(whole, checkSegment(t, m, path.Join(path.Dir(playlist), s.URI))...)
	}
	joined := filepath.Join(t.TempDir(), "joined.mp4")
	if err := os.WriteFile(joined, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	start, _ := strconv.ParseFloat(ffprobe(t, joined, "stream=start_time"), 64)
	if math.Abs(start) > 0.03 {
		t.Errorf("%s starts at %f s", playlist, start)
	}
}

func checkSegment(t *testing.T, m *machine, at string) []byte {
	t.Helper()
	a := m.get(at)
	sum := sha256.Sum256(a.body)
	tag := `"` + hex.EncodeToString(sum[:]) + `"`
	if a.header.Get("ETag") != tag || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: ETag %s of %s, Cache-Control %q", at, a.header.Get("ETag"), tag, a.header.Get("Cache-Control"))
	}
	part := m.do("GET", at, nil, "Range", "bytes=100-199")
	if part.status != http.StatusPartialContent || !bytes.Equal(part.body, a.body[100:200]) {
		t.Errorf("%s: a range answers %d with %d bytes", at, part.status, len(part.body))
	}
	if cached := m.do("GET", at, nil, "If-None-Match", tag); cached.status != http.StatusNotModified {
		t.Errorf("%s: known already, answers %d", at, cached.status)
	}
	return a.body
}

func TestFilmPlaysWhileItIsPrepared(t *testing.T) {
	m := boot(t, t.TempDir())
	id := m.add(film.Make(t, "slow.avi", film.Source(1280, 720, 30), []string{"-c:v", "mpeg4", "-q:v", "8", "-c:a", "mp2"})).ID
	v := m.await(id, func(v video) bool { return v.Playable || v.State == "failed" })
	if v.State != "processing" {
		t.Fatalf("playable first in state %s %+v", v.State, v.Error)
	}
	list, err := hlscheck.ReadMaster(m.get("/hls/" + id + "/master.m3u8").body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(m.get("/hls/" + id + "/" + list.Variants[0].URI).body)
	for _, tag := range []string{"#EXT-X-PLAYLIST-TYPE:EVENT", "#EXT-X-START:TIME-OFFSET=0", "#EXT-X-TARGETDURATION:8"} {
		if !strings.Contains(text, tag) {
			t.Errorf("no %s in\n%s", tag, text)
		}
	}
	early, err := hlscheck.ReadMedia([]byte(text))
	if err != nil || early.Ended {
		t.Fatalf("ended %t, %v", early != nil && early.Ended, err)
	}
	done := m.ended(id)
	checkPlays(t, m, done, 30)
	final, err := hlscheck.ReadMedia(m.get("/hls/" + id + "/" + list.Variants[0].URI).body)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(early.Segments); n > len(final.Segments) || !slices.EqualFunc(early.Segments, final.Segments[:n], func(a, b hlscheck.Segment) bool { return a.URI == b.URI }) {
		t.Error("segments that were listed early are not the final ones")
	}
}

func TestDeletedVideoIsGone(t *testing.T) {
	m := boot(t, t.TempDir())
	v := m.ended(m.add(film.Make(t, "x.mp4", film.Source(160, 90, 3), film.H264())).ID)
	if a := m.do("DELETE", "/api/v1/videos/"+v.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := m.do("GET", "/hls/"+v.ID+"/master.m3u8", nil); a.status != http.StatusNotFound {
		t.Errorf("its playlist answers %d", a.status)
	}
	if a := m.get("/api/v1/videos"); strings.Contains(string(a.body), v.ID) {
		t.Error("it is still listed")
	}
}
