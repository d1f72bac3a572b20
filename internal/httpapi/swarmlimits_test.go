package httpapi_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"shoal/internal/httpapi"
	"shoal/internal/swarm"
)

func TestConnectionsEndWithTheCodeThatSaysWhy(t *testing.T) {
	h := newHouse(t)
	to := over(h.serve())
	video := string(h.film.id)
	join := func(ticket string) string {
		return string(swarm.Encode(&swarm.Join{Ticket: ticket, Share: swarm.ShareAll}))
	}
	for name, c := range map[string]struct {
		video string
		code  swarm.Code
		says  []string
	}{
		"no message":              {video, swarm.BadWords, []string{"hello"}},
		"state before join":       {video, swarm.BadWords, []string{`{"t":"have","full":true}`}},
		"a long first message":    {video, swarm.BadWords, []string{join(strings.Repeat("x", 2000))}},
		"a ticket made up":        {video, swarm.BadTicket, []string{join("aaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb")}},
		"a ticket too short":      {video, swarm.BadTicket, []string{join("")}},
		"another video's ticket":  {strings.Repeat("a", 26), swarm.BadTicket, []string{join(h.ticket())}},
		"no video":                {"", swarm.BadTicket, []string{join(h.ticket())}},
		"join twice":              {video, swarm.BadWords, []string{join(h.ticket()), join(h.ticket())}},
		"no message after join":   {video, swarm.BadWords, []string{join(h.ticket()), `{"t":"no"}`}},
		"a megabyte":              {video, swarm.BadWords, []string{join(h.ticket()), `{"t":"share","x":"` + strings.Repeat("x", 1<<20) + `"}`}},
		"one byte over the limit": {video, swarm.BadWords, []string{join(h.ticket()), padded(swarm.MaxMessage + 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			w := h.connect(to, c.video)
			w.t = t
			for _, text := range c.says {
				// The other side may have closed while the text was on its way.
				_ = w.Write(t.Context(), websocket.MessageText, []byte(text))
			}
			w.ends(c.code)
		})
	}
	w := h.joins(to, "", "x")
	w.says(padded(swarm.MaxMessage))
	w.plays(0)
	w.sends(&swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 0, Count: 1}}})
	w.hears("leases")
	if err := w.Write(t.Context(), websocket.MessageBinary, []byte(`{"t":"have"}`)); err != nil {
		t.Fatal(err)
	}
	w.ends(swarm.BadWords)
}

// padded returns a message of that length.
func padded(length int) string {
	const head, tail = `{"t":"have","x":"`, `"}`
	return head + strings.Repeat("x", length-len(head)-len(tail)) + tail
}

func TestAFloodOfMessagesEndsTheLineAndNobodyElses(t *testing.T) {
	h := newHouse(t)
	to := over(h.serve())
	calm, wild := h.joins(to, "", "calm"), h.joins(to, "", "wild")
	for range 10_000 {
		if wild.Write(t.Context(), websocket.MessageText, []byte(`{"t":"have"}`)) != nil {
			break
		}
	}
	wild.ends(swarm.Flooding)
	calm.sends(&swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 0, Count: 1}}})
	calm.hears("leases")
	if got := h.metric("shoal_viewers"); got != 1 {
		t.Errorf("%v viewers", got)
	}
}

func TestTheSameTicketTakesTheOldPlace(t *testing.T) {
	h := newHouse(t)
	to := over(h.serve())
	ticket := h.ticket()
	first := h.joins(to, ticket, "first")
	second := h.joins(to, ticket, "second")
	first.ends(swarm.Replaced)
	second.plays(0)
	second.sends(&swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 0, Count: 1}}})
	second.hears("leases")
	if got := h.metric("shoal_viewers"); got != 1 || first.id != second.id {
		t.Errorf("%v viewers, ids %s and %s", got, first.id, second.id)
	}
}

func TestATicketHoldsAfterARestart(t *testing.T) {
	before := newHouse(t)
	ticket := before.ticket()
	sameLibrary := func(cfg *httpapi.Config) { cfg.Library = before.library }
	after := newHouse(t, sameLibrary)
	known := after.connect(over(after.serve()), string(before.film.id))
	known.sends(&swarm.Join{Ticket: ticket, Share: swarm.ShareAll})
	known.hears("welcome")
	stranger := newHouse(t, sameLibrary, func(cfg *httpapi.Config) {
		cfg.AdminToken = strings.Repeat("another-token", 4)
	})
	w := stranger.connect(over(stranger.serve()), string(before.film.id))
	w.sends(&swarm.Join{Ticket: ticket, Share: swarm.ShareAll})
	w.ends(swarm.BadTicket)
}

func TestAFullNodeSaysSo(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.MaxViewers = 2 })
	to := over(h.serve())
	ticket := h.ticket()
	h.joins(to, ticket, "a")
	b := h.joins(to, "", "b")
	c := h.connect(to, string(h.film.id))
	c.sends(&swarm.Join{Ticket: h.ticket(), Share: swarm.ShareAll})
	c.ends(swarm.Full)
	h.joins(to, ticket, "a again")
	_ = b.Close(websocket.StatusGoingAway, "")
	for range 100 { // the room hears of it a moment later
		d := h.connect(to, string(h.film.id))
		d.sends(&swarm.Join{Ticket: h.ticket(), Share: swarm.ShareAll})
		if _, _, err := d.Read(t.Context()); err == nil {
			return
		}
	}
	t.Error("nobody gets the place of one that has gone")
}

func TestViewersOfADeletedVideoAreSentAway(t *testing.T) {
	h := newHouse(t)
	to := over(h.serve())
	w, x := h.joins(to, "", "a"), h.joins(to, "", "b")
	want(t, h.adminAsks("DELETE", "/api/v1/videos/"+string(h.film.id), ""), http.StatusNoContent)
	w.ends(swarm.BadTicket)
	x.ends(swarm.BadTicket)
	if got := h.metric("shoal_viewers"); got != 0 {
		t.Errorf("%v viewers", got)
	}
}

func TestTwoReportsBan(t *testing.T) {
	h := newHouse(t)
	to := over(h.serve())
	bad, a, b := h.joins(to, "", "bad"), h.joins(to, "", "a"), h.joins(to, "", "b")
	bad.plays(0)
	for _, w := range []*watcher{a, b} {
		w.hears("peers")
		w.sends(&swarm.Report{Peer: bad.id, Chunk: swarm.Run{Rendition: "v0", First: 0, Count: 1}})
	}
	bad.ends(swarm.Banned)
	if a.hears("banned")["peer"] != string(bad.id) {
		t.Error("another one is banned")
	}
	if got := h.metric(`shoal_verify_failures_total{where="peer"}`); got != 2 {
		t.Errorf("%v failures", got)
	}
}

func TestViewersAreToldThatTheNodeStops(t *testing.T) {
	h := newHouse(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := h.serveOn(l)
	to := over("http://" + l.Addr().String())
	joined := []*watcher{h.joins(to, "", "a"), h.joins(to, "", "b"), h.connect(to, string(h.film.id))}
	var readers sync.WaitGroup
	for _, w := range joined {
		readers.Go(func() { w.ends(swarm.Stopping) })
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	readers.Wait()
}

func TestAViewerThatTakesNothingIsDroppedAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		to := func(context.Context) (net.Conn, error) { return l.dial(t).Conn, nil }
		deaf, loud := h.joins(to, "", "deaf"), h.joins(to, "", "loud")
		loud.plays(0)
		loud.hears("peers")
		// A pipe holds nothing, so that all waits in the node's queue from now on.
		for range 60 {
			loud.sends(&swarm.Signal{To: deaf.id, Kind: "offer", Data: strings.Repeat("x", 16<<10)})
		}
		synctest.Wait()
		if got := h.metric("shoal_viewers"); got != 1 {
			t.Errorf("%v viewers", got)
		}
		loud.sends(&swarm.Lease{Chunks: swarm.Runs{{Rendition: "v0", First: 0, Count: 1}}})
		loud.hears("leases")
	})
}

func TestWhoIsSilentIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		to := func(context.Context) (net.Conn, error) { return l.dial(t).Conn, nil }
		awake := h.joins(to, "", "awake")
		h.joins(to, "", "gone") // nobody reads there, so no ping is answered
		var ended error
		var reader sync.WaitGroup
		reader.Go(func() {
			for ended == nil {
				_, _, ended = awake.Read(t.Context())
			}
		})
		mute := l.dial(t) // it opens a WebSocket and never joins
		mute.says("GET /api/v1/swarm?video="+string(h.film.id), "Origin: http://"+local, "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: shoal.swarm.1")
		began := time.Now()
		if !mute.ended() {
			t.Error("who never joins stays")
		}
		if took := time.Since(began); took < 10*time.Second || took > 21*time.Second {
			t.Errorf("who never joins is cut off after %v", took)
		}
		time.Sleep(2 * time.Minute)
		if got := h.metric("shoal_viewers"); got != 1 {
			t.Errorf("%v viewers after a while, want the one who answers pings", got)
		}
		_ = awake.CloseNow()
		reader.Wait()
	})
}

func TestWhoOpensManyConnectionsKeepsOnlyItselfWaiting(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.TrustedProxies = []string{"127.0.0.1"} })
	to := over(h.serve())
	ticket := h.ticket()
	from := func(client string) (*websocket.Conn, error) {
		o := opening(to)
		o.HTTPHeader.Set("X-Forwarded-For", client)
		conn, res, err := websocket.Dial(t.Context(), "http://"+local+"/api/v1/swarm?video="+string(h.film.id), o)
		if err != nil && (res == nil || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "") {
			t.Fatalf("answer %+v, %v", res, err)
		}
		if conn != nil {
			t.Cleanup(func() { _ = conn.CloseNow() })
		}
		return conn, err
	}
	opened := 0
	for range 100 {
		if _, err := from("203.0.113.9"); err == nil {
			opened++
		}
	}
	if opened != 64 {
		t.Errorf("%d connections of one client wait to join", opened)
	}
	conn, err := from("203.0.113.10")
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{Conn: conn, t: t}
	w.sends(&swarm.Join{Ticket: ticket, Share: swarm.ShareAll})
	w.hears("welcome")
}

func TestOnlyTheProtocolsWebSocketIsOpened(t *testing.T) {
	h := newHouse(t)
	upgrade := []string{"Origin", "http://" + local, "Connection", "Upgrade", "Upgrade", "websocket"}
	for _, c := range []struct {
		headers []string
		status  int
		code    string
	}{
		{nil, http.StatusUpgradeRequired, "upgrade_required"},
		{upgrade, http.StatusBadRequest, "bad_websocket"},
		{append(upgrade, "Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", "x"), http.StatusBadRequest, "bad_websocket"},
		{append(upgrade, "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "x", "Sec-WebSocket-Protocol", "chat"), http.StatusBadRequest, "bad_subprotocol"},
	} {
		want(t, h.asks("GET", "/api/v1/swarm", "", c.headers...), c.status, c.code)
	}
}

func TestAListOfChunksIsServedWhileTheFilmGrows(t *testing.T) {
	h := newHouse(t)
	path := "/hls/" + string(h.film.id) + "/v0/chunks-"
	w := h.asks("GET", path+"0.bin", "")
	want(t, w, http.StatusOK)
	if body := w.Body.Bytes(); len(body) != 15+1+2*36 || string(body[:4]) != "SCL1" || body[14] != 1 || body[15] != 2 {
		t.Errorf("list %x", body)
	}
	if w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("headers %v", w.Header())
	}
	for _, bad := range []string{path + "1.bin", path + "00.bin", path + "-1.bin", path + "x.bin", path + ".bin", path + "99999999999999999999.bin",
		strings.Replace(path, "v0", "v9", 1) + "0.bin"} {
		want(t, h.asks("GET", bad, ""), http.StatusNotFound, "not_found")
	}
	id := h.accepted("growing")
	draft := *h.film.manifest
	draft.Complete = false
	draft.Renditions = slices.Clone(draft.Renditions)
	draft.Renditions[0].Complete = false
	h.library.Draft(id, &draft)
	w = h.asks("GET", "/hls/"+string(id)+"/v0/chunks-0.bin", "")
	want(t, w, http.StatusOK)
	if w.Header().Get("Cache-Control") != "no-cache" || w.Body.Bytes()[14] != 0 {
		t.Errorf("a list that grows: %v, %x", w.Header(), w.Body.Bytes()[:15])
	}
}
