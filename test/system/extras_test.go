package system_test

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"shoal/internal/manifest/hlscheck"
	"shoal/internal/webvtt"
	"shoal/test/film"
)

func TestTextsChaptersAndStoryboardAreThere(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		at := filepath.Join(folder, name)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + at
	}
	words := write("words.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello\n")
	parts := write("parts.txt", ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=3000\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=3000\nEND=8000\ntitle=Two\n")
	m := boot(t, t.TempDir())
	id := m.add(film.Make(t, "film.mp4", film.Source(320, 180, 8), []string{"-i", words, "-f", "ffmetadata", "-i", parts, "-map", "0", "-map", "1", "-map", "2", "-map_chapters", "3"},
		film.H264(), []string{"-c:s", "mov_text", "-metadata:s:s:0", "language=eng"})).ID
	var more struct {
		Storyboard *string
		Chapters   []struct {
			Start float64
			Title string
		}
	}
	m.await(id, func(v video) bool {
		if err := json.Unmarshal(m.get("/api/v1/videos/"+id).body, &more); err != nil {
			t.Fatal(err)
		}
		return v.State == "failed" || v.State == "ready" && more.Storyboard != nil
	})
	if len(more.Chapters) != 2 || more.Chapters[1].Start != 3 || more.Chapters[1].Title != "Two" {
		t.Errorf("chapters %+v", more.Chapters)
	}
	checkText(t, m, id)
	checkStoryboard(t, m, *more.Storyboard)
	// Readers of playlists that know nothing of all this play on.
	if length := ffprobe(t, m.base+"/hls/"+id+"/master.m3u8", "format=duration"); !strings.HasPrefix(length, "8.0") && !strings.HasPrefix(length, "7.9") {
		t.Errorf("ffprobe reads %s s", length)
	}
}

func checkText(t *testing.T, m *machine, id string) {
	t.Helper()
	list, err := hlscheck.ReadMaster(m.get("/hls/" + id + "/master.m3u8").body)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list.Alternatives {
		if a.Type != "SUBTITLES" {
			continue
		}
		if a.Language != "eng" || a.Default || list.Variants[0].Subtitles != a.Group {
			t.Errorf("%+v", a)
		}
		at := "/hls/" + id + "/" + a.URI
		media, err := hlscheck.ReadMedia(m.get(at).body)
		if err != nil || len(media.Segments) != 1 {
			t.Fatalf("%v: %+v", err, media)
		}
		cues, err := webvtt.Read(m.get(path.Join(path.Dir(at), media.Segments[0].URI)).body)
		if err != nil || len(cues) != 1 || cues[0].Text != "Hello" {
			t.Errorf("%v: %+v", err, cues)
		}
		return
	}
	t.Error("no text is listed")
}

func checkStoryboard(t *testing.T, m *machine, at string) {
	t.Helper()
	cues, err := webvtt.Read(m.get(at).body)
	if err != nil || len(cues) != 4 {
		t.Fatalf("%v: %+v", err, cues)
	}
	name, place, _ := strings.Cut(cues[3].Text, "#xywh=")
	image, err := jpeg.DecodeConfig(bytes.NewReader(m.get(path.Join(path.Dir(at), name)).body))
	if err != nil || image.Width != 640 || image.Height != 90 || place != "480,0,160,90" {
		t.Errorf("%v: %d x %d, the last tile at %s", err, image.Width, image.Height, place)
	}
}
