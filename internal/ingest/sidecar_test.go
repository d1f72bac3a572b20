package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/chunk"
	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/internal/webvtt"
	"shoal/test/film"
)

func utf16le(text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

func utf16be(text string) []byte {
	out := utf16le(text)
	for i := 0; i < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return out
}

const umlauts = "1\r\n00:00:01,000 --> 00:00:02,500\r\nGrüße aus Köln\r\n"

func TestSidecarsOfEveryKindAndEncodingAreRead(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	b.catalog.ended(id)
	greeting := []webvtt.Cue{{Start: time.Second, End: 2500 * time.Millisecond, Text: "Grüße aus Köln"}}
	hello := []webvtt.Cue{{Start: 1500 * time.Millisecond, End: 2 * time.Second, Text: "Hallo"}}
	for name, c := range map[string]struct {
		file     []byte
		encoding string
		want     []webvtt.Cue
	}{
		"UTF-8":                {[]byte(umlauts), "", greeting},
		"UTF-8 with a mark":    {[]byte("\ufeff" + umlauts), "", greeting},
		"UTF-16 with a mark":   {utf16le("\ufeff" + umlauts), "", greeting},
		"UTF-16 the other way": {utf16be("\ufeff" + umlauts), "", greeting},
		"UTF-16 unmarked":      {utf16le(umlauts), "", greeting},
		"UTF-16BE unmarked":    {utf16be(umlauts), "", greeting},
		"windows-1252":         {[]byte("1\n00:00:01,000 --> 00:00:02,500\nGr\xfc\xdfe aus K\xf6ln\n"), "", greeting},
		"windows-1251": {[]byte("1\n00:00:01,000 --> 00:00:02,500\n\xcf\xf0\xe8\xe2\xe5\xf2\n"), "windows-1251",
			[]webvtt.Cue{{Start: time.Second, End: 2500 * time.Millisecond, Text: "Привет"}}},
		"WebVTT":        {[]byte("WEBVTT\n\nSTYLE\n::cue{}\n\n00:01.500 --> 00:02.000 line:0\n<v Ann>Hallo<script>\n"), "", hello},
		"ASS":           {[]byte(german), "", hello},
		"ASS of old":    {utf16le("\ufeff" + german), "", hello},
		"named, marked": {[]byte("\ufeff" + umlauts), "windows-1251", greeting},
	} {
		t.Run(name, func(t *testing.T) {
			added, err := b.AddText(t.Context(), id, ingest.Sidecar{File: c.file, Encoding: c.encoding, Language: "de", Name: name})
			if err != nil || added.Again || added.Waiting {
				t.Fatalf("%+v, %v", added, err)
			}
			v := b.catalog.ended(id)
			if diff := cmp.Diff(c.want, text(t, b, v, added.ID)); diff != "" {
				t.Error(diff)
			}
			r, _ := v.final.Rendition(added.ID)
			if r.Language != "de" || r.Name != name || r.Source || r.Default || !r.Complete {
				t.Errorf("%+v", r)
			}
			again, err := b.AddText(t.Context(), id, ingest.Sidecar{File: c.file, Encoding: c.encoding, Language: "de", Name: name})
			if err != nil || !again.Again || again.ID != added.ID {
				t.Errorf("again: %+v, %v", again, err)
			}
			if err := b.RemoveText(t.Context(), id, added.ID); err != nil {
				t.Fatal(err)
			}
			if _, found := b.catalog.ended(id).final.Rendition(added.ID); found {
				t.Error("it is still there")
			}
		})
	}
	if text, err := b.catalog.ended(id).final.Encode(); err != nil || !bytes.Equal(text, b.read(b.catalog.ended(id).at)) {
		t.Errorf("the stored manifest is another: %v", err)
	}
	b.clean()
}

func TestWhatIsNoSidecarIsRefused(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	before := b.catalog.ended(id)
	b.settle()
	before = b.catalog.ended(id)
	srt := []byte(umlauts)
	picture, err := os.ReadFile(film.Make(t, "cover.png", []string{"-f", "lavfi", "-i", "testsrc2=s=64x64"}, []string{"-frames:v", "1"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file ingest.Sidecar
		want error
	}{
		"empty":              {ingest.Sidecar{}, ingest.ErrEmpty},
		"too large":          {ingest.Sidecar{File: make([]byte, ingest.MaxSidecar+1)}, ingest.ErrTooLarge},
		"a picture":          {ingest.Sidecar{File: picture}, ingest.ErrNotText},
		"zeros":              {ingest.Sidecar{File: make([]byte, 1000)}, ingest.ErrNotText},
		"a letter":           {ingest.Sidecar{File: []byte("Dear Ann,\n\nhow are you?\n")}, ingest.ErrNoCues},
		"arrows alone":       {ingest.Sidecar{File: []byte("a --> b --> c\n")}, ingest.ErrNoCues},
		"WebVTT without cue": {ingest.Sidecar{File: []byte("WEBVTT\n\nNOTE nothing\n")}, ingest.ErrNoCues},
		"broken WebVTT":      {ingest.Sidecar{File: []byte("WEBVTT\n\n00:01 --> soon\nx\n")}, ingest.ErrNoCues},
		"a playlist":         {ingest.Sidecar{File: []byte("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n1\n00:00:00,000 -> x")}, ingest.ErrNoCues},
		"a bad language":     {ingest.Sidecar{File: srt, Language: "en\"us"}, ingest.ErrLanguage},
		"a bad encoding":     {ingest.Sidecar{File: srt, Encoding: "klingon"}, ingest.ErrNotText},
	} {
		if added, err := b.AddText(t.Context(), id, c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, added, err)
		}
	}
	if err := b.RemoveText(t.Context(), id, "source"); !errors.Is(err, ingest.ErrNoText) {
		t.Errorf("the picture was removed: %v", err)
	}
	after := b.catalog.ended(id)
	if diff := cmp.Diff(before.at, after.at); diff != "" {
		t.Error(diff)
	}
	for i := range 32 {
		if _, err := b.AddText(t.Context(), id, ingest.Sidecar{File: srt, Name: strings.Repeat("x", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.AddText(t.Context(), id, ingest.Sidecar{File: srt, Name: "one more"}); !errors.Is(err, ingest.ErrManyTexts) {
		t.Errorf("33 texts: %v", err)
	}
	b.clean()
}

func TestSidecarOfAFilmInWorkComesWithTheReadyVideo(t *testing.T) {
	b := start(t)
	b.stop()
	path := film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264())
	id := b.add(path) // nothing runs: it waits
	added, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts), Language: "de", Forced: true})
	if err != nil || !added.Waiting {
		t.Fatalf("%+v, %v", added, err)
	}
	gone, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(german)})
	if err != nil || gone.ID == added.ID {
		t.Fatalf("%+v, %v", gone, err)
	}
	if err := b.RemoveText(t.Context(), id, gone.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveText(t.Context(), id, "../../x"); !errors.Is(err, ingest.ErrNoText) {
		t.Error(err)
	}
	if again, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts), Language: "de", Forced: true}); err != nil || !again.Again {
		t.Errorf("%+v, %v", again, err)
	}
	b.run() // as after a restart
	v := b.catalog.ended(id)
	if v.state != "ready" {
		t.Fatalf("%s %s", v.code, v.message)
	}
	if r, ok := v.final.Rendition(added.ID); !ok || !r.Default || !r.Forced {
		t.Errorf("%+v", r)
	}
	if _, ok := v.final.Rendition(gone.ID); ok {
		t.Error("the removed text is there")
	}
	b.clean()
}

func TestSidecarsAndExtrasDoNotLoseEachOther(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "greedy.mp4", film.Source(1280, 720, 5), film.H264(), []string{"-qp", "12"}))
	b.catalog.ended(id)
	var ids []string
	for i := range 12 { // while the storyboard and the low rung are made
		added, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts), Name: strings.Repeat("x", i+1)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, added.ID)
	}
	v := b.catalog.furnished(id, true)
	for _, text := range ids {
		if _, ok := v.final.Rendition(text); !ok {
			t.Errorf("text %s is lost", text)
		}
	}
	if err := v.final.Validate(); err != nil {
		t.Error(err)
	}
	b.clean()
	for info := range v.final.Chunks() {
		if _, err := b.store.Stat(t.Context(), info.Ref); err != nil {
			t.Error(err)
		}
	}
}

// fullCatalog has no room for a second manifest.
type fullCatalog struct{ *catalog }

func (fullCatalog) Replace(context.Context, manifest.VideoID, []chunk.Info, *manifest.Manifest, []chunk.Info) (bool, error) {
	return false, chunk.ErrFull
}

func TestSidecarThatCannotBePublishedLeavesNothing(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	b.catalog.ended(id)
	b.settle()
	b.stop()
	before := b.store.Len()
	b.run(func(c *ingest.Config) { c.Catalog = fullCatalog{b.catalog} })
	if _, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts)}); !errors.Is(err, chunk.ErrFull) {
		t.Error(err)
	}
	if after := b.store.Len(); after != before {
		t.Errorf("%d chunks, %d before", after, before)
	}
	b.clean()
}

func TestSidecarIsAddedToWhatAnotherNodePublishedMeanwhile(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	b.catalog.ended(id)
	b.settle()
	first, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts), Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	v := b.catalog.ended(id)
	r, _ := v.final.Rendition(first.ID)
	theirs := *r
	theirs.ID = "subtheirs"
	b.catalog.mu.Lock()
	b.catalog.between = func(v *video) {
		m := v.final.Snapshot()
		m.Renditions = append(m.Renditions, theirs)
		v.final, v.at = m, []chunk.Info{{Ref: chunk.Sum([]byte("theirs")), Size: 6}}
	}
	b.catalog.mu.Unlock()
	second, err := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts), Name: "second"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{first.ID, "subtheirs", second.ID} {
		if _, found := b.catalog.ended(id).final.Rendition(text); !found {
			t.Errorf("text %s is lost", text)
		}
	}
}

func TestWhatAnotherNodePreparesIsLeftToThat(t *testing.T) {
	b := start(t)
	id := manifest.VideoID(strings.Repeat("b", 26))
	b.catalog.mu.Lock()
	b.catalog.videos[id] = &video{state: "elsewhere"}
	b.catalog.mu.Unlock()
	_, addErr := b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts)})
	for name, err := range map[string]error{
		"add": addErr, "remove": b.RemoveText(t.Context(), id, "sub1"), "retry": b.Retry(t.Context(), id), "stop": b.Stop(t.Context(), id),
	} {
		if !errors.Is(err, errElsewhere) {
			t.Errorf("%s: %v, want the catalogue's error", name, err)
		}
	}
	if err := b.Cancel(t.Context(), id); err != nil { // deleting a video begins so, on whichever node
		t.Errorf("cancel: %v", err)
	}
}

func TestAFoldedVideoPassesItsTextsOn(t *testing.T) {
	b := start(t)
	ready := b.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	b.catalog.ended(ready)
	b.settle()
	again, err := b.AddText(t.Context(), ready, ingest.Sidecar{File: []byte(umlauts), Name: "both have it"})
	if err != nil {
		t.Fatal(err)
	}
	b.stop() // what is added now waits
	id := b.add(film.Make(t, "other.mp4", film.Source(160, 90, 4), film.H264()))
	var added ingest.AddedText
	for _, name := range []string{"both have it", "one more"} {
		if added, err = b.AddText(t.Context(), id, ingest.Sidecar{File: []byte(umlauts), Name: name}); err != nil || !added.Waiting {
			t.Fatalf("%+v, %v", added, err)
		}
	}
	if err := b.Fold(t.Context(), id, ready); err != nil {
		t.Fatal(err)
	}
	v := b.catalog.ended(ready)
	for _, text := range []string{again.ID, added.ID} {
		if _, found := v.final.Rendition(text); !found {
			t.Errorf("text %s is lost", text)
		}
	}
	if waiting, running := b.InWork(); waiting+running > 0 {
		t.Errorf("%d wait and %d run", waiting, running)
	}
	if _, err := os.Stat(b.dir + "/" + string(id)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder: %v", err)
	}
	if err := b.Fold(t.Context(), id, ready); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestNameOfASidecarTellsItsLanguage(t *testing.T) {
	for _, c := range []struct {
		film, sidecar string
		want          ingest.NameParts
	}{
		{"film.mkv", "film.srt", ingest.NameParts{}},
		{"film.mkv", "film.en.srt", ingest.NameParts{Language: "en"}},
		{"film.mkv", "film.de.forced.vtt", ingest.NameParts{Language: "de", Forced: true}},
		{"film.mkv", "Film.pt_br.ass", ingest.NameParts{Language: "pt-BR"}},
		{"film.mkv", "film.zh-hant.srt", ingest.NameParts{Language: "zh-Hant"}},
		{"film.mkv", "film.eng.sdh.srt", ingest.NameParts{Language: "eng", Name: "SDH"}},
		{"film.mkv", "film.hi.srt", ingest.NameParts{Language: "hi"}},
		{"film.mkv", "film.en.hi.srt", ingest.NameParts{Language: "en", Name: "SDH"}},
		{"film.mkv", "film.English.srt", ingest.NameParts{Language: "en"}},
		{"film.mkv", "film.Directors comments.en.srt", ingest.NameParts{Language: "en", Name: "Directors comments"}},
		{"The.End.mkv", "The.End.srt", ingest.NameParts{}},
		{"The.End.2009.mkv", "The.End.srt", ingest.NameParts{}},
		{"other.mkv", "Some Film (2019) german.srt", ingest.NameParts{Language: "de"}},
		{"other.mkv", "en.srt", ingest.NameParts{Language: "en"}},
		{"other.mkv", "It.Is.As.It.Is.srt", ingest.NameParts{Language: "is"}},
		{"", "\x00.\xff.srt", ingest.NameParts{}},
	} {
		if got := ingest.ReadSidecarName(c.film, c.sidecar); got != c.want {
			t.Errorf("%s beside %s: %+v, want %+v", c.sidecar, c.film, got, c.want)
		}
	}
}

func FuzzReadLetters(f *testing.F) {
	for _, seed := range [][]byte{[]byte(umlauts), utf16le(umlauts), utf16be("\ufeff" + umlauts), []byte("Gr\xfc\xdfe"), {0xff, 0xfe, 0}} {
		f.Add(seed, "")
	}
	f.Add([]byte("\x1b$B"), "iso-2022-jp")
	f.Fuzz(func(t *testing.T, file []byte, name string) {
		text, err := ingest.ReadLetters(file, name)
		if err != nil {
			if !errors.Is(err, ingest.ErrNotText) {
				t.Error(err)
			}
			return
		}
		if strings.ToValidUTF8(text, "") != text {
			t.Errorf("%q", text)
		}
	})
}
