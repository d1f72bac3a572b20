package httpapi

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"
)

// policy is the content security policy of every answer. The player's media comes from memory (blob:).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; " +
	"worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// workerPolicy is that of the client's worker that checks hashes: it may compile WebAssembly, which the page may not, and reach nothing.
const workerPolicy = "default-src 'none'; script-src 'wasm-unsafe-eval'"

// request is what is known of a request beside its headers. Host, Scheme and Client are those that a
// trusted proxy names.
type request struct {
	id     string
	client netip.Addr
	scheme string
	host   string
	// body guards the body, nil when there is none.
	body *guardedBody
}

type requestKey struct{}

// about returns what ServeHTTP found out about r.
func about(r *http.Request) *request { return r.Context().Value(requestKey{}).(*request) }

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	info := h.look(r)
	w := newResponse(rw, r)
	// The server looks at its own request again after the answer, so the body is replaced on a copy.
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		info.body = newGuardedBody(w.rc, r)
		r.Body = info.body
	}
	began := time.Now()
	defer func() { h.finish(w, r, began, recover()) }()
	setSecurityHeaders(w.Header(), info)
	if err := h.checkSource(r); err != nil {
		h.fail(w, r, err)
		return
	}
	if _, pattern := h.mux.Handler(r); pattern == "" {
		h.unmatched(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) look(r *http.Request) *request {
	info := &request{id: rand.Text()[:12], scheme: "http", host: r.Host}
	if r.TLS != nil {
		info.scheme = "https"
	}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		info.client = at.Addr().Unmap()
	}
	h.proxies.apply(info, r.Header)
	return info
}

func setSecurityHeaders(header http.Header, info *request) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if info.scheme == "https" {
		// Browsers ignore it over http, with a complaint in the console of every page.
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	header.Set("X-Request-Id", info.id)
}

// unmatched answers what no route is made for. The mux knows whether the path exists for other methods.
func (h *Handler) unmatched(w *response, r *http.Request) {
	handler, _ := h.mux.Handler(r)
	probe := &statusProbe{header: make(http.Header)}
	handler.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		h.fail(w, r, errMethod)
		return
	}
	h.fail(w, r, errNoRoute)
}

// statusProbe takes an answer for its status and headers only.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }

// finish ends a request: a panic becomes an answer and a line in the log.
func (h *Handler) finish(w *response, r *http.Request, began time.Time, panicked any) {
	if panicked == http.ErrAbortHandler {
		panic(panicked)
	}
	if panicked != nil {
		h.log.Error("request handler panicked", "request", about(r).id, "method", r.Method, "path", r.URL.Path,
			"panic", panicked, "stack", string(debug.Stack()))
		h.fail(w, r, errPanic)
	}
	w.renew()
	h.log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("request", about(r).id),
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.status),
		slog.Int64("bytes", w.sent), slog.Duration("took", time.Since(began)))
}
