package ingest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"shoal/internal/ingest"
)

func h264(change ...func(*ingest.ProbedStream)) ingest.ProbedStream {
	s := ingest.ProbedStream{Index: 0, Kind: "video", Codec: "h264", Profile: "High", PixelFormat: "yuv420p", Width: 1920, Height: 1080, FrameRate: 25}
	for _, c := range change {
		c(&s)
	}
	return s
}

func aac(change ...func(*ingest.ProbedStream)) ingest.ProbedStream {
	s := ingest.ProbedStream{Index: 1, Kind: "audio", Codec: "aac", Profile: "LC", Channels: 2, SampleRate: 48000}
	for _, c := range change {
		c(&s)
	}
	return s
}

func file(streams ...ingest.ProbedStream) ingest.Probed {
	return ingest.Probed{Format: "mov,mp4,m4a,3gp,3g2,mj2", Score: 100, Duration: time.Hour, Streams: streams}
}

// shape writes a plan as text: passes apart by |, renditions by a space, = for kept and * for made.
func shape(p ingest.Plan) string {
	var passes []string
	for _, pass := range p.Passes {
		var outs []string
		for _, o := range pass.Outputs {
			mark := "*"
			if o.Copy {
				mark = "="
			}
			outs = append(outs, o.ID+mark)
		}
		passes = append(passes, strings.Join(outs, " "))
	}
	return strings.Join(passes, " | ")
}

func TestPlan(t *testing.T) {
	const close = 2 * time.Second
	avi := file(h264(), aac())
	avi.Format = "avi"
	for _, c := range []struct {
		name    string
		file    ingest.Probed
		gap     time.Duration
		attempt int
		want    string
	}{
		{"H.264 and AAC are kept", file(h264(), aac()), close, 0, "source= audio0="},
		{"key frames at the limit are kept", file(h264()), ingest.MaxGap, 0, "source="},
		{"key frames beyond the limit are not", file(h264(), aac()), ingest.MaxGap + time.Millisecond, 0, "low* audio0= | source*"},
		{"unknown key frames are not", file(h264()), 0, 0, "low* | source*"},
		{"HEVC is made anew, low rung first", file(h264(func(s *ingest.ProbedStream) { s.Codec = "hevc" }), aac()), 0, 0, "low* audio0= | source*"},
		{"10 bit is made anew", file(h264(func(s *ingest.ProbedStream) { s.PixelFormat = "yuv420p10le" })), close, 0, "low* | source*"},
		{"4:4:4 is made anew", file(h264(func(s *ingest.ProbedStream) { s.PixelFormat = "yuv444p" })), close, 0, "low* | source*"},
		{"interlaced is made anew", file(h264(func(s *ingest.ProbedStream) { s.Interlaced = true })), close, 0, "low* | source*"},
		{"turned pictures are made anew", file(h264(func(s *ingest.ProbedStream) { s.Rotation = -90 })), close, 0, "low* | source*"},
		{"odd sizes are made anew", file(h264(func(s *ingest.ProbedStream) { s.Width = 853; s.Height = 480 })), close, 0, "source*"},
		{"a container without presentation times is made anew", avi, close, 0, "low* audio0= | source*"},
		{"a small picture has one rung", file(h264(func(s *ingest.ProbedStream) { s.Codec = "mpeg4"; s.Height = 480; s.Width = 640 })), 0, 0, "source*"},
		{"an upright picture counts by its short side", file(h264(func(s *ingest.ProbedStream) { s.Codec = "vp9"; s.Width = 480; s.Height = 854 })), 0, 0, "source*"},
		{"other sound is made anew beside a kept picture", file(h264(), aac(func(s *ingest.ProbedStream) { s.Codec = "ac3" })), close, 0, "source= audio0*"},
		{"sound only", file(aac()), 0, 0, "audio0="},
		{"a picture on the cover is no film", file(h264(func(s *ingest.ProbedStream) { s.Picture = true }), aac()), 0, 0, "audio0="},
		{"two languages", file(h264(), aac(), aac(func(s *ingest.ProbedStream) { s.Index = 2 })), close, 0, "source= audio0= audio1="},
		{"a second attempt keeps nothing and has other ids", file(h264(), aac()), close, 1, "lowr1* audio0r1* | sourcer1*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ingest.Decide(c.file, c.gap, c.attempt)
			if err != nil {
				t.Fatal(err)
			}
			if got := shape(p); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			checkPlan(t, p)
		})
	}
}

// checkPlan holds for every plan.
func checkPlan(t *testing.T, p ingest.Plan) {
	t.Helper()
	tracks, cost := map[int]bool{}, 0.0
	for _, pass := range p.Passes {
		cost += pass.Cost
		for _, o := range pass.Outputs {
			if tracks[o.TrackID] {
				t.Errorf("track %d twice", o.TrackID)
			}
			tracks[o.TrackID] = true
		}
	}
	if cost < 0.999 || cost > 1.001 {
		t.Errorf("the passes cost %f together", cost)
	}
	for _, args := range p.Args() {
		whitelists := slices.Contains(args, "-format_whitelist") && slices.Contains(args, "-protocol_whitelist") && slices.Contains(args, "-codec_whitelist")
		if input := slices.Index(args, "-i"); !whitelists || args[input+1] != "file:source" || args[len(args)-1] != "pipe:1" {
			t.Errorf("unguarded command line %q", args)
		}
	}
}

func TestNoWordOfTheUploaderReachesACommandLine(t *testing.T) {
	const word = "CANARY"
	f := file(h264(), aac(func(s *ingest.ProbedStream) { s.Title = word; s.Language = word; s.Profile = "LC" }))
	p, err := ingest.Decide(f, time.Second, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range p.Args() {
		if strings.Contains(strings.Join(args, " "), word) {
			t.Errorf("command line %q", args)
		}
	}
}

func TestPlanRefusesWhatIsNoFilm(t *testing.T) {
	low, many := file(aac()), file(h264())
	low.Score = 1
	for range 100 {
		many.Streams = append(many.Streams, aac())
	}
	for code, f := range map[string]ingest.Probed{"not_a_video": low, "too_many_streams": many, "no_streams": file()} {
		_, err := ingest.Decide(f, 0, 0)
		var refused *ingest.Refusal
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("got %v, want code %s", err, code)
		}
	}
}

func TestPacketGapCountsTheEnd(t *testing.T) {
	for lines, want := range map[string]time.Duration{
		"0.0,K_\n1.0,__\n2.0,K_\n9.5,__\n": 7500 * time.Millisecond,
		"0.0,K_\n3.0,K_\n4.0,K_\n":         3 * time.Second,
		"N/A,K_\nnonsense\n":               0,
		"":                                 0,
	} {
		if got := ingest.PacketGap(lines); got != want {
			t.Errorf("%q: got %v, want %v", lines, got, want)
		}
	}
}
