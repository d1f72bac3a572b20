package system_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shoal/test/film"
)

// movie is the whole file of a video.
func (m *machine) movie(id, query string) []byte {
	m.t.Helper()
	return m.get("/stream/" + id + ".mp4" + query).body
}

// decodes fails the test unless ffmpeg decodes every frame without a word, and returns how many pictures
// and seconds of sound there were.
func decodes(t *testing.T, file []byte) (pictures int, seconds float64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.mp4")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("decode: %v %s", err, out)
	}
	pictures, _ = strconv.Atoi(ffprobe(t, path, "stream=nb_read_frames", "-count_frames", "-select_streams", "v"))
	seconds, _ = strconv.ParseFloat(ffprobe(t, path, "format=duration"), 64)
	return pictures, seconds
}

func TestVideoIsOneFileThatIsStoredNowhere(t *testing.T) {
	m := boot(t, t.TempDir())
	source := film.Make(t, "film.mp4", film.Source(320, 180, 20), film.H264(), []string{"-bf", "2", "-preset", "veryfast"})
	v := m.ended(m.add(source).ID)
	file := m.movie(v.ID, "")
	pictures, seconds := decodes(t, file)
	if pictures != 500 || math.Abs(seconds-20) > 0.1 {
		t.Errorf("%d pictures in %f s, want 500 in 20", pictures, seconds)
	}
	// The samples are the source's own: same times, same bytes.
	want := ffprobe(t, source, "packet=pts_time,dts_time,size,flags", "-select_streams", "v")
	whole := filepath.Join(t.TempDir(), "whole.mp4")
	if err := os.WriteFile(whole, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ffprobe(t, whole, "packet=pts_time,dts_time,size,flags", "-select_streams", "v"); got != want {
		t.Error("the file's packets differ from the source's")
	}
	if length := ffprobe(t, m.base+"/stream/"+v.ID+".mp4", "format=duration"); !strings.HasPrefix(length, "20.0") {
		t.Errorf("over http ffprobe reads %s s", length)
	}
}

func TestAnyRangeOfTheFile(t *testing.T) {
	m := boot(t, t.TempDir())
	v := m.ended(m.add(film.Make(t, "film.mp4", film.Source(640, 360, 12), film.H264())).ID)
	at := "/stream/" + v.ID + ".mp4"
	file := m.movie(v.ID, "")
	size := len(file)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 40 {
		from := random.IntN(size)
		to := min(size-1, from+random.IntN(300_000))
		a := m.do("GET", at, nil, "Range", fmt.Sprintf("bytes=%d-%d", from, to))
		if a.status != http.StatusPartialContent || !bytes.Equal(a.body, file[from:to+1]) {
			t.Fatalf("%d-%d: %d with %d bytes", from, to, a.status, len(a.body))
		}
	}
	if a := m.do("GET", at, nil, "Range", "bytes=-77"); a.status != http.StatusPartialContent || !bytes.Equal(a.body, file[size-77:]) {
		t.Errorf("suffix: %d", a.status)
	}
	if a := m.do("GET", at, nil, "Range", fmt.Sprintf("bytes=%d-", size)); a.status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind the end: %d", a.status)
	}
	head := m.do("HEAD", at, nil)
	if head.status != http.StatusOK || head.header.Get("Content-Length") != strconv.Itoa(size) || head.header.Get("Accept-Ranges") != "bytes" || len(head.body) > 0 {
		t.Errorf("HEAD: %d %v", head.status, head.header)
	}
	tag := head.header.Get("ETag")
	if a := m.do("GET", at, nil, "If-None-Match", tag); a.status != http.StatusNotModified {
		t.Errorf("known: %d", a.status)
	}
	if a := m.do("GET", at, nil, "Range", "bytes=0-9", "If-Range", `"other"`); a.status != http.StatusOK || len(a.body) != size {
		t.Errorf("If-Range of another file: %d with %d bytes", a.status, len(a.body))
	}
	if a := m.do("GET", at, nil, "Range", "bytes=0-9", "If-Range", tag); a.status != http.StatusPartialContent || len(a.body) != 10 {
		t.Errorf("If-Range of this file: %d with %d bytes", a.status, len(a.body))
	}
}

func TestFileHasTheSoundThatIsAskedFor(t *testing.T) {
	m := boot(t, t.TempDir())
	v := m.ended(m.add(film.Make(t, "two.mkv",
		[]string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=8", "-f", "lavfi", "-i", "sine=f=440:d=8", "-f", "lavfi", "-i", "sine=f=880:d=8", "-map", "0", "-map", "1", "-map", "2"},
		film.H264(), []string{"-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"})).ID)
	if v.State != "ready" {
		t.Fatalf("%+v", v.Error)
	}
	english, french := m.movie(v.ID, ""), m.movie(v.ID, "?audio=fra")
	if bytes.Equal(english, french) {
		t.Error("the two languages are one file")
	}
	decodes(t, english)
	decodes(t, french)
	if a := m.do("GET", "/stream/"+v.ID+".mp4?audio=deu", nil); a.status != http.StatusNotFound {
		t.Errorf("a language that is not there: %d", a.status)
	}
}

func TestFileIsNotThereBeforeTheVideoIsReady(t *testing.T) {
	m := boot(t, t.TempDir())
	id := m.add(film.Make(t, "slow.avi", film.Source(1280, 720, 20), []string{"-c:v", "mpeg4", "-q:v", "8", "-c:a", "mp2"})).ID
	m.await(id, func(v video) bool { return v.Playable || v.State == "failed" })
	a := m.do("GET", "/stream/"+id+".mp4", nil)
	if a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), `"processing"`) || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	m.ended(id)
	if pictures, _ := decodes(t, m.movie(id, "")); pictures != 500 {
		t.Errorf("%d pictures, want 500", pictures)
	}
}

func TestSoundAloneIsAFileToo(t *testing.T) {
	m := boot(t, t.TempDir())
	v := m.ended(m.add(film.Make(t, "song.mp3", []string{"-f", "lavfi", "-i", "sine=f=440:d=30", "-c:a", "libmp3lame"})).ID)
	if v.State != "ready" {
		t.Fatalf("%+v", v.Error)
	}
	a := m.get("/stream/" + v.ID + ".mp4")
	if a.header.Get("Content-Type") != "audio/mp4" {
		t.Errorf("type %s", a.header.Get("Content-Type"))
	}
	if _, seconds := decodes(t, a.body); math.Abs(seconds-30) > 0.1 {
		t.Errorf("%f s, want 30", seconds)
	}
}
