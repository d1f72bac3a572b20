package httpapi

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"shoal/internal/manifest"
)

const (
	subprotocol = "shoal.swarm.1"
	// joinTime is how long the first message may take, messageTime any other one from its first byte on.
	joinTime    = 10 * time.Second
	messageTime = 10 * time.Second
	// silentTime is how long nothing may come from a viewer, not even an answer to a ping.
	silentTime = 50 * time.Second
	// viewerTime is how long a browser is known for one that was here before.
	viewerTime = 12 * time.Hour
	// sendTime is how long a viewer may take for one message.
	sendTime = 10 * time.Second
	// The server's own buffers are of 4 KiB each, for whole pages; messages are short.
	readBuffer, writeBuffer = 512, 512
)

// ticketHeaders give a viewer what it needs to join the others. The cookie comes back when the page is loaded again,
// also with what the browser asks for before any of the page's own code runs.
func (h *Handler) ticketHeaders(w *response, r *http.Request, id manifest.VideoID) {
	name, before := h.access.cookie+"_viewer", ""
	if cookie, err := r.Cookie(name); err == nil {
		before = cookie.Value
	}
	ticket, stripe := h.rooms.ticket(string(id), before)
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: ticket, Path: r.URL.Path, MaxAge: int(viewerTime / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: about(r).scheme == "https",
	})
	w.Header().Set("Shoal-Viewer", ticket)
	w.Header().Set("Shoal-Stripe", strconv.FormatFloat(stripe, 'f', 6, 64))
}

// getChunkList serves the chunks of a window of a rendition's segments. Whoever has it may speak of them in a room.
func (h *Handler) getChunkList(w *response, r *http.Request, number string) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	window, err := strconv.Atoi(number)
	if err != nil || strconv.Itoa(window) != number {
		return errNoRoute
	}
	rendition := r.PathValue("rendition")
	list, err := h.cfg.Streams.Chunks(r.Context(), id, rendition, window)
	if err != nil {
		return err
	}
	h.rooms.learn(string(id), []chunkCount{{rendition, list.Known}})
	w.counter = h.metrics.origin[kindPage]
	caching := "no-cache"
	if list.Final {
		caching = immutable
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", caching)
	w.Header().Set("Content-Length", strconv.Itoa(len(list.Bytes)))
	_, _ = w.Write(list.Bytes) // who has gone away is noticed by the server
	return nil
}

// getSwarm makes the request a WebSocket. What is wrong with the viewer it is told there, where its page can hear it.
func (h *Handler) getSwarm(w *response, r *http.Request) error {
	if err := checkHandshake(r); err != nil {
		w.Header().Set("Upgrade", "websocket")
		return err
	}
	client := wholeClient(about(r).client)
	if !h.rooms.enter(client) {
		return later(10*time.Second, http.StatusServiceUnavailable, "busy", "Too many viewers come at once. Try again in a moment.")
	}
	l := &line{rooms: h.rooms, video: strings.Clone(r.URL.Query().Get("video")), done: make(chan error), client: client}
	l.address, l.direct = h.seen(r)
	l.film, l.gone = h.chunkCounts(r)
	up := &upgrade{response: w, started: time.Now()}
	conn, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol},
		// The Origin was compared with the Host before any route was looked for.
		InsecureSkipVerify: true,
		OnPingReceived:     l.answers,
	})
	if err != nil {
		h.rooms.entered(client)
		h.rooms.lines.Done()
		if w.wrote() || w.taken {
			return nil // the client has its answer
		}
		return err
	}
	conn.SetReadLimit(-1) // line has limits of its own, and codes for them
	l.conn, l.wire = conn, up.wire
	// This goroutine, its stack, and all that the server keeps of the request end here: a line needs none of it.
	go l.run()
	return nil
}

// checkHandshake tells what a request lacks to become a WebSocket of ours (RFC 6455, section 4.2.1).
func checkHandshake(r *http.Request) error {
	switch {
	case !upgrades(r):
		return refuse(http.StatusUpgradeRequired, "upgrade_required", "This address is a WebSocket; see docs/protocol.md.")
	case r.Header.Get("Sec-WebSocket-Version") != "13", r.Header.Get("Sec-WebSocket-Key") == "":
		return refuse(http.StatusBadRequest, "bad_websocket", "The request is no proper opening of a WebSocket of version 13.")
	case !slices.ContainsFunc(strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ","),
		func(s string) bool { return strings.TrimSpace(s) == subprotocol }):
		return refuse(http.StatusBadRequest, "bad_subprotocol", "This WebSocket speaks %s and nothing else; see docs/protocol.md.", subprotocol)
	}
	return nil
}

// seen returns where a viewer is, and whether no proxy stands between. The address is none where it would be that of a
// proxy: who comes by way of it is not on its network.
func (h *Handler) seen(r *http.Request) (client netip.Addr, direct bool) {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	from := remote.Addr().Unmap()
	forwarded := slices.ContainsFunc([]string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip"}, func(name string) bool { return r.Header.Get(name) != "" })
	switch client = about(r).client; {
	case h.proxies.trust(from) && client != from:
		return client, false
	case h.proxies.trust(from), forwarded:
		return netip.Addr{}, false
	}
	return client, true
}

// chunkCount is how many chunks of a rendition there are to speak of.
type chunkCount struct {
	rendition string
	chunks    uint32
}

// chunkCounts returns what the video that a request names is made of, or that there is no such video.
func (h *Handler) chunkCounts(r *http.Request) (film []chunkCount, gone bool) {
	id, err := manifest.ParseVideoID(r.URL.Query().Get("video"))
	if err != nil {
		return nil, true
	}
	m, err := h.cfg.Library.Manifest(r.Context(), id)
	if err != nil {
		return nil, true
	}
	for i := range m.Renditions {
		c := chunkCount{rendition: m.Renditions[i].ID}
		for _, s := range m.Renditions[i].Segments {
			c.chunks += uint32(len(s.Chunks))
		}
		film = append(film, c)
	}
	return film, false
}

// upgrade hands the connection over to a WebSocket, with buffers of its own.
type upgrade struct {
	*response
	started time.Time
	wire    *wire
}

// Hijack implements http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := u.rc.Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.taken = true
	u.wire = &wire{Conn: conn}
	u.wire.until(u.started.Add(joinTime))
	var from io.Reader = u.wire
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n) // it is there
		from = io.MultiReader(strings.NewReader(string(early)), u.wire)
	}
	// The WebSocket reads what this reader holds and then, past it, from the connection.
	reader := bufio.NewReaderSize(from, max(readBuffer, buffered.Reader.Buffered()))
	_, _ = reader.Peek(buffered.Reader.Buffered())
	return u.wire, bufio.NewReadWriter(reader, bufio.NewWriterSize(u.wire, writeBuffer)), nil
}

// wire is a connection with a deadline for each reading and writing.
type wire struct {
	net.Conn
	// end is when what is being read must be here, in Unix nanoseconds; 0 for what begins at any time.
	end atomic.Int64
	// heard is when something came last, in Unix seconds.
	heard atomic.Int64
}

// until sets when what is being read must be here, the zero time for what begins at any time.
func (w *wire) until(end time.Time) {
	if end.IsZero() {
		w.end.Store(0)
		return
	}
	w.end.Store(end.UnixNano())
}

func (w *wire) Read(p []byte) (int, error) {
	end := time.Now().Add(silentTime)
	if set := w.end.Load(); set != 0 {
		end = time.Unix(0, set)
	}
	if err := w.SetReadDeadline(end); err != nil {
		return 0, err
	}
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(time.Now().Unix())
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(sendTime)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}
