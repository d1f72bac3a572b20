package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	tusd "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"shoal/internal/ingest"
)

const (
	uploadsPath = "/api/v1/uploads"
	// turnTime is how long a request waits for the one before it at the same upload.
	turnTime = 10 * time.Second
	// offsetStream is the type of a body that is a piece of a file.
	offsetStream = "application/offset+octet-stream"
)

// newTus sets up the protocol of resumable uploads. What it needs to know of a request it finds in the
// request's context, as a tusExchange.
func newTus(cfg Config) (*tusd.UnroutedHandler, error) {
	parts := tusd.NewStoreComposer()
	store := tusStore{importer: cfg.Importer, library: cfg.Library}
	parts.UseCore(store)
	parts.UseTerminater(store)
	parts.UseLocker(newTurns())
	return tusd.NewUnroutedHandler(tusd.Config{
		StoreComposer: parts, MaxSize: cfg.MaxUpload, BasePath: uploadsPath + "/",
		DisableDownload: true, Cors: &tusd.CorsConfig{Disable: true},
		// Refusals are logged where all others are.
		Logger:             slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(math.MaxInt)})),
		AcquireLockTimeout: turnTime,
		// The store finishes what it began without being given time.
		GracefulRequestCompletionTimeout: time.Nanosecond,
	})
}

// tusRoute serves a request by one of the protocol's methods.
func (h *Handler) tusRoute(method http.HandlerFunc) func(*response, *http.Request) error {
	checked := h.tus.Middleware(method)
	return func(w *response, r *http.Request) error {
		x := &tusExchange{response: w, body: about(r).body, method: r.Method}
		if x.body != nil && r.Header.Get("Content-Type") == offsetStream {
			if !h.uploads.take() {
				return ingest.ErrBusy
			}
			defer h.uploads.give()
			x.body.stream(-1) // the announced size of the upload is the limit
		}
		// The protocol's goroutines end with this context, not with the connection's.
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), tusKey{}, x))
		defer cancel()
		r = r.Clone(ctx)
		r.URL.Path = r.PathValue("id")
		r.Header.Del("X-HTTP-Method-Override") // the route is chosen
		checked.ServeHTTP(x, r)
		err := x.refusal()
		if err != nil && h.cfg.MaxUpload > 0 && translate(err).status == http.StatusRequestEntityTooLarge {
			w.Header().Set("Tus-Max-Size", fmt.Sprint(h.cfg.MaxUpload))
		}
		return err
	}
}

// tusExchange is the ResponseWriter of a request of the protocol. It adds what the protocol's handler does not
// know, and keeps refusals back: those are told in the words of this package.
type tusExchange struct {
	*response
	body   *guardedBody
	method string
	// arrival is the upload that the request is about, the zero value when it is none that still arrives.
	arrival ingest.Arrival
	// accepted is what became of an upload that is here whole.
	accepted *ingest.Accepted
	// cause is what went wrong behind the protocol.
	cause error

	refused int
	words   string
}

type tusKey struct{}

func exchangeOf(ctx context.Context) *tusExchange { return ctx.Value(tusKey{}).(*tusExchange) }

// SetReadDeadline does nothing: the body has its own guard.
func (x *tusExchange) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: the response has its own guard.
func (x *tusExchange) SetWriteDeadline(time.Time) error { return nil }

func (x *tusExchange) WriteHeader(status int) {
	if status >= 400 {
		x.refused = status
		return
	}
	header := x.Header()
	header.Set("Cache-Control", "no-store")
	if x.method == http.MethodHead {
		header.Del("Content-Length") // it is that of the file, and Upload-Length says it
	}
	if extensions := header.Get("Tus-Extension"); extensions != "" {
		header.Set("Tus-Extension", extensions+",expiration")
	}
	if status == http.StatusCreated {
		header.Set("Location", uploadsPath+"/"+string(x.arrival.ID))
	}
	switch {
	case x.accepted != nil:
		header.Set("Shoal-Video", string(x.accepted.ID))
		if x.accepted.Duplicate {
			header.Set("Shoal-Duplicate", "true")
		}
	case x.arrival.ID != "":
		header.Set("Upload-Expires", x.arrival.Expires.UTC().Format(http.TimeFormat))
	}
	x.response.WriteHeader(status)
}

func (x *tusExchange) Write(p []byte) (int, error) {
	if x.refused > 0 {
		x.words = cmp.Or(x.words, string(p))
		return len(p), nil
	}
	return x.response.Write(p)
}

// refusal returns why the request was refused, nil when it was not.
func (x *tusExchange) refusal() error {
	if x.refused == 0 {
		return nil
	}
	if x.cause != nil {
		return x.cause
	}
	switch broken := x.body.broken(); broken {
	case nil:
		return &tusRefusal{status: x.refused, words: x.words}
	case errReplaced:
		return broken
	default:
		return &problem{
			status: http.StatusServiceUnavailable, code: "upload_paused", retryAfter: time.Second, cause: broken,
			message: "The upload was interrupted. What arrived is kept: ask with HEAD for Upload-Offset and go on from there.",
		}
	}
}

// tusRefusal is a refusal by the protocol's handler, whose words are "ERR_CODE: message".
type tusRefusal struct {
	status int
	words  string
}

func (e *tusRefusal) Error() string { return fmt.Sprintf("tus: %d %s", e.status, e.words) }

func translateTus(e *tusRefusal) *problem {
	switch e.status {
	case http.StatusPreconditionFailed:
		return refuse(e.status, "unsupported_version", "This node speaks tus 1.0.0. Send the header Tus-Resumable: 1.0.0.")
	case http.StatusConflict:
		return translateUpload(ingest.ErrOffset)
	case http.StatusRequestEntityTooLarge:
		return translateUpload(ingest.ErrTooLarge)
	case http.StatusLocked:
		return later(time.Second, http.StatusLocked, "locked", "Another request is at work on this upload. Try again in a moment.")
	case http.StatusNotImplemented:
		return refuse(http.StatusBadRequest, "bad_upload", "The length of the file must be known from the start: send it as Upload-Length.")
	case http.StatusBadRequest:
		_, message, _ := strings.Cut(strings.TrimSpace(e.words), ": ")
		return refuse(e.status, "bad_upload", "The request is not what tus 1.0.0 asks for: %s.", cmp.Or(message, "a header is missing or wrong"))
	}
	return trouble(http.StatusInternalServerError, "internal", internalMessage)
}
