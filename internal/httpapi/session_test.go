package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"shoal/internal/httpapi"
)

type session struct {
	Role string
	Node struct{ ID, Name, Version string }
}

func (h *house) role(headers ...string) string {
	h.t.Helper()
	return decode[session](h.t, h.asks("GET", "/api/v1/session", "", headers...).Body).Role
}

func signIn(key string) string { return `{"token":"` + key + `"}` }

func TestAnAdminLinkWorksOnce(t *testing.T) {
	h := newHouse(t)
	key, expires := h.IssueKey()
	if got := expires.Sub(h.clock.now()); got != time.Hour {
		t.Errorf("the link works for %v", got)
	}
	first := h.asks("POST", "/api/v1/session", signIn(key))
	want(t, first, http.StatusOK)
	if got := decode[session](t, first.Body); got.Role != "admin" || got.Node.ID != nodeID || got.Node.Name != "Attic" || got.Node.Version != "1.2.3" {
		t.Errorf("session %+v", got)
	}
	cookie := first.Result().Cookies()[0]
	if got := h.role("Cookie", cookie.Name+"="+cookie.Value); got != "admin" {
		t.Errorf("the cookie makes its browser %q", got)
	}
	second := h.asks("POST", "/api/v1/session", signIn(key))
	want(t, second, http.StatusUnauthorized, "bad_key")
	if len(second.Result().Cookies()) != 0 {
		t.Error("a used link set a cookie")
	}
}

func TestAnAdminLinkEndsAfterAnHour(t *testing.T) {
	h := newHouse(t)
	early, _ := h.IssueKey()
	late, _ := h.IssueKey()
	h.clock.move(time.Hour - time.Second)
	want(t, h.asks("POST", "/api/v1/session", signIn(early)), http.StatusOK)
	h.clock.move(time.Second)
	want(t, h.asks("POST", "/api/v1/session", signIn(late)), http.StatusUnauthorized, "bad_key")
}

func TestLinksAreBoundedInNumber(t *testing.T) {
	h := newHouse(t)
	oldest, _ := h.IssueKey()
	var newest string
	for range 64 {
		newest, _ = h.IssueKey()
	}
	want(t, h.asks("POST", "/api/v1/session", signIn(oldest)), http.StatusUnauthorized)
	want(t, h.asks("POST", "/api/v1/session", signIn(newest)), http.StatusOK)
}

func TestTheAdminTokenSignsInToo(t *testing.T) {
	h := newHouse(t)
	for range 2 {
		want(t, h.asks("POST", "/api/v1/session", signIn(token)), http.StatusOK)
	}
	want(t, h.asks("POST", "/api/v1/session", signIn("")), http.StatusUnauthorized)
	if got := h.role("Authorization", "Bearer "+token); got != "admin" {
		t.Errorf("the token's role is %q", got)
	}
	if got := h.role(); got != "viewer" {
		t.Errorf("a stranger's role is %q", got)
	}
}

func TestLinksAreMadeListedAndRevoked(t *testing.T) {
	h := newHouse(t)
	made := h.adminAsks("POST", "/api/v1/tokens", `{"role":"admin"}`, "Host", "attic.local:3003")
	want(t, made, http.StatusCreated)
	link := decode[struct {
		Link    string
		Expires time.Time
	}](t, made.Body)
	key, found := strings.CutPrefix(link.Link, "http://attic.local:3003/#key=")
	if raw, err := base64.RawURLEncoding.DecodeString(key); !found || err != nil || len(raw) != 16 {
		t.Errorf("link %q", link.Link)
	}
	if !link.Expires.Equal(h.clock.now().Add(time.Hour)) {
		t.Errorf("expires %v", link.Expires)
	}
	listed := h.adminAsks("GET", "/api/v1/tokens", "")
	if strings.Contains(listed.Body.String(), key) {
		t.Error("the list shows the secret")
	}
	tokens := decode[struct{ Tokens []struct{ ID, Role string } }](t, listed.Body).Tokens
	if len(tokens) != 1 || tokens[0].Role != "admin" {
		t.Fatalf("listed %+v", tokens)
	}
	want(t, h.adminAsks("DELETE", "/api/v1/tokens?id=none", ""), http.StatusNotFound)
	want(t, h.adminAsks("DELETE", "/api/v1/tokens?id="+tokens[0].ID, ""), http.StatusNoContent)
	want(t, h.asks("POST", "/api/v1/session", signIn(key)), http.StatusUnauthorized)
	want(t, h.adminAsks("DELETE", "/api/v1/tokens", ""), http.StatusNoContent)
	want(t, h.adminAsks("POST", "/api/v1/tokens", `{"role":"viewer"}`), http.StatusNotImplemented)
	want(t, h.adminAsks("POST", "/api/v1/tokens", `{"role":"king"}`), http.StatusUnprocessableEntity)
}

func TestTheCookieIsForThisNodeAndItsPagesOnly(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.TrustedProxies = []string{"10.0.0.1"} })
	for remote, secure := range map[string]bool{"10.0.0.1:1": true, "10.0.0.2:1": false} {
		w := h.asks("POST", "/api/v1/session", signIn(token), "RemoteAddr", remote, "X-Forwarded-Proto", "https")
		c := w.Result().Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" ||
			c.MaxAge != 30*24*3600 || c.Secure != secure || len(c.Name) != len("shoal_")+8 {
			t.Errorf("from %s: cookie %+v", remote, c)
		}
	}
	other := newHouse(t, func(cfg *httpapi.Config) { cfg.Node.ID = "node-two" })
	name, value, _ := strings.Cut(h.cookieOf(), "=")
	otherName, _, _ := strings.Cut(other.cookieOf(), "=")
	if name == otherName {
		t.Error("two nodes on one host would overwrite each other's cookie")
	}
	if got := other.role("Cookie", otherName+"="+value); got != "viewer" {
		t.Errorf("another node's cookie makes its browser %q", got)
	}
}

func TestACookieEndsAfterThirtyDaysAndWithItsToken(t *testing.T) {
	h := newHouse(t)
	cookie := h.cookieOf()
	h.clock.move(30*24*time.Hour - time.Second)
	if got := h.role("Cookie", cookie); got != "admin" {
		t.Errorf("on the last day: %q", got)
	}
	h.clock.move(time.Second)
	if got := h.role("Cookie", cookie); got != "viewer" {
		t.Errorf("after it: %q", got)
	}
	renewed := newHouse(t, func(cfg *httpapi.Config) { cfg.AdminToken = strings.Repeat("b", 43) })
	if got := renewed.role("Cookie", cookie); got != "viewer" {
		t.Errorf("with another admin token: %q", got)
	}
}

func TestSigningOutRemovesTheCookie(t *testing.T) {
	w := newHouse(t).asks("DELETE", "/api/v1/session", "")
	want(t, w, http.StatusNoContent)
	if c := w.Result().Cookies()[0]; c.Value != "" || c.MaxAge != -1 || c.Path != "/" {
		t.Errorf("cookie %+v", c)
	}
}

func TestSecretsCanBeTriedTenTimesAMinute(t *testing.T) {
	h := newHouse(t)
	for range 10 {
		want(t, h.asks("POST", "/api/v1/session", signIn("wrong")), http.StatusUnauthorized)
	}
	w := h.asks("POST", "/api/v1/session", signIn(token))
	want(t, w, http.StatusTooManyRequests, "too_many_attempts")
	if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || seconds < 1 || seconds > 6 {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	want(t, h.asks("POST", "/api/v1/session", signIn(token), "RemoteAddr", "192.0.2.8:1"), http.StatusOK)
	h.clock.move(6 * time.Second)
	want(t, h.asks("POST", "/api/v1/session", signIn(token)), http.StatusOK)
}

func TestSigningInRightCostsNoAttempt(t *testing.T) {
	h := newHouse(t)
	for range 30 {
		want(t, h.asks("POST", "/api/v1/session", signIn(token)), http.StatusOK)
	}
}

func TestStrangersCannotLockTheAdminsTokenOut(t *testing.T) {
	h := newHouse(t)
	for range 10 {
		want(t, h.asks("GET", "/api/v1/tokens", "", "Authorization", "Bearer wrong"), http.StatusUnauthorized, "bad_token")
	}
	want(t, h.asks("GET", "/api/v1/tokens", "", "Authorization", "Bearer wrong"), http.StatusTooManyRequests)
	want(t, h.adminAsks("GET", "/api/v1/tokens", ""), http.StatusOK)
}

func TestAnIPv6NetworkCountsAsOneAddress(t *testing.T) {
	h := newHouse(t)
	for i := range 10 {
		h.asks("POST", "/api/v1/session", signIn("wrong"), "RemoteAddr", fmt.Sprintf("[2001:db8::%x]:1", i+1))
	}
	want(t, h.asks("POST", "/api/v1/session", signIn(token), "RemoteAddr", "[2001:db8::ffff:1]:1"), http.StatusTooManyRequests)
	want(t, h.asks("POST", "/api/v1/session", signIn(token), "RemoteAddr", "[2001:db8:0:1::1]:1"), http.StatusOK)
}

func TestAFloodOfAddressesDoesNotFreeItsSenders(t *testing.T) {
	h := newHouse(t)
	try := func(n int) int {
		remote := fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255)
		return h.asks("POST", "/api/v1/session", signIn("wrong"), "RemoteAddr", remote).Code
	}
	for n := range httpapi.MaxAddresses + 10 {
		if got := try(n); got != http.StatusUnauthorized {
			t.Fatalf("address %d: %d", n, got)
		}
	}
	if got := try(httpapi.MaxAddresses + 10); got != http.StatusTooManyRequests {
		t.Errorf("one address too many: %d", got)
	}
	h.clock.move(time.Minute)
	if got := try(httpapi.MaxAddresses + 10); got != http.StatusUnauthorized {
		t.Errorf("a minute later: %d", got)
	}
}

func FuzzOnlySealedCookiesOpen(f *testing.F) {
	h := newHouse(around{f})
	_, sealed, _ := strings.Cut(h.cookieOf(), "=")
	f.Add("", uint(0), byte('A'))
	f.Add(".", uint(20), byte('.'))
	f.Add("YWRtaW58OTk5OTk5OTk5OXww.AAAA", uint(len(sealed)-1), byte('B'))
	f.Fuzz(func(t *testing.T, made string, at uint, with byte) {
		if role, err := h.OpenCookie(made); err == nil {
			t.Errorf("made-up cookie %q: %q", made, role)
		}
		changed := []byte(sealed)
		changed[at%uint(len(changed))] = with
		role, err := h.OpenCookie(string(changed))
		if (err == nil) != (string(changed) == sealed) {
			t.Errorf("cookie %q, changed to %q: %q, %v", sealed, changed, role, err)
		}
	})
}
