package system_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shoal/internal/manifest/hlscheck"
	"shoal/test/film"
)

// TestEveryKindOfFilePlaysAsItIs adds each kind of file and compares what comes out with the file itself.
func TestEveryKindOfFilePlaysAsItIs(t *testing.T) {
	m := boot(t, t.TempDir())
	two := make(chan struct{}, 2)
	t.Run("kinds", func(t *testing.T) {
		for _, kind := range film.Corpus() {
			t.Run(kind.Name, func(t *testing.T) {
				t.Parallel()
				two <- struct{}{}
				defer func() { <-two }()
				if !film.Encodes(kind.Encoder) {
					t.Skipf("ffmpeg has no encoder %s", kind.Encoder)
				}
				checkKind(t, m, kind)
			})
		}
	})
}

func checkKind(t *testing.T, m *machine, kind film.Kind) {
	source := film.MakeKind(t, kind)
	want := decodeAll(t, source)
	v := m.ended(m.add(source).ID)
	if v.State != "ready" {
		t.Fatalf("%s: %+v", v.State, v.Error)
	}
	if math.Abs(v.Duration-want.seconds()) > tolerance(want) {
		t.Errorf("the video says %f s, the file has %f", v.Duration, want.seconds())
	}
	whole := filepath.Join(t.TempDir(), "whole.mp4")
	if err := os.WriteFile(whole, m.movie(v.ID, ""), 0o600); err != nil {
		t.Fatal(err)
	}
	got := decodeAll(t, whole)
	compare(t, "whole file", kind, got, want[:min(len(want), len(got))])
	compare(t, "playlists", kind, joined(t, m, v.ID), want)
	if kind.Sounds != count(v, "audio") {
		t.Errorf("%d sounds, want %d", count(v, "audio"), kind.Sounds)
	}
}

func count(v video, kind string) (n int) {
	for _, r := range v.Renditions {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// decoded is what a decoder makes of a stream: its size as shown, and when it begins and ends.
type decoded struct {
	kind          string
	width, height float64
	frames        int
	first, last   float64
}

type streams []decoded

// seconds is the time from the first thing seen or heard to the last.
func (s streams) seconds() float64 {
	first, last := math.Inf(1), 0.0
	for _, d := range s {
		first, last = min(first, d.first), max(last, d.last)
	}
	return last - first
}

// skew is how much later than the first stream the n-th one begins.
func (s streams) skew(n int) float64 { return s[n].first - s[0].first }

func tolerance(s streams) float64 { return max(0.2, s.seconds()/50) }

// decodeAll decodes every picture and sound of a file and fails the test at a word of complaint.
func decodeAll(t *testing.T, file string) streams {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-copyts", "-i", "file:"+file, "-map", "0:V?", "-map", "0:a?",
		"-c:v", "wrapped_avframe", "-vsync", "passthrough", "-f", "framecrc", "-")
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("decode %s: %v %s", filepath.Base(file), err, said.String())
	}
	return readFrames(t, string(out))
}

// readFrames reads the framecrc format.
func readFrames(t *testing.T, text string) (all streams) {
	t.Helper()
	var units []float64
	for line := range strings.Lines(text) {
		var n, a, b int
		var kind string
		var at struct{ pts, duration int64 }
		switch {
		case scan(line, "#tb %d: %d/%d", &n, &a, &b):
			all, units = append(all, decoded{first: math.Inf(1)}), append(units, float64(a)/float64(b))
		case scan(line, "#media_type %d: %s", &n, &kind):
			all[n].kind = kind
		case scan(line, "#dimensions %d: %dx%d", &n, &a, &b):
			all[n].width, all[n].height = float64(a), float64(b)
		case scan(line, "#sar %d: %d/%d", &n, &a, &b):
			if a > 0 {
				all[n].width *= float64(a) / float64(b)
			}
		case scan(strings.ReplaceAll(line, ",", " "), "%d %d %d %d", &n, &a, &at.pts, &at.duration):
			d := &all[n]
			d.frames++
			d.first = min(d.first, float64(at.pts)*units[n])
			d.last = max(d.last, float64(at.pts+at.duration)*units[n])
		}
	}
	if len(all) == 0 || all[0].frames == 0 {
		t.Fatalf("nothing decoded: %s", text)
	}
	return all
}

func scan(line, format string, to ...any) bool {
	n, err := fmt.Sscanf(line, format, to...)
	return err == nil && n == len(to)
}

// compare checks what came out against what went in.
func compare(t *testing.T, what string, kind film.Kind, got, want streams) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d streams, want %d", what, len(got), len(want))
	}
	if math.Abs(got.seconds()-want.seconds()) > tolerance(want) {
		t.Errorf("%s: %f s long, want %f", what, got.seconds(), want.seconds())
	}
	for i, g := range got {
		w := want[i]
		if g.kind != w.kind {
			t.Fatalf("%s: stream %d is %s, want %s", what, i, g.kind, w.kind)
		}
		if math.Abs(got.skew(i)-want.skew(i)) > 0.05 && !kind.Stands {
			t.Errorf("%s: stream %d begins %f s after the first, want %f", what, i, got.skew(i), want.skew(i))
		}
		if after, wanted := g.last-got[0].last, w.last-want[0].last; math.Abs(after-wanted) > 0.06 {
			t.Errorf("%s: stream %d ends %f s after the first, want %f", what, i, after, wanted)
		}
		if g.kind != "video" {
			continue
		}
		if math.Abs(g.width-float64(kind.Width)) > 2 || math.Abs(g.height-float64(kind.Height)) > 2 {
			t.Errorf("%s: shown at %f x %f, want %d x %d", what, g.width, g.height, kind.Width, kind.Height)
		}
		if g.frames < w.frames-1 || kind.Kept && g.frames != w.frames {
			t.Errorf("%s: %d pictures, want %d", what, g.frames, w.frames)
		}
	}
}

// joined decodes each track that the playlists name, the source's picture first.
func joined(t *testing.T, m *machine, id string) (all streams) {
	t.Helper()
	master := "/hls/" + id + "/master.m3u8"
	list, err := hlscheck.ReadMaster(m.get(master).body)
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{list.Variants[0].URI}
	for _, a := range list.Alternatives {
		if a.URI != "" {
			addresses = append(addresses, a.URI)
		}
	}
	for _, address := range addresses {
		all = append(all, decodeTrack(t, m, path.Join(path.Dir(master), address))...)
	}
	return all
}

// decodeTrack joins the parts of a rendition as a player does.
func decodeTrack(t *testing.T, m *machine, playlist string) streams {
	t.Helper()
	list, err := hlscheck.ReadMedia(m.get(playlist).body)
	if err != nil {
		t.Fatalf("%s: %v", playlist, err)
	}
	whole := m.get(path.Join(path.Dir(playlist), list.Map)).body
	checkEdits(t, playlist, whole)
	for _, s := range list.Segments {
		whole = append(whole, m.get(path.Join(path.Dir(playlist), s.URI)).body...)
	}
	file := filepath.Join(t.TempDir(), "joined.mp4")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	tracks := decodeAll(t, file)
	for i := range tracks {
		tracks[i].first = max(tracks[i].first, 0) // players cut off what an encoder needs before the start
	}
	if listed := list.Length().Seconds(); len(tracks) == 1 && math.Abs(listed-tracks[0].last) > 0.2+list.Segments[0].Duration.Seconds()/50 {
		t.Errorf("%s lists %f s, the track ends at %f", playlist, listed, tracks[0].last)
	}
	if !list.Ended || list.Length() <= 0 || list.Segments[0].Duration < time.Millisecond {
		t.Errorf("%s: %v long, ended %t", playlist, list.Length(), list.Ended)
	}
	return tracks
}

// checkEdits fails where an edit list begins with an empty edit or has a second one: browsers ignore both, and
// the track would begin too early (ISO/IEC 14496-12, 8.6.6).
func checkEdits(t *testing.T, what string, init []byte) {
	t.Helper()
	at := bytes.Index(init, []byte("elst"))
	if at < 0 {
		return
	}
	list := init[at+4:]
	empty := bytes.HasPrefix(list[12:], []byte("\xff\xff\xff\xff"))
	if list[0] == 1 {
		empty = bytes.HasPrefix(list[16:], []byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	}
	if list[7] != 1 || empty {
		t.Errorf("%s: an edit list that browsers do not follow: % x", what, list[:min(len(list), 32)])
	}
}
