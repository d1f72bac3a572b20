package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"shoal/internal/ingest"
)

const (
	// maxJSON bounds the bodies of all routes but the upload.
	maxJSON = 64 << 10
	// bodyTime is how long such a body may take.
	bodyTime = 10 * time.Second
	// uploadStall is how long an uploader may be silent.
	uploadStall = 60 * time.Second
	// maxUploads is how many uploads may run at once.
	maxUploads = 8
	// A client that still sends when it is refused is listened to a little, else it may see a reset
	// connection instead of the answer.
	lingerBytes = 16 << 20
	lingerTime  = 5 * time.Second
)

// slots lets as many in at once as it has capacity.
type slots chan struct{}

// take tells whether there was a free slot; the caller gives it back.
func (s slots) take() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s slots) give() { <-s }

// guardedBody is the body of a request. It gives up on a client that is silent, and remembers how reading
// ended. It is used by one goroutine, interrupt aside.
type guardedBody struct {
	rc   *http.ResponseController
	src  io.ReadCloser
	size int64
	// expects is true while the client waits to be told to send the body.
	expects bool
	// end is when the body must be here; when zero, each read has uploadStall.
	end time.Time
	// limit is how many bytes may still come, -1 for any number.
	limit int64
	// err is how reading ended, nil while it goes on.
	err error
	// dropped is set, by any goroutine, when another request takes the place of this one.
	dropped atomic.Bool
}

func newGuardedBody(rc *http.ResponseController, r *http.Request) *guardedBody {
	b := &guardedBody{rc: rc, src: r.Body, size: r.ContentLength, end: time.Now().Add(bodyTime), limit: maxJSON}
	b.expects = strings.EqualFold(r.Header.Get("Expect"), "100-continue")
	// The server reads the rest of a small body before it answers; that may not take for ever either.
	b.deadline(b.end)
	return b
}

// stream turns the guard of a small body into that of an upload: any time, as long as bytes come.
func (b *guardedBody) stream(limit int64) {
	b.end, b.limit = time.Time{}, limit
}

// allow lets a body be longer and take longer than others.
func (b *guardedBody) allow(limit int64, within time.Duration) {
	b.end, b.limit = time.Now().Add(within), limit
	b.deadline(b.end)
}

func (b *guardedBody) deadline(t time.Time) {
	_ = b.rc.SetReadDeadline(t) // a recorder in a test has no deadlines
}

func (b *guardedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.expects = false
	if b.end.IsZero() {
		b.deadline(time.Now().Add(uploadStall))
	}
	if b.dropped.Load() {
		b.err = errReplaced
		return 0, b.err
	}
	if b.limit >= 0 && int64(len(p)) > b.limit+1 {
		p = p[:b.limit+1]
	}
	n, err := b.src.Read(p)
	if b.limit >= 0 {
		if int64(n) > b.limit {
			n, err = int(b.limit), fmt.Errorf("body goes on: %w", ingest.ErrTooLarge)
		}
		b.limit -= int64(n)
	}
	if err != nil && err != io.EOF && b.dropped.Load() {
		err = errReplaced
	}
	b.err = err // after the end the server waits for the client to go away, without a deadline
	return n, err
}

// interrupt ends reading, also that which waits just now. Bytes that are here already may still be read.
func (b *guardedBody) interrupt() {
	if b != nil {
		b.dropped.Store(true)
		b.deadline(time.Now())
	}
}

func (b *guardedBody) Close() error { return b.src.Close() }

// broken returns why the body did not arrive whole, nil if it is the sender's right to go on or it is here.
func (b *guardedBody) broken() error {
	switch {
	case b == nil, b.err == nil, b.err == io.EOF:
		return nil
	case errors.Is(b.err, ingest.ErrTooLarge):
		return b.err
	case errors.Is(b.err, errReplaced):
		return errReplaced
	case errors.Is(b.err, os.ErrDeadlineExceeded):
		return errSilent
	}
	return errGone
}

// unread tells whether more may come than the server reads by itself before it answers.
func (b *guardedBody) unread() bool {
	return b != nil && b.err != io.EOF && (b.size < 0 || b.size > maxJSON)
}

// discard sends the answer and then listens to the client for a little while.
func (b *guardedBody) discard(w *response) {
	if err := w.rc.Flush(); err != nil || b.expects || errors.Is(b.err, os.ErrDeadlineExceeded) {
		return
	}
	b.deadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, b.src, lingerBytes) // it does not matter how this ends
}

// readJSON reads the body into v: one JSON value with known fields only.
func readJSON(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.Join(errors.New("more than one value"), end)
		}
	}
	switch broken := about(r).body.broken(); {
	case errors.Is(broken, ingest.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "The request is larger than %d bytes.", maxJSON)
	case broken != nil:
		return broken
	case err != nil:
		p := refuse(http.StatusBadRequest, "bad_json", "The request's body is not the JSON that belongs here; see /api/v1/openapi.json.")
		p.cause = err
		return p
	}
	return nil
}
