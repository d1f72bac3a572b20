package ingest_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/ingest"
	"shoal/test/film"
)

// planned is a file in a folder of its own, under the name that ffmpeg is told, and what is to be done with it.
type planned struct {
	dir    string
	file   []byte
	probed ingest.Probed
	plan   ingest.Plan
}

func planFile(t testing.TB, path string) planned {
	t.Helper()
	p := planned{dir: t.TempDir(), file: readFile(t, path)}
	if err := os.Link(path, filepath.Join(p.dir, "source")); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", path).Output()
	if err == nil {
		p.probed, err = ingest.ParseProbe(out)
	}
	if err == nil {
		p.plan, err = ingest.Decide(p.probed, 2*time.Second, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// byFFmpeg is what ffmpeg makes of the file.
func (p planned) byFFmpeg(t *testing.T) map[int]*ingest.Carried {
	t.Helper()
	cmd := exec.Command("ffmpeg", p.plan.Args()[0]...)
	cmd.Dir = p.dir
	stream, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	tracks, err := ingest.Carry(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	return tracks
}

func plainFilms() []film.Kind {
	av := film.Source(160, 90, 7)
	h264 := film.H264()
	with := func(more ...string) []string { return append(append(append([]string{}, av...), h264...), more...) }
	return []film.Kind{
		{Name: "index-last.mp4", Args: with()},
		{Name: "index-first.mp4", Args: with("-movflags", "+faststart")},
		{Name: "brand-quicktime.mp4", Args: with("-brand", "qt  ")},
		{Name: "b-frames.mp4", Args: with("-preset", "veryfast", "-bf", "3", "-g", "30")},
		{Name: "every-picture-a-key-frame.mp4", Args: with("-g", "1")},
		{Name: "coarse-clock.mp4", Args: with("-video_track_timescale", "600")},
		{Name: "no-sound.mp4", Args: with("-an")},
		{Name: "no-picture.m4a", Args: with("-vn")},
		{Name: "two-sounds.mp4", Args: with("-map", "0", "-map", "1", "-map", "1", "-metadata:s:a:1", "language=fra")},
		{Name: "sound-first.mp4", Args: with("-map", "1", "-map", "0")},
		{Name: "sound-at-44100.mp4", Args: with("-ar", "44100")},
		{Name: "sound-goes-on.mp4", Args: append([]string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2", "-f", "lavfi", "-i", "sine=d=7"}, h264...)},
		{Name: "picture-goes-on.mp4", Args: append([]string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=7", "-f", "lavfi", "-i", "sine=d=2"}, h264...)},
		{Name: "wide-pixels.mp4", Args: with("-vf", "setsar=4/3")},
	}
}

func TestCuttingPlainFilmsIsWhatFFmpegDoes(t *testing.T) {
	t.Parallel()
	for _, kind := range plainFilms() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			planFile(t, film.Make(t, kind.Name, kind.Args)).compare(t)
		})
	}
}

func (p planned) compare(t *testing.T) {
	t.Helper()
	stream, done, err := ingest.Cut(t.Context(), p.file, p.probed, p.plan)
	if err != nil || !done {
		t.Fatalf("left to ffmpeg: %v, %v", !done, err)
	}
	got, err := ingest.Carry(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	want := p.byFFmpeg(t)
	for id, track := range got {
		finely(track)
		// How long the last one lasts is what the container says at best, and where sound is cut is nobody's concern.
		for _, same := range []*ingest.Carried{track, want[id]} {
			same.Fragments, same.Samples[len(same.Samples)-1].Duration = 0, 0
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ffmpeg +here):\n%.4000s", diff)
	}
}

// edited changes the one entry of a track's edit list (ISO/IEC 14496-12, 8.6.6) in a film of picture and sound.
func edited(t *testing.T, track int, change func(length, from *uint32)) planned {
	t.Helper()
	path := film.Make(t, "edited.mp4", film.Source(160, 90, 7), film.H264(), []string{"-preset", "veryfast", "-bf", "2"})
	content := readFile(t, path)
	lists := bytes.SplitAfter(content, []byte("elst"))
	entry := lists[track+1][8:16]
	length, from := binary.BigEndian.Uint32(entry), binary.BigEndian.Uint32(entry[4:])
	change(&length, &from)
	binary.BigEndian.PutUint32(entry, length)
	binary.BigEndian.PutUint32(entry[4:], from)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return planFile(t, path)
}

func TestSoundThatBeginsWithSilenceOfItsCodecIsCut(t *testing.T) {
	t.Parallel()
	for _, silence := range []uint32{0, 1, 1023, 1024, 2048, 2112} {
		t.Run(fmt.Sprint(silence), func(t *testing.T) {
			t.Parallel()
			edited(t, 1, func(length, from *uint32) {
				*length, *from = uint32(int(*length)+(int(*from)-int(silence))*10/441+1), silence
			}).compare(t)
		})
	}
}

func TestFilmsThatAreShownInPartAreLeftToFFmpeg(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]planned{
		"picture from its third second on": edited(t, 0, func(_, from *uint32) { *from += 12800 * 3 }),
		"picture for three seconds":        edited(t, 0, func(length, _ *uint32) { *length = 3000 }),
		"picture that comes late":          edited(t, 0, func(_, from *uint32) { *from = 0 }),
		"sound from its third second on":   edited(t, 1, func(_, from *uint32) { *from += 44100 * 3 }),
		"sound for three seconds":          edited(t, 1, func(length, _ *uint32) { *length = 3000 }),
		"an empty edit":                    edited(t, 1, func(_, from *uint32) { *from = 1<<32 - 1 }),
	} {
		if _, done, err := ingest.Cut(t.Context(), p.file, p.probed, p.plan); done || err != nil {
			t.Errorf("%s: cut: %v, %v", name, done, err)
		}
	}
}

func TestFilmsThatAreNotPlainAreLeftToFFmpeg(t *testing.T) {
	t.Parallel()
	for _, kind := range film.Corpus() {
		if !kind.Kept || strings.HasSuffix(kind.Name, ".mp4") && !strings.Contains(kind.Name, "late") && !strings.Contains(kind.Name, "fragmented") {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			p := planFile(t, film.MakeKind(t, kind))
			if _, done, err := ingest.Cut(t.Context(), p.file, p.probed, p.plan); done || err != nil {
				t.Errorf("cut: %v, %v", done, err)
			}
		})
	}
}

// finely gives a track the least clock that ffmpeg writes, which doubles coarser ones.
func finely(t *ingest.Carried) {
	for t.Timescale < 10_000 {
		t.Timescale, t.Skip = 2*t.Timescale, 2*t.Skip
		for i := range t.Samples {
			s := &t.Samples[i]
			s.Decoded, s.Shown, s.Duration = 2*s.Decoded, 2*s.Shown, 2*s.Duration
		}
	}
}

func FuzzCut(f *testing.F) {
	p := planFile(f, film.Make(f, "seed.mp4", film.Source(64, 36, 2), film.H264(), []string{"-preset", "veryfast", "-bf", "2", "-g", "12"}))
	at := bytes.Index(p.file, []byte("moov")) - 4
	f.Add(p.file[at:])
	f.Fuzz(func(t *testing.T, index []byte) {
		stream, done, err := ingest.Cut(t.Context(), append(p.file[:at:at], index...), p.probed, p.plan)
		if err != nil {
			t.Fatalf("begun, and not brought to its end: %v", err)
		}
		if !done {
			return
		}
		if _, err := ingest.Carry(bytes.NewReader(stream)); err != nil {
			t.Errorf("read what was cut: %v", err)
		}
	})
}
