package manifest_test

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"shoal/internal/manifest"
)

func TestNewVideoIDsAreSafeInURLsAndDiffer(t *testing.T) {
	safe := regexp.MustCompile(`^[a-z2-7]{26}$`)
	a, b := manifest.NewVideoID(rand.Reader), manifest.NewVideoID(rand.Reader)
	if a == b {
		t.Errorf("two ids are both %s", a)
	}
	if !safe.MatchString(string(a)) {
		t.Errorf("id %q", a)
	}
}

func TestVideoIDDependsOnItsBitsAlone(t *testing.T) {
	got := manifest.NewVideoID(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if want := manifest.VideoID("7777777777777777777777777" + "4"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNewVideoIDPanicsWithoutRandomness(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic: the id would be guessable")
		}
	}()
	manifest.NewVideoID(iotest.ErrReader(bytes.ErrTooLarge))
}

func TestParseVideoIDAcceptsOneSpelling(t *testing.T) {
	id := manifest.NewVideoID(rand.Reader)
	if got, err := manifest.ParseVideoID(string(id)); err != nil || got != id {
		t.Errorf("parse %q: %q, %v", id, got, err)
	}
	zeros := strings.Repeat("a", 26)
	if _, err := manifest.ParseVideoID(zeros); err != nil {
		t.Errorf("parse %q: %v", zeros, err)
	}
	for _, bad := range []string{
		"", zeros[1:], zeros + "a", strings.ToUpper(zeros), zeros[1:] + "=", zeros[1:] + "b", zeros[1:] + "1",
		"../" + zeros[3:], zeros[1:] + "\n", "\n" + zeros, zeros + "\n", strings.Repeat("ä", 13),
	} {
		if got, err := manifest.ParseVideoID(bad); err == nil || got != "" {
			t.Errorf("parse %q: %q, %v", bad, got, err)
		}
	}
}

func FuzzParseVideoID(f *testing.F) {
	f.Add(strings.Repeat("a", 26))
	f.Add(strings.Repeat("7", 25) + "4")
	f.Add("\r\n" + strings.Repeat("a", 26))
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := manifest.ParseVideoID(s); err == nil && string(id) != s {
			t.Errorf("%q became %q", s, id)
		}
	})
}
