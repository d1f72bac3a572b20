package manifest_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shoal/internal/manifest"
	"shoal/internal/manifest/hlscheck"
)

// failer is what testing.T and rapid.T share.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// checkPlaylists reads every playlist of m strictly and compares it with m.
func checkPlaylists(t failer, m *manifest.Manifest) {
	t.Helper()
	if m.Playable() {
		readMaster(t, m)
	}
	for i := range m.Renditions {
		if r := &m.Renditions[i]; len(r.Segments) > 0 && r.Kind != manifest.Text {
			checkMedia(t, r)
		}
	}
}

func readMaster(t failer, m *manifest.Manifest) *hlscheck.Master {
	t.Helper()
	master, err := hlscheck.ReadMaster(manifest.Master(m))
	if err != nil {
		t.Fatalf("%v\n%s", err, manifest.Master(m))
	}
	return master
}

func checkMedia(t failer, r *manifest.Rendition) {
	t.Helper()
	media, err := hlscheck.ReadMedia(manifest.Media(r))
	if err != nil {
		t.Fatalf("%v\n%s", err, manifest.Media(r))
	}
	if media.Ended != r.Complete || (media.Type == "VOD") != r.Complete || (media.Start == nil) != r.Complete {
		t.Errorf("complete is %v, the playlist %+v", r.Complete, media)
	}
	if r.Kind != manifest.Text && media.Map != manifest.InitName(r.Init.Hash) || media.Sequence != 0 || media.Target < 8 {
		t.Errorf("head of the playlist: %+v", media)
	}
	if len(media.Segments) != len(r.Segments) {
		t.Fatalf("%d segments, want %d", len(media.Segments), len(r.Segments))
	}
	name := manifest.SegmentName
	if r.Kind == manifest.Text {
		name = manifest.TextName
	}
	var clock time.Duration
	for i, s := range media.Segments {
		if s.URI != name(r.Segments[i].Hash) {
			t.Errorf("segment %d is %s", i, s.URI)
		}
		clock += s.Duration
		end := r.Segments[i].Start + r.Segments[i].Duration
		want := float64(end) / float64(r.Timescale)
		if drift := clock.Seconds() - want; math.Abs(drift) > 1e-6 {
			t.Errorf("after segment %d the playlist is off by %g s", i, drift)
		}
	}
}

func TestPlaylistsSayWhatTheManifestSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest(t)
		checkPlaylists(t, m)
		if !m.Playable() {
			return
		}
		master := readMaster(t, m)
		checkVariants(t, m, master)
		checkAlternatives(t, m, master)
		checkTexts(t, m, master)
	})
}

func find(t failer, m *manifest.Manifest, uri string) *manifest.Rendition {
	t.Helper()
	id, ok := strings.CutSuffix(uri, "/index.m3u8")
	r, found := m.Rendition(id)
	if !ok || !found {
		t.Fatalf("%s names no rendition", uri)
	}
	return r
}

func checkVariants(t failer, m *manifest.Manifest, master *hlscheck.Master) {
	t.Helper()
	for _, v := range master.Variants {
		r := find(t, m, v.URI)
		average, peak := r.Bitrate()
		if v.Audio == "" && (v.Bandwidth != peak || v.AverageBandwidth != average || len(v.Codecs) != 1) {
			t.Errorf("variant %+v of a rendition with %d and %d", v, average, peak)
		}
		if v.Bandwidth < peak || v.AverageBandwidth < average || v.Codecs[0] != r.Codec {
			t.Errorf("variant %+v of %s with %d and %d", v, r.Codec, average, peak)
		}
		if v.Width != r.Width || v.Height != r.Height || math.Abs(v.FrameRate-r.FrameRate) > 0.000501 {
			t.Errorf("variant %+v, want %d x %d at %g", v, r.Width, r.Height, r.FrameRate)
		}
		if len(r.Segments) == 0 {
			t.Errorf("%s is listed and has no segment", v.URI)
		}
		if r.Kind == manifest.Audio && len(master.Variants) != 1 {
			t.Errorf("sound track %s is one of %d variants", v.URI, len(master.Variants))
		}
	}
}

func checkAlternatives(t failer, m *manifest.Manifest, master *hlscheck.Master) {
	t.Helper()
	want := 0
	for _, r := range m.Renditions {
		if r.Kind == manifest.Audio && len(r.Segments) > 0 {
			want++
		}
	}
	only := find(t, m, master.Variants[0].URI)
	if only.Kind == manifest.Audio && want == 1 {
		want = 0
	}
	sounds := slices.DeleteFunc(slices.Clone(master.Alternatives), func(a hlscheck.Alternative) bool { return a.Type != "AUDIO" })
	if len(sounds) != want {
		t.Errorf("%d sound tracks, want %d", len(sounds), want)
	}
	defaults := 0
	for _, a := range sounds {
		r := only
		if a.URI != "" {
			r = find(t, m, a.URI)
		}
		if a.Language != r.Language || a.Channels != r.Channels || r.Kind != manifest.Audio || r.Default && !a.Default {
			t.Errorf("%+v is not %s, %d channels, default %v", a, r.Language, r.Channels, r.Default)
		}
		if a.Default {
			defaults++
		}
	}
	if defaults != min(want, 1) {
		t.Errorf("%d defaults", defaults)
	}
}

func checkTexts(t failer, m *manifest.Manifest, master *hlscheck.Master) {
	t.Helper()
	listed := make(map[string]bool)
	for _, a := range master.Alternatives {
		if a.Type != "SUBTITLES" {
			continue
		}
		r := find(t, m, a.URI)
		if r.Kind != manifest.Text || a.Language != r.Language || a.Forced != r.Forced || a.Default != r.Default {
			t.Errorf("%+v is not %s, forced %t, default %t", a, r.Language, r.Forced, r.Default)
		}
		listed[r.ID] = true
	}
	for _, r := range m.Renditions {
		if r.Kind == manifest.Text && listed[r.ID] != (len(r.Segments) > 0) {
			t.Errorf("text %s with %d segments: listed %t", r.ID, len(r.Segments), listed[r.ID])
		}
	}
	for _, v := range master.Variants {
		if (v.Subtitles != "") != (len(listed) > 0) {
			t.Errorf("variant %s has the texts %q, there are %d", v.URI, v.Subtitles, len(listed))
		}
	}
}

func TestGoldenPlaylists(t *testing.T) {
	complete, draft := film(), film()
	draft.Complete = false
	for i := range draft.Renditions {
		r := &draft.Renditions[i]
		r.Complete, r.Segments = false, r.Segments[:2]
	}
	draft.Renditions[0].Segments = nil
	golden(t, "film.m3u8", manifest.Master(complete))
	golden(t, "film-source.m3u8", manifest.Media(&complete.Renditions[0]))
	golden(t, "draft.m3u8", manifest.Master(draft))
	golden(t, "draft-low.m3u8", manifest.Media(&draft.Renditions[1]))
	golden(t, "sound.m3u8", manifest.Master(sound()))
	tracks := film()
	tracks.Renditions = tracks.Renditions[2:]
	golden(t, "sound-tracks.m3u8", manifest.Master(tracks))
}

// order returns the ids of the variants of a video with these rungs, in the order of the playlist.
func order(t *testing.T, rungs ...manifest.Rendition) string {
	t.Helper()
	m := film()
	m.Renditions = m.Renditions[3:]
	m.Complete = false
	for i, r := range rungs {
		r.Kind, r.Codec, r.TrackID, r.Timescale = manifest.Video, "avc1.64001f", 10+i, 1000
		r.Init = content("init", 1)
		m.Renditions = append(m.Renditions, r)
	}
	var ids []string
	for _, v := range readMaster(t, m).Variants {
		ids = append(ids, find(t, m, v.URI).ID)
	}
	return strings.Join(ids, " ")
}

func TestFirstVariantStartsSoonOnAModestLink(t *testing.T) {
	rung := func(id string, bitrate int64) manifest.Rendition {
		return manifest.Rendition{ID: id, Complete: true, Segments: segments(id, 2, 4000, bitrate/2)}
	}
	for _, c := range []struct {
		name  string
		rungs []manifest.Rendition
		want  string
	}{
		{"a heavy source waits", []manifest.Rendition{rung("source", 20e6), rung("low", 1e6)}, "low source"},
		{"a modest source is first", []manifest.Rendition{rung("low", 1e6), rung("source", 5e6)}, "source low"},
		{"the best of the modest", []manifest.Rendition{rung("low", 1e6), rung("mid", 3e6), rung("source", 9e6)}, "mid source low"},
		{"none is modest", []manifest.Rendition{rung("source", 90e6), rung("low", 8e6)}, "low source"},
		{"only one", []manifest.Rendition{rung("source", 90e6)}, "source"},
	} {
		if got := order(t, c.rungs...); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFirstIsWhatAPlayerOpensFirst(t *testing.T) {
	tracks := film()
	tracks.Renditions = tracks.Renditions[2:]
	silent := film()
	silent.Renditions = silent.Renditions[:2]
	for _, c := range []struct {
		name  string
		video *manifest.Manifest
		want  []string
	}{
		{"the first rung and the default sound", film(), []string{"low", "audio1"}},
		{"sound alone", sound(), []string{"audio1"}},
		{"one of several sounds", tracks, []string{"audio1"}},
		{"picture alone", silent, []string{"low"}},
	} {
		var got []string
		for _, r := range manifest.First(c.video) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if variant := readMaster(t, c.video).Variants[0]; find(t, c.video, variant.URI).ID != got[0] {
			t.Errorf("%s: the playlist lists %s first, not %s", c.name, variant.URI, got[0])
		}
	}
}

func TestListedEndsAreTheSumOfThePlaylist(t *testing.T) {
	for _, r := range film().Renditions {
		list, err := hlscheck.ReadMedia(manifest.Media(&r))
		if err != nil {
			t.Fatal(err)
		}
		var sum time.Duration
		for i, s := range list.Segments {
			sum += s.Duration
			if got := r.ListedEnd(i); got != sum {
				t.Errorf("%s: segment %d ends at %s, the list says %s", r.ID, i, got, sum)
			}
		}
	}
}

func TestDraftListsOnlyRungsThatWillNotRunOut(t *testing.T) {
	rung := func(id string, n int, complete bool) manifest.Rendition {
		return manifest.Rendition{ID: id, Complete: complete, Segments: segments(id, n, 4000, 100_000)}
	}
	for _, c := range []struct {
		name  string
		rungs []manifest.Rendition
		want  string
	}{
		{"the first that has begun", []manifest.Rendition{rung("source", 0, false), rung("low", 1, false), rung("mid", 1, false)}, "low"},
		{"a complete one alone", []manifest.Rendition{rung("source", 9, true), rung("low", 3, false)}, "source"},
		{"a complete one after the first", []manifest.Rendition{rung("source", 3, false), rung("low", 9, true)}, "low"},
		{"all complete", []manifest.Rendition{rung("source", 9, true), rung("low", 9, true)}, "source low"},
	} {
		if got := order(t, c.rungs...); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBandwidthOfSoundTracksIsTheGreediest(t *testing.T) {
	m := film()
	picture, _ := m.Renditions[0].Bitrate()
	german, _ := m.Renditions[2].Bitrate()
	if v := readMaster(t, m).Variants[1]; v.AverageBandwidth != picture+german || v.Bandwidth != picture+german {
		t.Errorf("picture at %d, sound at most %d: %+v", picture, german, v)
	}
	m.Renditions = m.Renditions[2:]
	if v := readMaster(t, m).Variants[0]; v.AverageBandwidth != german || v.Bandwidth != german {
		t.Errorf("sound at most %d: %+v", german, v)
	}
}

func TestNamesCannotBreakThePlaylist(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := film()
		raw := rapid.String().Draw(t, "name")
		m.Renditions[2].Name, m.Renditions[3].Name = raw, raw
		got := readMaster(t, m).Alternatives
		if got[0].Name == got[1].Name {
			t.Errorf("two tracks are named %q", got[0].Name)
		}
		for _, r := range raw {
			if unicode.IsLetter(r) && !strings.ContainsRune(got[0].Name, r) {
				t.Errorf("%q became %q", raw, got[0].Name)
			}
		}
	})
}

func TestNamesOfSoundTracks(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{"A", "B", "A|B"},
		{"A", "A", "A|A (2)"},
		{"A (2)", "A", "A (2)|A"},
		{"", "", "de|en"},
		{`the "best"`, "#EXTINF:\r\n#EXT-X-ENDLIST", "the 'best'|#EXTINF: #EXT-X-ENDLIST"},
		{"\xff", "\u2028", "de|en"},
	} {
		m := film()
		m.Renditions[2].Name, m.Renditions[3].Name = c.first, c.second
		list := readMaster(t, m).Alternatives
		if got := list[0].Name + "|" + list[1].Name; got != c.want {
			t.Errorf("%q and %q: got %s, want %s", c.first, c.second, got, c.want)
		}
	}
}

func TestOnlyOneTrackOfALanguageIsChosenAutomatically(t *testing.T) {
	m := film()
	m.Renditions[2].Language = "en"
	list := readMaster(t, m).Alternatives
	if list[0].Autoselect || !list[1].Autoselect || !list[1].Default {
		t.Errorf("want the default track alone: %+v", list)
	}
}

func TestPlaylistOfADraftGrowsOnlyAtItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := manifest.Rendition{Timescale: 90000, Init: content("i", 1), Segments: anySegments(t, "s", 90000)}
		for i := range r.Segments {
			if r.Segments[i].Duration > 4*90000 {
				r.Segments[i].Duration = 4 * 90000 // the target stays, unless a segment is longer
			}
			r.Segments[i].Start = uint64(i) * 4 * 90000
		}
		var before []byte
		for n := range r.Segments {
			draft := r
			draft.Segments = r.Segments[:n+1]
			now := manifest.Media(&draft)
			if !bytes.HasPrefix(now, before) {
				t.Fatalf("became\n%s\nfrom\n%s", now, before)
			}
			before = now
		}
	})
}

func TestTargetDurationIsFixedUnlessASegmentIsLonger(t *testing.T) {
	for _, c := range []struct {
		milliseconds int64
		want         int
	}{{1000, 8}, {8499, 8}, {8500, 9}, {30_000, 30}} {
		r := track(2000, 10, c.milliseconds, 10)
		r.Init = content("i", 1)
		media, err := hlscheck.ReadMedia(manifest.Media(r))
		if err != nil {
			t.Fatal(err)
		}
		if media.Target != c.want {
			t.Errorf("%d ms: target %d, want %d", c.milliseconds, media.Target, c.want)
		}
	}
}

func TestGapBelongsToTheSegmentAfterIt(t *testing.T) {
	r := track(4000, 1, 4000, 1)
	r.Segments[1].Start += 1500
	r.Init = content("i", 1)
	media, err := hlscheck.ReadMedia(manifest.Media(r))
	if err != nil {
		t.Fatal(err)
	}
	// The track begins at 5 s, and there is a second gap of 1.5 s.
	want := []time.Duration{9 * time.Second, 5500 * time.Millisecond}
	if diff := cmp.Diff(want, []time.Duration{media.Segments[0].Duration, media.Segments[1].Duration}); diff != "" {
		t.Error(diff)
	}
}
