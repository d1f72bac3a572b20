package cluster_test

import (
	"crypto/ed25519"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"shoal/internal/cluster"
)

func public(name string) ed25519.PublicKey { return keyOf(name).Public().(ed25519.PublicKey) }

func linkOf(expires time.Time, addresses ...string) string {
	return cluster.MakeLink(public("home"), public("ann"), []byte("0123456789abcdef"), expires, addresses...)
}

func TestAnInviteIsOneWordForAShell(t *testing.T) {
	link := linkOf(issued, "192.168.1.20:9004", "[fd00::1]:9004", "nas.example.org:9004")
	if !regexp.MustCompile(`^shoal://join/1/[A-Za-z0-9_-]+$`).MatchString(link) || len(link) > 400 {
		t.Errorf("%d characters: %s", len(link), link)
	}
	if again, err := cluster.ReadLink(" "+link+"\r\n", issued); err != nil || again != link {
		t.Errorf("read as %s, %v", again, err)
	}
}

func TestWhatIsWrongWithAnInviteIsSaid(t *testing.T) {
	good := linkOf(issued, "192.168.1.20:9004")
	for name, c := range map[string]struct {
		link string
		want error
	}{
		"nothing":            {"", cluster.ErrNotLink},
		"an address":         {"http://192.168.1.20:3003/", cluster.ErrNotLink},
		"half of it":         {good[:len(good)/2], cluster.ErrDamagedLink},
		"its beginning":      {"shoal://join/", cluster.ErrDamagedLink},
		"a letter changed":   {strings.Replace(good, "/1/", "/1/A", 1), cluster.ErrDamagedLink},
		"more behind":        {good + "AA", cluster.ErrDamagedLink},
		"a later version":    {strings.Replace(good, "/1/", "/2/", 1), cluster.ErrOtherVersion},
		"a version too many": {strings.Replace(good, "/1/", "/x/", 1), cluster.ErrDamagedLink},
		"without addresses":  {linkOf(issued), cluster.ErrDamagedLink},
		"no good address":    {linkOf(issued, "0.0.0.0:9004", "nas", "nas:0", "a b:1"), cluster.ErrDamagedLink},
		"a short secret":     {cluster.MakeLink(public("home"), public("ann"), []byte("short"), issued, "nas:1"), cluster.ErrDamagedLink},
		"a long one":         {"shoal://join/1/" + strings.Repeat("A", 1<<20), cluster.ErrDamagedLink},
	} {
		if _, err := cluster.ReadLink(c.link, issued); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestClocksMayBeAMinuteApart(t *testing.T) {
	link := linkOf(issued, "nas:9004")
	if _, err := cluster.ReadLink(link, issued.Add(89*time.Second)); err != nil {
		t.Errorf("89 s late: %v", err)
	}
	if _, err := cluster.ReadLink(link, issued.Add(92*time.Second)); !errors.Is(err, cluster.ErrExpired) {
		t.Errorf("92 s late: %v", err)
	}
}

func TestAddressesAreHostsAndPorts(t *testing.T) {
	for text, want := range map[string]bool{
		"192.168.1.20:9004": true, "[fd00::1]:9004": true, "nas:9004": true, "nas.local.:1": true, "my_nas.example.org:65535": true,
		"": false, "nas": false, ":9004": false, "nas:": false, "nas:0": false, "nas:65536": false, "nas:-1": false, "0.0.0.0:9004": false, "[::]:9004": false,
		"224.0.0.1:9004": false, "[fe80::1%eth0]:9004": false, "a..b:1": false, "a/b:1": false, strings.Repeat("a", 64) + ":1": false, strings.Repeat("a.", 130) + "b:1": false,
	} {
		if got := cluster.IsAddress(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzInvite(f *testing.F) {
	f.Add(linkOf(issued, "192.168.1.20:9004", "[fd00::1]:9004"))
	f.Add("shoal://join/1/")
	f.Add("shoal://join/2/AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		again, err := cluster.ReadLink(text, issued)
		if err == nil && again != strings.TrimSpace(text) {
			t.Errorf("%q is read as %q", text, again)
		}
		named := false
		for _, known := range []error{cluster.ErrNotLink, cluster.ErrDamagedLink, cluster.ErrOtherVersion, cluster.ErrExpired} {
			named = named || errors.Is(err, known)
		}
		if err != nil && !named {
			t.Errorf("%q: %v is no error that anybody knows", text, err)
		}
	})
}

func FuzzMessages(f *testing.F) {
	for _, text := range cluster.SampleMessages(identityOf("ann")) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !cluster.ReadMessages(text) {
			t.Errorf("read, and written otherwise: %x", text)
		}
	})
}

func FuzzNear(f *testing.F) {
	f.Add("id="+string(idOf("ann"))+"\x00at=nas:9004\x00name=NAS", "")
	f.Fuzz(func(t *testing.T, texts, name string) {
		if found, ok := cluster.ReadNear(strings.Split(texts, "\x00")); ok && (len(found.Addresses) == 0 || len(found.Name) > 64) {
			t.Errorf("%+v", found)
		}
		if clean := cluster.CleanName(name); len(clean) > 64 || strings.ContainsAny(clean, "\n\x00\u202e") {
			t.Errorf("%q", clean)
		}
	})
}
