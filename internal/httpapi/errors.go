package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/stream"
)

// problem is an error as a client is told it: what, why, and what to do.
type problem struct {
	status int
	// code is stable, lower case with underscores.
	code, message string
	// retryAfter is when to come again, 0 for never.
	retryAfter time.Duration
	// cause goes to the log and to nobody else.
	cause error
	// operator is true when somebody should look at the node.
	operator bool
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.code + ": " + p.cause.Error()
	}
	return p.code
}

func (p *problem) Unwrap() error { return p.cause }

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// trouble is refuse for what somebody should look at.
func trouble(status int, code, format string, args ...any) *problem {
	p := refuse(status, code, format, args...)
	p.operator = true
	return p
}

// later is refuse with a time to come again.
func later(after time.Duration, status int, code, format string, args ...any) *problem {
	p := refuse(status, code, format, args...)
	p.retryAfter = after
	return p
}

var (
	errNoRoute = refuse(http.StatusNotFound, "not_found", "There is nothing at this address.")
	errMethod  = refuse(http.StatusMethodNotAllowed, "method_not_allowed", "This address cannot be asked that way; the Allow header says which ways there are.")
	errPanic   = trouble(http.StatusInternalServerError, "internal", internalMessage)
	errGone    = refuse(http.StatusBadRequest, "upload_broken", "The upload ended before the whole file was here. Nothing of it was kept; send it again.")
	// Not to be tried again: two would take the upload from each other for ever.
	errReplaced = refuse(http.StatusBadRequest, "upload_replaced", "Another request goes on with this upload, from another window perhaps.")
	errSilent   = refuse(http.StatusRequestTimeout, "upload_stalled", "Nothing arrived for too long, so the request was given up. Send it again.")
)

const internalMessage = "Something went wrong inside the node. Try again; if it stays, the node's log tells more under the request id in the X-Request-Id header."

// translate chooses status, code and message for an error. It is the only place that does.
func translate(err error) *problem {
	var p *problem
	var protocol *tusRefusal
	if errors.As(err, &p) {
		return p
	}
	switch {
	case errors.Is(err, library.ErrQuery), errors.Is(err, library.ErrTitle), errors.Is(err, library.ErrState),
		errors.Is(err, library.ErrDuplicate), errors.Is(err, ingest.ErrNoSource):
		p = translateRequest(err)
	case errors.Is(err, library.ErrNotFound), errors.Is(err, library.ErrTrashed),
		errors.Is(err, library.ErrFailed), errors.Is(err, library.ErrNotReady), errors.Is(err, stream.ErrNotFound), errors.Is(err, stream.ErrIncomplete):
		p = translateVideo(err)
	case errors.Is(err, ingest.ErrEmpty), errors.Is(err, ingest.ErrTooLarge), errors.Is(err, ingest.ErrBusy),
		errors.Is(err, ingest.ErrNoFFmpeg), errors.Is(err, ingest.ErrGone), errors.Is(err, ingest.ErrOffset), errors.Is(err, chunk.ErrFull):
		p = translateUpload(err)
	case errors.Is(err, ingest.ErrNotText), errors.Is(err, ingest.ErrNoCues), errors.Is(err, ingest.ErrLanguage),
		errors.Is(err, ingest.ErrManyTexts), errors.Is(err, ingest.ErrNoText):
		p = translateSubtitles(err)
	case errors.As(err, &protocol):
		p = translateTus(protocol)
	case errors.Is(err, ErrNoNode):
		p = refuse(http.StatusNotFound, "no_node", "There is no such node. It may have been removed; look at the list of nodes.")
	case errors.Is(err, ErrNoCluster):
		p = refuse(http.StatusNotImplemented, "no_cluster", "This node keeps its library alone, so no other machine can join it.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		p = errSilent
	case errors.Is(err, context.Canceled):
		p = refuse(http.StatusServiceUnavailable, "cancelled", "The request was given up before it was answered. Try again.")
	case errors.Is(err, chunk.ErrCorrupt), errors.Is(err, chunk.ErrNotFound):
		p = trouble(http.StatusInternalServerError, "damaged", "A part of this video is missing or damaged on this node. Add the file again: that puts the part back.")
	default:
		p = trouble(http.StatusInternalServerError, "internal", internalMessage)
	}
	told := *p
	told.cause = err
	return &told
}

func translateRequest(err error) *problem {
	switch {
	case errors.Is(err, library.ErrQuery):
		return refuse(http.StatusBadRequest, "bad_query", "The list cannot be made: %s.", afterPrefix(err, library.ErrQuery))
	case errors.Is(err, library.ErrTitle):
		return refuse(http.StatusUnprocessableEntity, "bad_title", "A title has 1 to 200 characters and no line breaks or other control characters. Choose another one.")
	}
	switch {
	case errors.Is(err, library.ErrDuplicate):
		return refuse(http.StatusConflict, "duplicate", "The library has a video of the same file by now. Watch that one, and move this one to the trash.")
	case errors.Is(err, ingest.ErrNoSource):
		return refuse(http.StatusConflict, "no_source", "The added file is not kept: it could not have helped, a week has passed, or the disk needed the room. Add the file again.")
	}
	return refuse(http.StatusConflict, "wrong_state", "The video is not in a state that allows this. Look at its state and try again later.")
}

// afterPrefix returns what the library says to the asker after its sentinel's own words.
func afterPrefix(err, sentinel error) string {
	_, detail, found := strings.Cut(err.Error(), sentinel.Error()+": ")
	if !found {
		return sentinel.Error()
	}
	return detail
}

func translateVideo(err error) *problem {
	switch {
	case errors.Is(err, library.ErrTrashed):
		return refuse(http.StatusNotFound, "trashed", "This video is in the trash. Restore it to watch it.")
	case errors.Is(err, library.ErrFailed):
		return refuse(http.StatusConflict, "failed", "This video could not be prepared, so it does not play. Its entry in the library says why.")
	case errors.Is(err, library.ErrNotReady), errors.Is(err, stream.ErrIncomplete):
		return later(time.Second, http.StatusServiceUnavailable, "processing", "This video is still being prepared. Try again in a moment.")
	}
	return refuse(http.StatusNotFound, "not_found", "This is not in the library. It may have been deleted; look at the list of videos.")
}

func translateUpload(err error) *problem {
	switch {
	case errors.Is(err, ingest.ErrEmpty):
		return refuse(http.StatusUnprocessableEntity, "empty", "The file is empty. Choose another one.")
	case errors.Is(err, ingest.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "The file is larger than this node takes. Make it smaller, or ask the admin for a higher limit (shoal serve --max-upload).")
	case errors.Is(err, ingest.ErrGone):
		return refuse(http.StatusNotFound, "no_upload", "There is no such upload: it was cancelled, or nothing came of it for a day. Send the file from its beginning.")
	case errors.Is(err, ingest.ErrOffset):
		return refuse(http.StatusConflict, "wrong_offset", "The upload does not end where this request goes on. Ask with HEAD for Upload-Offset, and go on from there.")
	case errors.Is(err, ingest.ErrBusy):
		return later(10*time.Second, http.StatusServiceUnavailable, "busy", "Too many files are on their way already. Try again in a moment.")
	case errors.Is(err, ingest.ErrNoFFmpeg):
		return trouble(http.StatusServiceUnavailable, "no_ffmpeg", "The node cannot prepare videos because ffmpeg is not installed on it. Install ffmpeg there, then try again.")
	}
	return trouble(http.StatusInsufficientStorage, "disk_full", "The node's disk has no room for this file. Delete videos for good, or add a disk, then try again.")
}

func translateSubtitles(err error) *problem {
	switch {
	case errors.Is(err, ingest.ErrNotText):
		return refuse(http.StatusUnprocessableEntity, "not_text", "The file is no text that can be read, or not in the encoding that was named. Choose another file, or name its encoding, such as windows-1251.")
	case errors.Is(err, ingest.ErrLanguage):
		return refuse(http.StatusUnprocessableEntity, "bad_language", "This is no language tag. Write it as en, pt-BR or zh-Hant.")
	case errors.Is(err, ingest.ErrManyTexts):
		return refuse(http.StatusConflict, "too_many_subtitles", "The video has as many subtitles as it can have. Remove some first.")
	case errors.Is(err, ingest.ErrNoText):
		return refuse(http.StatusNotFound, "not_found", "The video has no such subtitles. They may have been removed; look at the list.")
	}
	return refuse(http.StatusUnprocessableEntity, "no_subtitles", "There are no subtitles in the file, or they cannot be read. SubRip (.srt), WebVTT (.vtt), ASS and SSA can; subtitles made of pictures cannot.")
}

// notAvailableYet answers for what is promised and not built.
func notAvailableYet(*response, *http.Request) error {
	return refuse(http.StatusNotImplemented, "not_available_yet", "This version of Shoal cannot do that yet.")
}

// explain is translate for those errors that are about a video and nodes, which it calls by their names.
func (h *Handler) explain(r *http.Request, err error) *problem {
	var away Unreachable
	var told *problem
	var elsewhere *library.ElsewhereError
	switch {
	case errors.As(err, &told):
		return translate(err)
	case errors.As(err, &elsewhere):
		return refuse(http.StatusConflict, "elsewhere", "%s prepares %s, so only that machine can do this. Open its page, or wait until the video is ready.",
			h.nodeName(elsewhere.Node), h.titleIn(r))
	case !errors.As(err, &away):
		return translate(err)
	}
	p := later(5*time.Second, http.StatusServiceUnavailable, "nodes_away", "A part of %s cannot be read just now: %s, then it plays on.", h.titleIn(r), h.whoIsAway(away.Holders()))
	p.cause = err
	return p
}

// titleIn returns what people call the video that a request is about.
func (h *Handler) titleIn(r *http.Request) string {
	for _, text := range []string{r.PathValue("id"), r.URL.Query().Get("video"), strings.TrimSuffix(r.PathValue("file"), ".mp4")} {
		if id, err := manifest.ParseVideoID(text); err == nil {
			if v, err := h.cfg.Library.Get(id); err == nil {
				return "“" + v.Title + "”"
			}
		}
	}
	return "this video"
}

// whoIsAway says which nodes do not answer, and what would help.
func (h *Handler) whoIsAway(holders []string) string {
	var names []string
	for _, id := range holders {
		names = append(names, h.nodeName(id))
	}
	switch len(names) {
	case 0:
		return "no node that answers has it. Switch on the machines that are off"
	case 1:
		return names[0] + " has it and does not answer. Switch that machine on"
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last] + " have it and do not answer. Switch one of those machines on"
}

// fail answers a request with an error, if it can still be answered, and logs what is the node's fault.
func (h *Handler) fail(w *response, r *http.Request, err error) {
	p := h.explain(r, err)
	if p.operator && p.cause != nil && !w.lost {
		h.log.Error("request failed", "request", about(r).id, "method", r.Method, "path", r.URL.Path, "code", p.code, "err", p.cause)
	}
	if w.wrote() {
		// Half an answer must not pass for a whole one.
		panic(http.ErrAbortHandler)
	}
	w.counter = nil
	linger := about(r).body.unread()
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Cache-Control", "Accept-Ranges", "Vary", "Last-Modified"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="shoal"`)
	}
	if linger {
		w.Header().Set("Connection", "close")
	}
	writeProblem(w, r, p)
	if linger {
		about(r).body.discard(w)
	}
}

// writeProblem writes JSON, or a page to a browser that goes to an address.
func writeProblem(w *response, r *http.Request, p *problem) {
	if strings.HasPrefix(r.URL.Path, "/api/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		body := struct {
			Error library.Problem `json:"error"`
		}{library.Problem{Code: p.code, Message: p.message}}
		writeJSON(w, p.status, body)
		return
	}
	writeErrorPage(w, p)
}

// writeJSON answers with v.
func writeJSON(w *response, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Errorf("encode answer: %w", err)) // only values of this package come here
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who has gone away is noticed by the server
}
