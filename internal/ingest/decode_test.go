package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"shoal/internal/ingest"
	"shoal/test/film"
)

// fragmented are the flags of the stream that ffmpeg is asked for.
var fragmented = []string{"-movflags", "frag_keyframe+delay_moov+default_base_moof+separate_moof+skip_sidx", "-f", "mp4"}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStreamIsSplitIntoFragmentsOfEachTrack(t *testing.T) {
	stream := readFile(t, film.Make(t, "frag.mp4", film.Source(160, 90, 6), film.H264(), fragmented))
	tracks, fragments, media, err := ingest.CountFragments(bytes.NewReader(stream))
	if err != nil || tracks != 2 || fragments != 6 || media < int64(len(stream))/2 {
		t.Errorf("%d tracks, %d fragments, %d bytes, %v", tracks, fragments, media, err)
	}
	for _, cut := range []int{len(stream) - 1, len(stream) / 2} {
		if _, _, _, err := ingest.CountFragments(bytes.NewReader(stream[:cut])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d of %d: %v", cut, len(stream), err)
		}
	}
}

func TestKeyFramesAreReadFromTheIndex(t *testing.T) {
	for _, c := range []struct {
		every string
		want  time.Duration
	}{{"50", 2 * time.Second}, {"250", 10 * time.Second}} {
		path := film.Make(t, "gop.mp4", film.Source(160, 90, 14), []string{"-c:v", "libx264", "-preset", "ultrafast", "-g", c.every, "-keyint_min", c.every, "-sc_threshold", "0"})
		gap, err := ingest.IndexedGap(bytes.NewReader(readFile(t, path)))
		if err != nil || gap != c.want {
			t.Errorf("every %s frames: %v, %v; want %v", c.every, gap, err, c.want)
		}
	}
}

func FuzzFragments(f *testing.F) {
	f.Add(readFile(f, film.Make(f, "seed.mp4", film.Source(64, 36, 1), film.H264(), fragmented)))
	f.Add([]byte("\x00\x00\x00\x08moov\x00\x00\x00\x08moof"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		_, _, media, err := ingest.CountFragments(bytes.NewReader(stream))
		if err == nil && media > int64(len(stream)) {
			t.Errorf("%d bytes of media in %d", media, len(stream))
		}
	})
}

func FuzzKeyFrameIndex(f *testing.F) {
	f.Add(readFile(f, film.Make(f, "seed.mp4", film.Source(64, 36, 1), film.H264())))
	f.Fuzz(func(t *testing.T, file []byte) {
		if gap, err := ingest.IndexedGap(bytes.NewReader(file)); err == nil && gap < 0 {
			t.Errorf("gap of %v", gap)
		}
	})
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte(`{"streams":[{"index":0,"codec_type":"video","codec_name":"h264","avg_frame_rate":"25/1","width":2,"height":2}],"format":{"format_name":"avi","duration":"1.5","probe_score":100}}`))
	f.Add([]byte(`{"streams":[{"avg_frame_rate":"0/0","side_data_list":[{"rotation":-90}],"tags":{"language":"und"}}],"format":{"duration":"NaN"}}`))
	f.Fuzz(func(t *testing.T, out []byte) {
		p, err := ingest.ParseProbe(out)
		if err != nil {
			return
		}
		if p.Duration < 0 {
			t.Errorf("duration %v", p.Duration)
		}
		if plan, err := ingest.Decide(p, time.Second, 0); err == nil {
			checkPlan(t, plan)
		}
	})
}

func FuzzPacketGap(f *testing.F) {
	f.Add("0.0,K_\n1.0,__\n")
	f.Fuzz(func(t *testing.T, lines string) { ingest.PacketGap(lines) })
}
