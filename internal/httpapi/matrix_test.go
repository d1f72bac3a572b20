package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/library"
)

// rightsOf lists every route with what it asks of a request. A route that is missing here fails the tests
// below until somebody has thought about it.
const rightsOf = `
GET     /api/v1/videos                    reader
POST    /api/v1/videos                    admin
GET     /api/v1/videos/{id}               reader
PATCH   /api/v1/videos/{id}               admin
DELETE  /api/v1/videos/{id}               admin
POST    /api/v1/videos/{id}/restore       admin
POST    /api/v1/videos/{id}/retry         admin
POST    /api/v1/videos/{id}/cancel        admin
GET     /api/v1/videos/{id}/manifest      reader
GET     /api/v1/videos/{id}/holders       reader
GET     /api/v1/videos/{id}/subtitles     reader
POST    /api/v1/videos/{id}/subtitles     admin
DELETE  /api/v1/videos/{id}/subtitles/{rendition} admin
GET     /api/v1/status                    reader
GET     /api/v1/watch                     admin
GET     /api/v1/nodes                     reader
GET     /api/v1/session                   reader
POST    /api/v1/session                   open
DELETE  /api/v1/session                   open
GET     /api/v1/tokens                    admin
POST    /api/v1/tokens                    admin
DELETE  /api/v1/tokens                    admin
GET     /api/v1/openapi.json              open
GET     /hls/{id}/master.m3u8             reader
GET     /hls/{id}/storyboard.vtt          reader
GET     /hls/{id}/{rendition}/index.m3u8  reader
GET     /hls/{id}/{rendition}/{file}      reader
GET     /hls/{id}/{file}                  reader
GET     /healthz                          open
GET     /readyz                           open
GET     /metrics                          open
GET     /{$}                              open
GET     /watch/{id}                       open
GET     /add                              open
GET     /network                          open
GET     /settings                         open
GET     /trash                            open
GET     /assets/{file...}                 open
GET     /{file}                           open
OPTIONS /api/v1/uploads                   open
POST    /api/v1/uploads                   admin
HEAD    /api/v1/uploads/{id}              admin
PATCH   /api/v1/uploads/{id}              admin
DELETE  /api/v1/uploads/{id}              admin
POST    /api/v1/invites                   admin
DELETE  /api/v1/nodes/{id}                admin
POST    /api/v1/nodes/{id}/approve        admin
POST    /api/v1/nodes/{id}/drain          admin
GET     /api/v1/repair/plan               admin
POST    /api/v1/repair                    admin
GET     /api/v1/scrub                     reader
POST    /api/v1/scrub                     admin
GET     /api/v1/backup                    admin
POST    /api/v1/backup                    coming
GET     /api/v1/events                    reader
GET     /api/v1/swarm                     reader
GET     /stream/{file}                    reader
GET     /chunks/{sha256}                  reader
`

// listedRights reads rightsOf.
func listedRights() map[string]string {
	listed := make(map[string]string)
	for line := range strings.Lines(strings.TrimSpace(rightsOf)) {
		words := strings.Fields(line)
		listed[words[0]+" "+words[1]] = words[2]
	}
	return listed
}

func TestEveryRouteIsListedWithItsRights(t *testing.T) {
	got := make(map[string]string)
	for _, route := range newHouse(t).Routes() {
		if got[route.Method+" "+route.Path] = route.Rights; !route.Built {
			got[route.Method+" "+route.Path] = "coming"
		}
	}
	if diff := cmp.Diff(listedRights(), got); diff != "" {
		t.Errorf("routes (-listed +built):\n%s", diff)
	}
}

// A choice is one way to fill in a part of a request, and whether it is a good one.
type choice struct {
	name    string
	headers []string
	good    bool
}

var hostChoices = []choice{
	{"an address", nil, true},
	{"a name of the LAN", []string{"Host", "attic.local:3003"}, true},
	{"a stranger's name", []string{"Host", "evil.test"}, false},
	{"a stranger's name and our port", []string{"Host", "evil.test:3003"}, false},
	{"a forged proxy", []string{"Host", "evil.test", "X-Forwarded-Host", "localhost"}, false},
	{"none", []string{"Host", ""}, false},
}

// originChoices are good or bad for requests that change something; an origin is filled in where it says HOST.
var originChoices = []choice{
	{"none", nil, true},
	{"the same", []string{"Origin", "http://HOST", "Sec-Fetch-Site", "same-origin"}, true},
	{"the same, old browser", []string{"Origin", "http://HOST"}, true},
	{"another", []string{"Origin", "http://evil.test"}, false},
	{"another port", []string{"Origin", "http://127.0.0.1:9999"}, false},
	{"null", []string{"Origin", "null"}, false},
	{"the same site", []string{"Origin", "http://HOST", "Sec-Fetch-Site", "same-site"}, false},
	{"none, cross-site", []string{"Sec-Fetch-Site", "cross-site"}, false},
}

func credentialChoices(h *house) []choice {
	cookie := h.cookieOf()
	name, _, _ := strings.Cut(cookie, "=")
	changed := cookie[:len(cookie)-2] + "AA"
	if changed == cookie {
		changed = cookie[:len(cookie)-2] + "BA"
	}
	return []choice{
		{"nothing", nil, false},
		{"the token", []string{"Authorization", "Bearer " + token}, true},
		{"a wrong token", []string{"Authorization", "Bearer " + strings.ToUpper(token)}, false},
		{"another scheme", []string{"Authorization", "Basic " + token}, false},
		{"a cookie", []string{"Cookie", cookie}, true},
		{"a changed cookie", []string{"Cookie", changed}, false},
		{"an empty cookie", []string{"Cookie", name + "="}, false},
	}
}

func TestHostOriginAndCredentialsAreCheckedOnEveryRoute(t *testing.T) {
	nodes := newNodes()
	h := newHouse(t, nodes.join)
	credentials := credentialChoices(h)
	listed := listedRights()
	before, ordered := h.fingerprint(), ""
	requests := 0
	for _, route := range h.Routes() {
		path := strings.NewReplacer("{$}", "", "{id}", strings.Repeat("a", 26), "{rendition}", "v0",
			"{file...}", "none.js", "{file}", "none", "{sha256}", strings.Repeat("0", 64)).Replace(route.Path)
		for _, host := range hostChoices {
			for _, origin := range originChoices {
				for _, credential := range credentials {
					requests++
					headers := request(requests, host, origin, credential)
					body := "{}"
					if route.Path == "/api/v1/videos" {
						body = "" // an empty file is refused behind all gates
					}
					w := h.asks(route.Method, path, body, headers...)
					want := expected(route.Method, listed[route.Method+" "+route.Path], host, origin, credential)
					if got := refusal(code(w)); got != want || want != "" && w.Code < 400 {
						t.Errorf("%s %s, host %s, origin %s, credentials %s: %d %s, want refusal %q",
							route.Method, path, host.name, origin.name, credential.name, w.Code, code(w), want)
					}
					if want != "" && nodes.orders() != ordered {
						t.Errorf("%s %s: refused, yet the cluster was told", route.Method, path)
					}
					ordered = nodes.orders()
					if want != "" && w.Header().Get("Set-Cookie") != "" {
						t.Errorf("%s %s: refused, yet a cookie was set", route.Method, path)
					}
				}
			}
		}
	}
	if after := h.fingerprint(); after != before {
		t.Errorf("the state changed:\n%s\n%s", before, after)
	}
	if requests < 10_000 {
		t.Errorf("only %d requests were tried", requests)
	}
}

// request puts the headers together. Each request has an address of its own, so that none is limited.
func request(n int, choices ...choice) []string {
	host := local
	// Who asks for JSON gets no stream of events, which would not end.
	headers := []string{"Accept", "application/json", "RemoteAddr", fmt.Sprintf("[2001:db8:%x:%x::1]:9", n>>16, n&0xffff)}
	for _, c := range choices {
		headers = append(headers, c.headers...)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			host = headers[i+1]
		}
	}
	for i := range headers {
		headers[i] = strings.Replace(headers[i], "HOST", host, 1)
	}
	return headers
}

// expected says which refusal is due, "" for none.
func expected(method, rights string, host, origin, credential choice) string {
	changes := method != "GET" && method != "HEAD" && method != "OPTIONS"
	forgotten := origin.name == "none" && strings.HasSuffix(credential.name, "cookie")
	switch {
	case !host.good:
		return "wrong_host"
	case changes && (!origin.good || forgotten):
		return "cross_origin"
	case rights == "coming":
		return "not_available_yet"
	case (rights == "reader" || rights == "admin") && (credential.name == "a wrong token" || credential.name == "another scheme"):
		return "bad_token"
	case rights == "admin" && !credential.good:
		return "unauthorized"
	}
	return ""
}

// refusal returns code if it is one of the gates'.
func refusal(code string) string {
	switch code {
	case "wrong_host", "cross_origin", "unauthorized", "bad_token", "not_available_yet":
		return code
	}
	return ""
}

// fingerprint is everything that a request may change.
func (h *house) fingerprint() string {
	h.t.Helper()
	var all []string
	for _, state := range []library.State{"", library.Trashed} {
		page, err := h.library.List(library.Query{State: state})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, v := range page.Videos {
			all = append(all, string(v.ID), v.Title, string(v.State))
		}
	}
	h.importer.mu.Lock()
	defer h.importer.mu.Unlock()
	all = append(all, fmt.Sprint(h.importer.uploads), h.adminAsks("GET", "/api/v1/tokens", "").Body.String())
	return strings.Join(all, " ")
}

func TestAWebSocketNeedsAnOriginOfThisNode(t *testing.T) {
	h := newHouse(t)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{nil, http.StatusForbidden},
		{[]string{"Origin", "http://evil.test"}, http.StatusForbidden},
		{[]string{"Origin", "null"}, http.StatusForbidden},
		{[]string{"Origin", "http://" + local}, http.StatusBadRequest},
		{[]string{"Authorization", "Bearer " + token}, http.StatusBadRequest},
		{[]string{"Authorization", "Bearer " + token, "Origin", "http://evil.test"}, http.StatusForbidden},
	} {
		want(t, h.asks("GET", "/api/v1/swarm", "", append(c.headers, upgrade...)...), c.status)
	}
}
