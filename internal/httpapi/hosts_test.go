package httpapi_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"shoal/internal/httpapi"
)

func TestTheNodeAnswersToLocalNamesOnly(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) {
		cfg.AllowHosts = []string{"Films.Example.org", "other.example:8443"}
		cfg.PublicURL = "https://tv.example.net"
	})
	for host, good := range map[string]bool{
		"127.0.0.1": true, "192.168.1.7:3003": true, "8.8.8.8": true, "[::1]:3003": true, "[2001:db8::1]": true,
		"localhost": true, "localhost:3003": true, "LOCALHOST.": true, "a.localhost": true,
		"attic": true, "attic:3003": true, "my_pc": true, "attic.local": true, "Attic.LAN:3003": true,
		"nas.home.arpa": true, "nas.corp.internal": true,
		"films.example.org": true, "FILMS.example.org:99": true, "films.example.org.": true, "other.example": true,
		"tv.example.net": true, "tv.example.net:443": true,

		"": false, "evil.test": false, "evil.test:3003": false, "evil.test.": false, "localhost.evil.test": false,
		"127.0.0.1.evil.test": false, "evil.local.test": false, "notlocal": true, "evilocal.co": false,
		"films.example.org.evil.test": false, "x.films.example.org": false, "1.2.3": false, "127.1": false,
		"::1": false, "[::1": false, "[::1]x": false, "[127.0.0.1]": false, "[evil.test]": false, "[]": false,
		"local:host:1": false, "localhost:http": false, "localhost:123456": false, "a..local": false, ".local": false,
		"evil test": false, "evil\tlocal": false, "local\x00host": false, "löcal": false, "user@localhost": false,
		"localhost/evil.test": false, "evil.test#.local": false, strings.Repeat("a", 64): false,
	} {
		status := http.StatusOK
		if !good {
			status = http.StatusMisdirectedRequest
		}
		if w := h.asks("GET", "/healthz", "", "Host", host); w.Code != status {
			t.Errorf("host %q: %d, want %d", host, w.Code, status)
		}
	}
}

func TestARefusedHostIsToldWhatToDo(t *testing.T) {
	w := newHouse(t).asks("GET", "/", "", "Host", "evil.test:3003", "Accept", "text/html")
	want(t, w, http.StatusMisdirectedRequest)
	for _, words := range []string{"evil.test:3003", "--allow-host", "<!doctype html>"} {
		if !strings.Contains(w.Body.String(), words) {
			t.Errorf("the page does not say %q:\n%s", words, w.Body)
		}
	}
}

func TestForwardedHeadersAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) {
		cfg.AllowHosts = []string{"films.example.org"}
		cfg.TrustedProxies = []string{"10.0.0.0/8", "fd00::1"}
	})
	forwarded := []string{"X-Forwarded-Host", "films.example.org", "X-Forwarded-Proto", "https", "Origin", "https://films.example.org"}
	for remote, link := range map[string]string{
		"10.1.2.3:5":            "https://films.example.org/#key=",
		"[::ffff:10.1.2.3]:5":   "https://films.example.org/#key=",
		"[fd00::1]:5":           "https://films.example.org/#key=",
		"192.168.1.9:5":         "",
		"[fd00::2]:5":           "",
		"127.0.0.1:5":           "",
		"not an address at all": "",
	} {
		w := h.adminAsks("POST", "/api/v1/tokens", `{"role":"admin"}`, append(forwarded, "RemoteAddr", remote)...)
		if link == "" {
			want(t, w, http.StatusForbidden, "cross_origin")
			continue
		}
		if want(t, w, http.StatusCreated); !strings.Contains(w.Body.String(), link) {
			t.Errorf("%s: %s, want a link to %s", remote, w.Body, link)
		}
	}
}

func TestAForwardedHostMustBeAllowedToo(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.TrustedProxies = []string{"127.0.0.1"} })
	for _, hosts := range [][2]string{{local, "evil.test"}, {"evil.test", "localhost"}, {local, "localhost, evil.test"}} {
		w := h.asks("GET", "/healthz", "", "RemoteAddr", "127.0.0.1:1", "Host", hosts[0], "X-Forwarded-Host", hosts[1])
		want(t, w, http.StatusMisdirectedRequest, "wrong_host")
	}
}

func TestThePublicURLIsAnOrigin(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.PublicURL = "https://Films.example.org/" })
	for origin, status := range map[string]int{
		"https://films.example.org":      http.StatusCreated,
		"http://films.example.org":       http.StatusForbidden,
		"https://evil.films.example.org": http.StatusForbidden,
	} {
		w := h.adminAsks("POST", "/api/v1/tokens", `{"role":"admin"}`, "Origin", origin)
		want(t, w, status)
		w = h.adminAsks("POST", "/api/v1/tokens", `{"role":"admin"}`, "Origin", origin, "Sec-Fetch-Site", "cross-site")
		want(t, w, http.StatusForbidden)
	}
}

func TestABadConfigurationIsToldAtOnce(t *testing.T) {
	for name, adjust := range map[string]func(*httpapi.Config){
		"short token":   func(cfg *httpapi.Config) { cfg.AdminToken = "short" },
		"no node":       func(cfg *httpapi.Config) { cfg.Node.ID = "" },
		"bad host":      func(cfg *httpapi.Config) { cfg.AllowHosts = []string{"http://x"} },
		"bad URL":       func(cfg *httpapi.Config) { cfg.PublicURL = "films.example.org" },
		"URL with path": func(cfg *httpapi.Config) { cfg.PublicURL = "https://films.example.org/shoal" },
		"bad proxy":     func(cfg *httpapi.Config) { cfg.TrustedProxies = []string{"10.0.0.0/99"} },
		"no library":    func(cfg *httpapi.Config) { cfg.Library = nil },
	} {
		newHouse(t, func(cfg *httpapi.Config) {
			broken := *cfg
			adjust(&broken)
			if _, err := httpapi.New(broken); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
}

func FuzzNoStrangersNameIsAllowed(f *testing.F) {
	h := newHouse(around{f})
	for _, seed := range []string{"localhost", "evil.test:1", "[::1]:3003", "a.local.", "[fe80::1%25eth0]", "1.2.3.4:", "%00.lan"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if h.asks("GET", "/healthz", "", "Host", host).Code != http.StatusOK {
			return
		}
		name, port := strings.ToLower(host), ""
		if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.HasSuffix(name, "]") {
			name, port = name[:i], name[i+1:]
		}
		if strings.Trim(port, "0123456789") != "" {
			t.Errorf("host %q has a strange port", host)
		}
		name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
		if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
			return
		}
		for _, suffix := range []string{".localhost", ".local", ".lan", ".home.arpa", ".internal"} {
			if strings.HasSuffix(name, suffix) {
				return
			}
		}
		t.Errorf("host %q was let in", host)
	})
}
