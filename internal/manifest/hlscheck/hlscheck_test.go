package hlscheck_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/manifest/hlscheck"
)

const master = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch, laut",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="6",URI="a/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",DEFAULT=YES,AUTOSELECT=YES,URI="b/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000,AVERAGE-BANDWIDTH=2000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=23.976,AUDIO="audio"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=9000,AVERAGE-BANDWIDTH=9000,CODECS="avc1.640028"
high/index.m3u8
`

const texts = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="t/index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="Signs",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,FORCED=YES,URI="u/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=9000,AVERAGE-BANDWIDTH=9000,CODECS="avc1.640028",SUBTITLES="text"
high/index.m3u8
`

func TestReadTexts(t *testing.T) {
	got, err := hlscheck.ReadMaster([]byte(texts))
	if err != nil {
		t.Fatal(err)
	}
	want := []hlscheck.Alternative{
		{Type: "SUBTITLES", Group: "text", Name: "English", Language: "en", Autoselect: true, URI: "t/index.m3u8"},
		{Type: "SUBTITLES", Group: "text", Name: "Signs", Language: "en", Default: true, Autoselect: true, Forced: true, URI: "u/index.m3u8"},
	}
	if diff := cmp.Diff(want, got.Alternatives); diff != "" || got.Variants[0].Subtitles != "text" {
		t.Errorf("%s\nvariant %+v", diff, got.Variants[0])
	}
	checkRefused(t, texts, readMaster, []swap{
		{`,FORCED=YES`, `,FORCED=NO`, "selected automatically"},
		{`,URI="t/index.m3u8"`, ``, "no URI"},
		{`SUBTITLES="text"`, `SUBTITLES="other"`, "no group"},
		{`,SUBTITLES="text"`, ``, "0 variants"},
		{`TYPE=SUBTITLES`, `TYPE=VIDEO`, "TYPE"},
	})
	text := strings.NewReplacer(".m4s", ".vtt").Replace(vod)
	if err := readMedia(text); err == nil || !strings.Contains(err.Error(), "EXT-X-MAP") {
		t.Errorf("text with an initialisation section: %v", err)
	}
	if err := readMedia(strings.Replace(text, "#EXT-X-MAP:URI=\"init-aa.mp4\"\n", "", 1)); err != nil {
		t.Error(err)
	}
}

const event = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:8
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-START:TIME-OFFSET=0
#EXT-X-MAP:URI="init-aa.mp4"
#EXTINF:1.001000,
bb.m4s
#EXTINF:8.499999,
cc.m4s
`

var vod = strings.NewReplacer("EVENT", "VOD", "#EXT-X-START:TIME-OFFSET=0\n", "").Replace(event) + "#EXT-X-ENDLIST\n"

func TestReadMaster(t *testing.T) {
	got, err := hlscheck.ReadMaster([]byte(master))
	if err != nil {
		t.Fatal(err)
	}
	want := &hlscheck.Master{
		Version: 7, Independent: true,
		Alternatives: []hlscheck.Alternative{
			{Type: "AUDIO", Group: "audio", Name: "Deutsch, laut", Language: "de", Autoselect: true, Channels: 6, URI: "a/index.m3u8"},
			{Type: "AUDIO", Group: "audio", Name: "English", Default: true, Autoselect: true, URI: "b/index.m3u8"},
		},
		Variants: []hlscheck.Variant{
			{
				Bandwidth: 3000, AverageBandwidth: 2000, Codecs: []string{"avc1.64001f", "mp4a.40.2"},
				Width: 640, Height: 360, FrameRate: 23.976, Audio: "audio", URI: "low/index.m3u8",
			},
			{Bandwidth: 9000, AverageBandwidth: 9000, Codecs: []string{"avc1.640028"}, URI: "high/index.m3u8"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultTrackMayBeTheVariantItself(t *testing.T) {
	text := strings.Replace(master, `,URI="b/index.m3u8"`, "", 1)
	got, err := hlscheck.ReadMaster([]byte(text))
	if err != nil || got.Alternatives[1].URI != "" {
		t.Errorf("%v, %+v", err, got)
	}
	text = strings.Replace(text, `CODECS="avc1.640028"`, `CODECS="avc1.640028",AUDIO="audio"`, 1)
	if err := readMaster(text); err == nil || !strings.Contains(err.Error(), "2 variants use") {
		t.Errorf("of two variants at once: %v", err)
	}
}

func TestReadMedia(t *testing.T) {
	start := time.Duration(0)
	want := &hlscheck.Media{
		Version: 7, Target: 8, Type: "EVENT", Start: &start, Map: "init-aa.mp4",
		Segments: []hlscheck.Segment{{Duration: 1001 * time.Millisecond, URI: "bb.m4s"}, {Duration: 8499999 * time.Microsecond, URI: "cc.m4s"}},
	}
	got, err := hlscheck.ReadMedia([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want.Ended = true
	if got, err = hlscheck.ReadMedia([]byte(event + "#EXT-X-ENDLIST\n")); err != nil || !cmp.Equal(want, got) {
		t.Errorf("an event that has ended: %v, %+v", err, got)
	}
	want.Type, want.Start = "VOD", nil
	if got, err = hlscheck.ReadMedia([]byte(vod)); err != nil || !cmp.Equal(want, got) {
		t.Errorf("on demand: %v, %+v", err, got)
	}
}

// swap is a change to a good playlist that makes it bad, and what the error must say.
type swap struct{ from, to, want string }

func checkRefused(t *testing.T, good string, read func(string) error, swaps []swap) {
	t.Helper()
	for _, s := range swaps {
		if !strings.Contains(good, s.from) {
			t.Errorf("%q is not in the playlist", s.from)
			continue
		}
		err := read(strings.Replace(good, s.from, s.to, 1))
		if err == nil || !strings.Contains(err.Error(), s.want) {
			t.Errorf("%q for %q: error %v does not say %q", s.to, s.from, err, s.want)
		}
	}
}

func readMaster(text string) error { _, err := hlscheck.ReadMaster([]byte(text)); return err }
func readMedia(text string) error  { _, err := hlscheck.ReadMedia([]byte(text)); return err }

func TestTextThatIsNoPlaylistIsRefused(t *testing.T) {
	swaps := []swap{
		{"#EXTM3U\n", "", "EXTM3U"},
		{"#EXTM3U\n", "\ufeff#EXTM3U\n", "byte order mark"},
		{"#EXTM3U\n", "#EXTM3U:\n", "EXTM3U"},
		{"#EXTM3U\n", "#EXTM3U\r\n", "line 1: control"},
		{"#EXTM3U\n", "#EXTM3U \n", "space"},
		{"#EXTM3U\n", "#EXTM3U\n#EXTM3U\n", "unknown tag #EXTM3U"},
		{"#EXTM3U\n", "#EXTM3U\n\n", "line 2: empty"},
		{"#EXTM3U\n", "#EXTM3U\n# hello\n", "comment"},
		{"#EXTM3U\n", "#EXTM3U\n#EXT-X-FOO\n", "unknown tag #EXT-X-FOO"},
		{"#EXTM3U\n", "#EXTM3U\nbb.m4s\n", "address follows"},
		{"#EXT-X-VERSION:7\n", "", "no #EXT-X-VERSION"},
		{"#EXT-X-VERSION:7\n", "#EXT-X-VERSION:7\n#EXT-X-VERSION:7\n", "second"},
		{"#EXT-X-VERSION:7", "#EXT-X-VERSION:6", "version"},
		{"#EXT-X-VERSION:7", "#EXT-X-VERSION:07", "version"},
		{"#EXT-X-VERSION:7", "#EXT-X-VERSION:7\x00", "control"},
		{"#EXT-X-VERSION:7", "#EXT-X-VERSION:\xff", "UTF-8"},
	}
	checkRefused(t, master, readMaster, swaps)
	checkRefused(t, event, readMedia, swaps)
	for _, text := range []string{"", "\n", "#EXTM3U", "#EXTM3U\n", strings.TrimSuffix(event, "\n"), strings.TrimSuffix(master, "\n")} {
		if readMaster(text) == nil || readMedia(text) == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestBadMastersAreRefused(t *testing.T) {
	checkRefused(t, master, readMaster, []swap{
		{"#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-INDEPENDENT-SEGMENTS:YES", "takes no value"},
		{"#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-INDEPENDENT-SEGMENTS\n", "second"},
		{"#EXT-X-INDEPENDENT-SEGMENTS", "#EXTINF:4.000000,", "unknown tag"},
		{"TYPE=AUDIO,", "", "no TYPE"},
		{"TYPE=AUDIO", "TYPE=VIDEO", "TYPE is none of"},
		{"TYPE=AUDIO", `TYPE="AUDIO"`, "TYPE is none of"},
		{`GROUP-ID="audio"`, "GROUP-ID=audio", "GROUP-ID is not a quoted"},
		{`NAME="English"`, `NAME=""`, "NAME is empty"},
		{`NAME="English"`, `NAME="Deutsch, laut"`, "two alternatives named"},
		{`NAME="English"`, `NAME="Eng"lish"`, "no comma after NAME"},
		{`NAME="English"`, `NAME="English",`, "no attribute name"},
		{`NAME="English"`, `NAME="English",NAME="English"`, "second NAME"},
		{`NAME="English"`, `NAME="English", LANGUAGE="en"`, "no attribute name"},
		{`NAME="English"`, `NAME="English",FORCED=YES`, "unknown attribute FORCED"},
		{`NAME="English"`, `NAME="English",LANGUAGE="de"`, "selected automatically"},
		{"DEFAULT=NO", "DEFAULT=YES", "two defaults"},
		{"DEFAULT=NO", "DEFAULT=no", "neither YES nor NO"},
		{"DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO", "AUTOSELECT=NO"},
		{`CHANNELS="6"`, "CHANNELS=6", "quoted"},
		{`CHANNELS="6"`, `CHANNELS="+6"`, "count"},
		{`"a/index.m3u8"`, `"/a/index.m3u8"`, "plain relative path"},
		{`,URI="a/index.m3u8"`, "", "no URI, and not the default"},
		{`,AUDIO="audio"`, "", "0 variants use"},
		{"high/index.m3u8", "high/index.m3u8\n" + `#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1,CODECS="a",AUDIO="x"` + "\nx", `no group "x"`},
		{"BANDWIDTH=3000,", "", "no BANDWIDTH"},
		{"BANDWIDTH=3000", `BANDWIDTH="3000"`, "decimal integer"},
		{"BANDWIDTH=3000", "BANDWIDTH=3e3", "decimal integer"},
		{"BANDWIDTH=3000", "BANDWIDTH=03000", "decimal integer"},
		{"BANDWIDTH=3000", "BANDWIDTH=99999999999999999999", "decimal integer"},
		{"BANDWIDTH=3000", "BANDWIDTH=1999", "above BANDWIDTH"},
		{"BANDWIDTH=3000", "BANDWIDTH=", "no proper value"},
		{"BANDWIDTH=3000", "bandwidth=3000", "no attribute name"},
		{",AVERAGE-BANDWIDTH=2000", "", "no AVERAGE-BANDWIDTH"},
		{`,CODECS="avc1.640028"`, "", "no CODECS"},
		{`CODECS="avc1.640028"`, `CODECS="avc1.640028,"`, "CODECS"},
		{`CODECS="avc1.640028"`, `CODECS="avc1.640028, mp4a.40.2"`, "CODECS"},
		{`CODECS="avc1.640028"`, `CODECS="avc1.640028,avc1.640028"`, "twice"},
		{`CODECS="avc1.640028"`, `CODECS="avc1.640028`, "closing quote"},
		{"RESOLUTION=640x360", "RESOLUTION=640*360", "resolution"},
		{"RESOLUTION=640x360", "RESOLUTION=0x360", "resolution"},
		{"FRAME-RATE=23.976", "FRAME-RATE=23.976fps", "decimal number"},
		{"FRAME-RATE=23.976", "FRAME-RATE=-1", "decimal number"},
		{"FRAME-RATE=23.976", "FRAME-RATE=NaN", "decimal number"},
		{`AUDIO="audio"`, `AUDIO="sound"`, "no group"},
		{"low/index.m3u8\n", "", "address follows"},
		{"high/index.m3u8\n", "", "no address after"},
		{"high/index.m3u8", "low/index.m3u8", "listed twice"},
		{"low/index.m3u8", "http://host/index.m3u8", "plain relative path"},
		{"low/index.m3u8", "//host/index.m3u8", "plain relative path"},
		{"low/index.m3u8", "data:x", "':'"},
		{"low/index.m3u8", "../low/index.m3u8", "plain relative path"},
		{"low/index.m3u8", "low/./index.m3u8", "plain relative path"},
		{"low/index.m3u8", `low\index.m3u8`, `'\\'`},
		{"low/index.m3u8", "low/index.m3u8?a", `'?'`},
		{"low/index.m3u8", "low/%2e%2e", `'%'`},
		{master[strings.Index(master, "#EXT-X-MEDIA"):], "", "no variant"},
	})
}

func TestBadMediaPlaylistsAreRefused(t *testing.T) {
	checkRefused(t, event, readMedia, []swap{
		{"#EXT-X-TARGETDURATION:8\n", "", "no #EXT-X-TARGETDURATION"},
		{"#EXT-X-TARGETDURATION:8\n", "#EXT-X-TARGETDURATION:8\n#EXT-X-TARGETDURATION:8\n", "second"},
		{"#EXT-X-TARGETDURATION:8", "#EXT-X-TARGETDURATION:8.0", "count"},
		{"#EXT-X-TARGETDURATION:8", "#EXT-X-TARGETDURATION", "count"},
		{"#EXT-X-TARGETDURATION:8", "#EXT-X-TARGETDURATION:0", "target duration 0"},
		{"#EXT-X-TARGETDURATION:8", "#EXT-X-TARGETDURATION:7", "above the target duration 7"},
		{"8.499999", "8.500000", "above the target duration 8"},
		{"#EXT-X-MEDIA-SEQUENCE:0\n", "", "no #EXT-X-MEDIA-SEQUENCE"},
		{"#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-MEDIA-SEQUENCE:-1", "count"},
		{"#EXT-X-PLAYLIST-TYPE:EVENT\n", "", "no #EXT-X-PLAYLIST-TYPE"},
		{"TYPE:EVENT", "TYPE:LIVE", "neither VOD nor EVENT"},
		{"TYPE:EVENT", "TYPE:VOD", "without #EXT-X-ENDLIST"},
		{"TIME-OFFSET=0", "TIME-OFFSET=0,TIME-OFFSET=0", "second TIME-OFFSET"},
		{"TIME-OFFSET=0", "PRECISE=YES", "no TIME-OFFSET"},
		{"TIME-OFFSET=0", "TIME-OFFSET=-2", "decimal number"},
		{"TIME-OFFSET=0", "TIME-OFFSET=10", "behind the end"},
		{"#EXT-X-MAP:URI=\"init-aa.mp4\"\n", "", "no #EXT-X-MAP"},
		{`URI="init-aa.mp4"`, "URI=init-aa.mp4", "quoted"},
		{`URI="init-aa.mp4"`, `URI="init-aa.mp4",BYTERANGE="1@2"`, "unknown attribute"},
		{`URI="init-aa.mp4"`, `URI="https://host/init-aa.mp4"`, "plain relative path"},
		{"#EXTINF:1.001000,", "#EXTINF:1.001000", "comma"},
		{"#EXTINF:1.001000,", "#EXTINF:1.001,", "6 decimals"},
		{"#EXTINF:1.001000,", "#EXTINF:-1.001000,", "6 decimals"},
		{"#EXTINF:1.001000,", "#EXTINF:1.001000,title", "comma"},
		{"#EXTINF:1.001000,", "#EXTINF:1.001000,\n#EXTINF:1.001000,", "address follows"},
		{"#EXTINF:1.001000,", "#EXT-X-DISCONTINUITY\n#EXTINF:1.001000,", "unknown tag"},
		{"#EXTINF:1.001000,", "#EXT-X-ENDLIST\n#EXTINF:1.001000,", "after #EXT-X-ENDLIST"},
		{"#EXTINF:1.001000,", "#EXT-X-ENDLIST:\n#EXTINF:1.001000,", "takes no value"},
		{"bb.m4s\n", "", "address follows"},
		{"cc.m4s\n", "", "no address after"},
		{"bb.m4s", "../bb.m4s", "plain relative path"},
		{"bb.m4s\n", "bb.m4s\n#EXT-X-MEDIA-SEQUENCE:0\n", "second"},
		{"bb.m4s\n", "bb.m4s\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "after a segment"},
		{event[strings.Index(event, "#EXTINF"):], "#EXT-X-ENDLIST\n", "ended without a segment"},
	})
}

func FuzzReadMaster(f *testing.F) {
	f.Add(master)
	f.Add("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-STREAM-INF:A=\"\nx\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := hlscheck.ReadMaster([]byte(text))
		if (m == nil) != (err != nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err == nil && (len(m.Variants) == 0 || strings.ContainsAny(text, "\r\x00\t")) {
			t.Errorf("%q was read as %+v", text, m)
		}
	})
}

func FuzzReadMedia(f *testing.F) {
	f.Add(event)
	f.Add(vod)
	f.Add("#EXTM3U\n#EXT-X-TARGETDURATION:\n#EXTINF:,\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := hlscheck.ReadMedia([]byte(text))
		if (m == nil) != (err != nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err == nil && (m.Target < 1 || m.Length() < 0 || m.Type == "VOD" && !m.Ended || strings.Contains(text, "\r")) {
			t.Errorf("%q was read as %+v", text, m)
		}
	})
}
