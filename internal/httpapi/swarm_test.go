package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"shoal/internal/swarm"
)

// watcher is a viewer in a room, by a real WebSocket.
type watcher struct {
	*websocket.Conn
	t  testing.TB
	id swarm.ID
}

// ticket asks for a playlist as a viewer's page does.
func (h *house) ticket() string {
	h.t.Helper()
	w := h.asks("GET", "/hls/"+string(h.film.id)+"/master.m3u8", "")
	want(h.t, w, http.StatusOK)
	return w.Header().Get("Shoal-Viewer")
}

// opening is how a WebSocket to a house is opened.
func opening(dial func(context.Context) (net.Conn, error)) *websocket.DialOptions {
	o := &websocket.DialOptions{Subprotocols: []string{"shoal.swarm.1"}, HTTPHeader: http.Header{"Origin": {"http://" + local}}, Host: local}
	o.HTTPClient = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	return o
}

// connect opens a WebSocket and says nothing.
func (h *house) connect(dial func(context.Context) (net.Conn, error), video string) *watcher {
	h.t.Helper()
	conn, _, err := websocket.Dial(h.t.Context(), "http://"+local+"/api/v1/swarm?video="+video, opening(dial))
	if err != nil {
		h.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	h.t.Cleanup(func() { _ = conn.CloseNow() })
	return &watcher{Conn: conn, t: h.t}
}

// over dials a house that serves at url.
func over(url string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://"))
	}
}

func (w *watcher) says(text string) {
	w.t.Helper()
	if err := w.Write(w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatalf("say %.60s: %v", text, err)
	}
}

func (w *watcher) sends(m swarm.Message) {
	w.t.Helper()
	w.says(string(swarm.Encode(m)))
}

// hears waits for a message of that kind.
func (w *watcher) hears(kind string) map[string]any {
	w.t.Helper()
	for {
		_, text, err := w.Read(w.t.Context())
		if err != nil {
			w.t.Fatalf("wait for %s: %v", kind, err)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			w.t.Fatal(err)
		}
		if m["t"] == kind {
			return m
		}
	}
}

// ends reads to the end and fails the test unless it has that code.
func (w *watcher) ends(code swarm.Code) {
	w.t.Helper()
	for {
		if _, _, err := w.Read(w.t.Context()); err != nil {
			if got := websocket.CloseStatus(err); got != websocket.StatusCode(code) {
				w.t.Errorf("closed with %d, want %d: %v", got, code, err)
			}
			return
		}
	}
}

// joins connects a viewer with a ticket, a new one for "", and waits for its welcome.
func (h *house) joins(dial func(context.Context) (net.Conn, error), ticket, name string) *watcher {
	h.t.Helper()
	if ticket == "" {
		ticket = h.ticket()
	}
	w := h.connect(dial, string(h.film.id))
	w.sends(&swarm.Join{Ticket: ticket, Name: name, Share: swarm.ShareAll})
	w.id = swarm.ID(w.hears("welcome")["viewer"].(string))
	return w
}

func (w *watcher) plays(position float64) {
	w.t.Helper()
	w.sends(&swarm.State{Position: position, Buffer: 12.5, Playing: true, Renditions: []string{"v0", "a0"}, Peers: 1,
		Bytes: swarm.Bytes{Origin: 1000, Peers: 500, Uploaded: 200}})
}

func TestViewersMeetInTheirRoom(t *testing.T) {
	h := newHouse(t)
	to := over(h.serve())
	a, b := h.joins(to, "", "Ada"), h.joins(to, "", "Bob")
	a.plays(0)
	for _, w := range []*watcher{a, b} {
		peers := w.hears("peers")["add"].([]any)
		if p := peers[0].(map[string]any); len(peers) != 1 || p["near"] != true || p["offer"] != (w == a) {
			t.Errorf("%s is introduced to %v", w.id, peers)
		}
	}
	b.sends(&swarm.Signal{To: a.id, Kind: "answer", Data: "v=0\r\n"})
	if m := a.hears("signal"); m["from"] != string(b.id) || m["data"] != "v=0\r\n" {
		t.Errorf("the signal is %v", m)
	}
	a.sends(&swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 0, Count: 2}}})
	if m := a.hears("leases"); fmt.Sprint(m["granted"]) != "[[v0 0 2]]" {
		t.Errorf("leases are %v", m)
	}
	b.sends(&swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 1, Count: 1}}})
	if m := b.hears("leases"); fmt.Sprint(m["held"]) != "[[v0 1 1]]" {
		t.Errorf("leases are %v", m)
	}
	a.sends(&swarm.Release{Chunks: swarm.Runs{{Rendition: "v0", First: 1, Count: 1}}})
	if m := b.hears("leases"); fmt.Sprint(m["granted"]) != "[[v0 1 1]]" {
		t.Errorf("leases are %v", m)
	}
	h.showsViewer(a)
}

// showsViewer compares the status and the metrics with what a watcher said that was the only one to play.
func (h *house) showsViewer(a *watcher) {
	h.t.Helper()
	text := h.asks("GET", "/api/v1/status", "").Body.String()
	status := decode[struct {
		Viewers []struct {
			ID, Name, Video, Node string
			BufferSeconds         float64 `json:"buffer_seconds"`
			Peers                 int
			Bytes                 struct{ Origin, Peers, Uploaded int64 }
		}
	}](h.t, strings.NewReader(text))
	if len(status.Viewers) != 2 {
		h.t.Fatalf("viewers %+v", status.Viewers)
	}
	for _, v := range status.Viewers {
		if v.ID == string(a.id) && (v.Name != "Ada" || v.Video != string(h.film.id) || v.Node != nodeID || v.BufferSeconds != 12.5 ||
			v.Peers != 1 || v.Bytes.Origin != 1000 || v.Bytes.Peers != 500 || v.Bytes.Uploaded != 200) {
			h.t.Errorf("viewer %+v", v)
		}
	}
	if strings.Contains(strings.ReplaceAll(text, local, ""), "127.0.0.1") {
		h.t.Errorf("the status tells addresses: %s", text)
	}
	for name, want := range map[string]float64{
		"shoal_viewers": 2, "shoal_peer_bytes_total": 500, `shoal_leases_total{result="granted"}`: 3, `shoal_leases_total{result="held"}`: 1,
	} {
		if got := h.metric(name); got != want {
			h.t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestAPageThatIsLoadedAgainBeginsAtTheBeginning(t *testing.T) {
	h := newHouse(t)
	master := "/hls/" + string(h.film.id) + "/master.m3u8"
	var stripes, cookies []string
	for i := range 3 {
		w := h.asks("GET", master, "", "Cookie", strings.Join(cookies, "; "))
		stripes = append(stripes, w.Header().Get("Shoal-Stripe"))
		set, err := http.ParseSetCookie(w.Header().Get("Set-Cookie"))
		if err != nil || set.Value != w.Header().Get("Shoal-Viewer") || set.Path != master || !set.HttpOnly || set.SameSite != http.SameSiteStrictMode {
			t.Fatalf("answer %d sets %+v, %v", i, set, err)
		}
		cookies = []string{set.Name + "=" + set.Value}
	}
	if w := h.asks("GET", master, "", "Cookie", cookies[0]+"x"); w.Header().Get("Shoal-Stripe") != "0.618034" {
		t.Errorf("a ticket that is none counts: %s", w.Header().Get("Shoal-Stripe"))
	}
	if got := strings.Join(stripes, " "); got != "0.000000 0.000000 0.000000" {
		t.Errorf("stripes %s", got)
	}
}

func TestWhoComesTogetherBeginsApart(t *testing.T) {
	h := newHouse(t)
	var stripes []string
	seen := make(map[string]bool)
	for range 4 {
		w := h.asks("GET", "/hls/"+string(h.film.id)+"/master.m3u8", "")
		stripes = append(stripes, w.Header().Get("Shoal-Stripe"))
		seen[w.Header().Get("Shoal-Viewer")] = true
	}
	if got := strings.Join(stripes, " "); got != "0.000000 0.618034 0.236068 0.854102" || len(seen) != 4 {
		t.Errorf("stripes %s, %d tickets", got, len(seen))
	}
	if w := h.asks("GET", "/hls/"+strings.Repeat("a", 26)+"/master.m3u8", ""); w.Header().Get("Shoal-Viewer") != "" {
		t.Error("a ticket for a video that is not there")
	}
}
