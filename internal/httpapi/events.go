package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shoal/internal/library"
)

const (
	// keptEvents is how many events are remembered: who listens may fall behind by so many.
	keptEvents = 256
	// lookTime is how often it is looked what changed.
	lookTime = 2 * time.Second
	// heartbeat is how often a silent stream says that it goes on.
	heartbeat = 15 * time.Second
	// maxListeners is how many streams of events are served at once.
	maxListeners = 64
	// newestReady is how many of the newest videos are looked at.
	newestReady = 50
	// usualEvents is how many are listed unless the asker says otherwise.
	usualEvents = 20
)

// jsonEvent is an event as clients see it.
type jsonEvent struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Node    *string   `json:"node"`
	Video   *string   `json:"video"`
}

// events remembers what happened. A listener keeps its place in it, so that none needs a queue of its own.
type events struct {
	// life tells the ids of this run of the node from those of others.
	life      string
	listeners slots

	mu     sync.Mutex
	kept   []jsonEvent   // guarded by mu; the oldest first
	next   int64         // guarded by mu; the number of the event to come
	wake   chan struct{} // guarded by mu; closed when there is something new
	closed bool          // guarded by mu; the node stops
}

func newEvents() *events {
	return &events{life: rand.Text()[:8], listeners: make(slots, maxListeners), wake: make(chan struct{})}
}

// add notes what happened, at one time.
func (e *events) add(at time.Time, happened ...event) {
	if len(happened) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range happened {
		e.kept = append(e.kept, jsonEvent{
			ID: e.life + "-" + strconv.FormatInt(e.next, 10), Time: at.UTC(), Code: one.Code, Message: one.Message,
			Node: named(one.Node), Video: named(one.Video),
		})
		e.next++
	}
	e.kept = slices.Clone(e.kept[max(0, len(e.kept)-keptEvents):])
	close(e.wake)
	e.wake = make(chan struct{})
}

func named(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

// close ends all streams.
func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		close(e.wake)
	}
}

// open lets streams begin; a handler may serve again after it has stopped.
func (e *events) open() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		e.closed, e.wake = false, make(chan struct{})
	}
}

// since returns the events from a number on, the number after them, and what is closed when there is more; ended is true
// when there will be none.
func (e *events) since(from int64) (news []jsonEvent, next int64, wake <-chan struct{}, ended bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	oldest := e.next - int64(len(e.kept))
	return slices.Clone(e.kept[max(0, from-oldest):]), e.next, e.wake, e.closed
}

// after returns the number of the event that follows the one with that id. Without an id that is the next one to come; with
// one of another life of the node, or one that is forgotten, the oldest that is remembered.
func (e *events) after(id string) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == "" {
		return e.next
	}
	life, text, _ := strings.Cut(id, "-")
	number, err := strconv.ParseInt(text, 10, 64)
	if life != e.life || err != nil || number < 0 || number >= e.next {
		return e.next - int64(len(e.kept))
	}
	return number + 1
}

// newest returns the last events, the newest first.
func (e *events) newest(most int) []jsonEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := slices.Clone(e.kept[max(0, len(e.kept)-most):])
	slices.Reverse(last)
	return last
}

// watchChanges notes what changes until ctx ends, and ends all streams then.
func (h *Handler) watchChanges(ctx context.Context) {
	h.events.open()
	defer h.events.close()
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	was := h.glance(glance{})
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		was = h.noteChanges(was)
	}
}

// noteChanges notes what happened since a glance, and returns the one that it took now.
func (h *Handler) noteChanges(was glance) glance {
	is := h.glance(was)
	h.events.add(is.at, between(was, is)...)
	return is
}

// glance looks at everything that events tell of. What cannot be looked at just now is as it was.
func (h *Handler) glance(was glance) glance {
	is := glance{at: h.cfg.Now(), repair: h.cfg.Cluster.Repair(), states: h.cfg.Library.Totals().States, working: was.working, ready: was.ready}
	for _, m := range h.cfg.Cluster.Members() {
		if m.ID == h.cfg.Node.ID {
			m.Name = h.cfg.Node.Name
		}
		is.nodes = append(is.nodes, m)
	}
	if maps.Equal(is.states, was.states) { // listing a large library takes some milliseconds
		return is
	}
	working, err := h.videosIn(library.MaxLimit, library.Processing, library.Receiving)
	ready, failed := h.videosIn(newestReady, library.Ready)
	if err != nil || failed != nil {
		is.states = was.states
		return is
	}
	is.working, is.ready = working, ready
	for _, v := range was.working {
		if now, err := h.cfg.Library.Get(v.ID); err == nil && now.State == library.Failed {
			is.failed = append(is.failed, now)
		}
	}
	return is
}

// videosIn lists the newest videos in some states.
func (h *Handler) videosIn(most int, states ...library.State) (all []library.Video, err error) {
	for _, state := range states {
		page, err := h.cfg.Library.List(library.Query{State: state, Limit: most})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Videos...)
	}
	return all, nil
}

// getEvents streams what happens (HTML Living Standard, server-sent events), or lists what happened last to who asks for JSON.
func (h *Handler) getEvents(w *response, r *http.Request) error {
	w.Header().Set("Vary", "Accept")
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/event-stream") {
		return h.listEvents(w, r)
	}
	if !h.events.listeners.take() {
		return later(10*time.Second, http.StatusServiceUnavailable, "busy", "Too many listen to events already. Try again in a moment.")
	}
	defer h.events.listeners.give()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // for proxies such as nginx
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	return h.streamEvents(w, r, h.events.after(r.Header.Get("Last-Event-ID")))
}

func (h *Handler) listEvents(w *response, r *http.Request) error {
	most := usualEvents
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil || most < 1 || most > keptEvents {
			return refuse(http.StatusBadRequest, "bad_query", "The list cannot be made: limit is 1 to %d, not %q.", keptEvents, text)
		}
	}
	return h.answer(w, http.StatusOK, struct {
		Events []jsonEvent `json:"events"`
	}{append([]jsonEvent{}, h.events.newest(most)...)})
}

// streamEvents sends what happens from a number on, until the client goes away or the node stops.
func (h *Handler) streamEvents(w *response, r *http.Request, from int64) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	text := []byte(": what happens on this node\n\n")
	for {
		news, next, wake, ended := h.events.since(from)
		from = next
		for _, one := range news {
			text = append(text, frame(one)...)
		}
		if _, err := w.Write(text); err != nil {
			return nil // the client has gone
		}
		_ = w.rc.Flush() // what cannot be flushed fails at the next writing
		if ended {
			return nil
		}
		text = text[:0]
		select {
		case <-wake:
		case <-r.Context().Done():
			return nil
		case <-beat.C:
			text = append(text, ": still here\n\n"...)
		}
	}
}

// frame writes an event as its stream has it; JSON has no line breaks of its own.
func frame(e jsonEvent) []byte {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic(fmt.Errorf("encode event: %w", err)) // only values of this package come here
	}
	return fmt.Appendf(nil, "id: %s\ndata: %s\n", e.ID, body.Bytes())
}
