package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/httpapi"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// What the node puts together fits together.
var (
	_ ingest.Catalog   = (*library.Library)(nil)
	_ httpapi.Importer = (*ingest.Importer)(nil)
)

// importer receives files as ingest.Importer does, and prepares nothing. What comes in pieces goes to a real
// one, which is not run.
type importer struct {
	*ingest.Importer
	library *library.Library
	// dir is where the real importer keeps files.
	dir string
	// cancel is whether Cancel does more than to be noted.
	cancel bool
	// refuse, if set, is the answer to every file, before a byte of it is read.
	refuse error

	mu        sync.Mutex
	uploads   []ingest.Upload    // guarded by mu; as they came in
	broken    []error            // guarded by mu; how the bodies that broke off ended
	cancelled []manifest.VideoID // guarded by mu
}

// newImporter keeps files in dir, and takes up those that are there.
func newImporter(h *house, dir string, limits ingest.Config) *importer {
	h.t.Helper()
	limits.Store, limits.Catalog, limits.Dir, limits.Room = h.chunks, h.library, dir, h.disk.Room
	limits.FFmpeg, limits.FFprobe, limits.Log, limits.Now = "ffmpeg", "ffprobe", slog.New(slog.DiscardHandler), h.clock.now
	im := &importer{Importer: ingest.New(limits), library: h.library, dir: dir}
	if err := im.Recover(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	return im
}

func (im *importer) Accept(ctx context.Context, up ingest.Upload) (ingest.Accepted, error) {
	im.mu.Lock()
	im.uploads = append(im.uploads, up)
	im.mu.Unlock()
	if im.refuse != nil {
		return ingest.Accepted{}, im.refuse
	}
	id, err := im.library.Receive(up.Name, up.Title)
	if err != nil {
		return ingest.Accepted{}, err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, up.Body)
	if err == nil && size == 0 {
		err = ingest.ErrEmpty
	}
	if err != nil {
		im.library.Forget(id)
		im.mu.Lock()
		defer im.mu.Unlock()
		im.broken = append(im.broken, err)
		return ingest.Accepted{}, err
	}
	existing, duplicate, err := im.library.Accept(ctx, id, size, chunk.Ref(hash.Sum(nil)))
	if err != nil {
		return ingest.Accepted{}, err
	}
	if duplicate {
		id = existing
	}
	return ingest.Accepted{ID: id, Duplicate: duplicate}, nil
}

func (im *importer) Cancel(ctx context.Context, id manifest.VideoID) error {
	if im.cancel {
		return im.Importer.Cancel(ctx, id)
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.cancelled = append(im.cancelled, id)
	return nil
}

// last returns the upload that came in last.
func (im *importer) last() ingest.Upload {
	im.mu.Lock()
	defer im.mu.Unlock()
	if len(im.uploads) == 0 {
		return ingest.Upload{}
	}
	return im.uploads[len(im.uploads)-1]
}

func (im *importer) breaks() []error {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.broken
}

// disk has as much room as the test says.
type disk struct{ room atomic.Int64 }

func newDisk() *disk {
	d := new(disk)
	d.room.Store(1 << 40)
	return d
}

func (d *disk) Room() int64 { return d.room.Load() }

func (d *disk) Usage() httpapi.Usage {
	return httpapi.Usage{Capacity: 1000, Used: 300, Free: 700, Chunks: 5, Reads: 11, Corrupt: 2}
}

// clock stands still unless it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time        { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) move(by time.Duration) { c.at.Add(int64(by)) }

// logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var errInside = errors.New("secret detail of /var/lib/inside")

// slowImporter takes its time after the last byte, unless its request is given up.
type slowImporter struct {
	httpapi.Importer
	wait time.Duration
}

func (s *slowImporter) Accept(ctx context.Context, up ingest.Upload) (ingest.Accepted, error) {
	accepted, err := s.Importer.Accept(ctx, up)
	select {
	case <-time.After(s.wait):
	case <-ctx.Done():
		return ingest.Accepted{}, ctx.Err()
	}
	return accepted, err
}
