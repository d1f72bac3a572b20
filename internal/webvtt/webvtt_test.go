package webvtt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/webvtt"
)

const sample = "WEBVTT - a title\r\nKind: captions\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\nNOTE a note\r\n\r\n" +
	"second\r\n00:01:02.500 --> 00:01:04.000 align:start line:0\r\n<v Ann>Two <b>lines</b> & <img src=x onerror=1>\r\n&lt;here&gt;\r\n\r\n" +
	"00:01.000 --> 00:02.000\r\nFirst --> arrow\r\n\r\n00:03.000 --> 00:03.000\nno time\n\n00:04.000 --> 00:05.000\n<c.x></c>\n"

func TestReadKeepsWhatIsShown(t *testing.T) {
	got, err := webvtt.Read([]byte("\ufeff" + sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []webvtt.Cue{
		{Start: time.Second, End: 2 * time.Second, Text: "First --&gt; arrow"},
		{Start: 62500 * time.Millisecond, End: 64 * time.Second, Text: "Two <b>lines</b> &amp;\n&lt;here&gt;"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefusesWhatIsNoWebVTT(t *testing.T) {
	for _, text := range []string{
		"", "1\n00:00:01,000 --> 00:00:02,000\nsrt\n", "WEBVTTX\n", "WEBVTT\n\n00:61.000 --> 00:62.000\nx\n", "WEBVTT\n\n1 --> 2\nx\n",
		"WEBVTT\n\n9999:00:00.000 --> 9999:00:01.000\nx\n", "WEBVTT\n" + strings.Repeat("\n", webvtt.MaxBytes),
		"WEBVTT\n" + strings.Repeat("\n00:01.000 --> 00:02.000\nx\n", webvtt.MaxCues+1),
	} {
		if cues, err := webvtt.Read([]byte(text)); !errors.Is(err, webvtt.ErrInvalid) || cues != nil {
			t.Errorf("%.40q: %d cues, %v", text, len(cues), err)
		}
	}
}

func TestEscapedTextIsReadBackAsItWas(t *testing.T) {
	cue := webvtt.Cue{End: time.Second, Text: webvtt.Escape(" <b>&amp; -->\n\n\x00two ")}
	got, err := webvtt.Read(webvtt.Write([]webvtt.Cue{cue}))
	if err != nil || len(got) != 1 || got[0] != cue || cue.Text != "&lt;b&gt;&amp;amp; --&gt; two" {
		t.Errorf("%q was read as %+v: %v", cue.Text, got, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("WEBVTT\n\n00:00:00.000 --> 10:00:00.000\n<i>&&</u><\n&nbsp;"))
	f.Add([]byte("WEBVTT\n\na\nb\n00:01.000 --> 00:02.000\nx"))
	f.Add([]byte("\ufeffWEBVTT\n00:01.000 --> 00:02.000\n\u2028\x00\xff<b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cues, err := webvtt.Read(text)
		if err != nil {
			return
		}
		for i, c := range cues {
			if c.End <= c.Start || c.Text == "" || i > 0 && c.Start < cues[i-1].Start || strings.Contains(c.Text, "\n\n") || strings.Contains(c.Text, "-->") {
				t.Errorf("cue %d: %+v", i, c)
			}
		}
		written := webvtt.Write(cues)
		again, err := webvtt.Read(written)
		if err != nil && len(written) <= webvtt.MaxBytes {
			t.Fatalf("%v in %q", err, written)
		}
		if err == nil && !bytes.Equal(webvtt.Write(again), written) {
			t.Errorf("not the same again: %q and %q", written, webvtt.Write(again))
		}
	})
}
