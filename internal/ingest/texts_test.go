package ingest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/internal/webvtt"
	"shoal/test/film"
)

const (
	english = "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i> & <font color=\"red\">you</font>\n\n2\n00:00:03,000 --> 00:00:04,000\nSecond\nline\n"
	german  = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n[Events]\n" +
		"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:01.50,0:00:02.00,Default,,0,0,0,,{\\pos(10,10)}Hallo\n"
	chapters = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=The <b>start</b>\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=5000\ntitle=Later\n"
)

// withTexts makes a film of 5 s with two texts, a title each, and two chapters.
func withTexts(t *testing.T, name string, args ...string) string {
	t.Helper()
	inputs := []string{"-i", "file:" + write(t, "en.srt", []byte(english)), "-i", "file:" + write(t, "de.ass", []byte(german)), "-f", "ffmetadata", "-i", "file:" + write(t, "chapters.txt", []byte(chapters)),
		"-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_chapters", "4", "-metadata:s:s:0", "language=eng", "-metadata:s:s:0", "title=For \"all\"", "-metadata:s:s:1", "language=ger"}
	return film.Make(t, name, film.Source(160, 90, 5), inputs, film.H264(), args)
}

func TestTextsOfAFilmBecomeWebVTT(t *testing.T) {
	b := start(t)
	for name, args := range map[string][]string{
		"film.mkv": {"-c:s:0", "subrip", "-c:s:1", "ass", "-disposition:s:1", "default+forced"},
		"film.mp4": {"-c:s", "mov_text"},
		"late.mkv": {"-c:s:0", "subrip", "-c:s:1", "webvtt", "-output_ts_offset", "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			v := b.catalog.ended(b.add(withTexts(t, name, args...)))
			if v.state != "ready" {
				t.Fatalf("%s %s", v.code, v.message)
			}
			first, second := text(t, b, v, "text0"), text(t, b, v, "text1")
			wantFirst := []webvtt.Cue{
				{Start: time.Second, End: 2500 * time.Millisecond, Text: "Hello <i>there</i> &amp; you"},
				{Start: 3 * time.Second, End: 4 * time.Second, Text: "Second\nline"},
			}
			wantSecond := []webvtt.Cue{{Start: 1500 * time.Millisecond, End: 2 * time.Second, Text: "Hallo"}}
			// The times are those of the picture, which stands a little later where sound begins before it.
			near := cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() < 30*time.Millisecond })
			for i, d := range []string{cmp.Diff(wantFirst, first, near), cmp.Diff(wantSecond, second, near)} {
				if d != "" {
					t.Errorf("text %d:\n%s", i, d)
				}
			}
			if diff := cmp.Diff([]manifest.Chapter{{Title: "The <b>start</b>"}, {Start: 2 * time.Second, Title: "Later"}}, v.final.Chapters); diff != "" {
				t.Error(diff)
			}
			r, _ := v.final.Rendition("text1")
			if forced := name == "film.mkv"; r.Language != "ger" || r.Forced != forced || r.Default != forced || !r.Complete {
				t.Errorf("%+v", r)
			}
			if master := string(manifest.Master(v.final)); !strings.Contains(master, `TYPE=SUBTITLES`) || !strings.Contains(master, `LANGUAGE="eng"`) {
				t.Error(master)
			}
		})
	}
	b.clean()
}

// text reads what is stored of a text.
func text(t *testing.T, b *bench, v video, id string) []webvtt.Cue {
	t.Helper()
	r, ok := v.final.Rendition(id)
	if !ok || len(r.Segments) != 1 {
		t.Fatalf("no text %s in %d renditions", id, len(v.final.Renditions))
	}
	cues, err := webvtt.Read(b.read(r.Segments[0].Chunks))
	if err != nil {
		t.Fatal(err)
	}
	return cues
}

func TestPlanLeavesOutTextsThatArePictures(t *testing.T) {
	f := file(h264(), ingest.ProbedStream{Index: 5, Kind: "subtitle", Codec: "hdmv_pgs_subtitle"},
		ingest.ProbedStream{Index: 6, Kind: "subtitle", Codec: "subrip", Default: true}, ingest.ProbedStream{Index: 7, Kind: "subtitle", Codec: "ass", Default: true, Forced: true})
	p, err := ingest.Decide(f, time.Second, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.TextsLeft, []string{"hdmv_pgs_subtitle"}) || len(p.Texts) != 2 || p.Texts[0].Default || !p.Texts[1].Default || p.Texts[1].Stream != 7 {
		t.Errorf("texts %+v, left %v", p.Texts, p.TextsLeft)
	}
}

func TestWordsOfAFileAreShortAndPlain(t *testing.T) {
	for in, want := range map[string]string{
		" two\nlines\x00 \u0085":                    "two lines",
		strings.Repeat("é", manifest.MaxName):       strings.Repeat("é", manifest.MaxName/2),
		"x" + strings.Repeat("é", manifest.MaxName): "x" + strings.Repeat("é", manifest.MaxName/2-1),
	} {
		if got := ingest.PlainText(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
