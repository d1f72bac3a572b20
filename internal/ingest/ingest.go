// Package ingest turns an added file into a video: it receives the file, probes it, plans the work, runs
// ffmpeg within limits, cuts its output into segments and chunks, and tells the catalogue what is
// playable. It is the only package that starts other programs. What is stored where, and how a video is
// listed, it leaves to its Store and Catalog.
package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Errors of Accept, Begin, Append and Finish that callers branch on. A full disk is chunk.ErrFull.
var (
	ErrEmpty    = errors.New("the file is empty")
	ErrTooLarge = errors.New("the file is too large")
	ErrBusy     = errors.New("too many films are waiting already")
	ErrNoFFmpeg = errors.New("ffmpeg is not installed")
	// ErrGone says that a file does not arrive, or not any more: it was deleted, thrown away, or is a video.
	ErrGone = errors.New("no such upload")
	// ErrOffset says that a file has fewer or more bytes than its sender thinks.
	ErrOffset = errors.New("the file ends elsewhere")
)

// Catalog is told what becomes of a video. Its methods may be called from many goroutines at once.
type Catalog interface {
	// Receive makes room for a file that begins to arrive; nothing of it is durable yet.
	Receive(name, title string) (manifest.VideoID, error)
	// Resume lists a video again whose file was arriving before a restart. It fails when the id is taken.
	Resume(id manifest.VideoID, name, title string, created time.Time) error
	// Forget drops a video whose file did not arrive.
	Forget(id manifest.VideoID)
	// Accept makes a received file durable knowledge, or forgets it in favour of an existing video of the same bytes.
	Accept(ctx context.Context, id manifest.VideoID, size int64, sha256 chunk.Ref) (existing manifest.VideoID, duplicate bool, err error)
	// Unfinished lists accepted videos that are neither ready nor failed, oldest first.
	Unfinished() []manifest.VideoID
	// Progress says how much of the whole is done, 0 to 1.
	Progress(id manifest.VideoID, stage string, fraction float64)
	// Describe says how long the video is.
	Describe(id manifest.VideoID, length time.Duration)
	// Draft hands over what is made so far; it is not changed afterwards.
	Draft(id manifest.VideoID, m *manifest.Manifest)
	// Publish makes the video ready, durably; at lists the chunks of the manifest's bytes.
	Publish(ctx context.Context, id manifest.VideoID, m *manifest.Manifest, at []chunk.Info) error
	// Stored returns what a ready video is made of, and the chunks of the manifest's bytes.
	Stored(ctx context.Context, id manifest.VideoID) (m *manifest.Manifest, at []chunk.Info, err error)
	// Replace makes something else of a ready video, durably, if its manifest still lies in the chunks was; done is false when
	// it does not, because somebody else did so meanwhile.
	Replace(ctx context.Context, id manifest.VideoID, was []chunk.Info, m *manifest.Manifest, at []chunk.Info) (done bool, err error)
	// Here returns an error that says so when another node prepares the video, or tried to.
	Here(id manifest.VideoID) error
	// Manifest returns what a ready video is made of; it is not changed any more.
	Manifest(ctx context.Context, id manifest.VideoID) (*manifest.Manifest, error)
	// Retry takes a failed video up again, durably: it is accepted and neither ready nor failed then.
	Retry(ctx context.Context, id manifest.VideoID) error
	// Fail ends the video with words for its owner, durably.
	Fail(ctx context.Context, id manifest.VideoID, code, message string) error
}

// Config says what an Importer works with.
type Config struct {
	Store   chunk.Store
	Catalog Catalog
	// Shared tells whether other nodes may rely on the chunks that an import puts: then those of a failed one are left to
	// the survey of the store, which knows. Nil for never.
	Shared func() bool
	// Dir holds one folder for each video in work; it must lie on the disk that Room speaks of.
	Dir string
	// Room returns how many bytes may still be stored.
	Room func() int64
	// FFmpeg and FFprobe are programs; when empty they are looked up in PATH at each use.
	FFmpeg, FFprobe string
	// MaxUpload is the largest file in bytes, 0 for no limit; MaxWaiting the most videos in work, 0 for 64.
	MaxUpload  int64
	MaxWaiting int
	// MaxArriving is the most files that Begin has open, 0 for 64; KeepArriving how long each waits for more
	// of it, 0 for a day.
	MaxArriving  int
	KeepArriving time.Duration
	// KeepFailed is how long the added file of a failed video is kept for another try, 0 for 7 days.
	KeepFailed time.Duration
	Log        *slog.Logger
	// Now is the clock by which files are given up, time.Now when nil.
	Now func() time.Time
}

// Importer receives files and prepares them. Its methods may be called from many goroutines at once.
type Importer struct {
	cfg    Config
	queue  *queue
	claims *claims
	// arrivals are the files on their way in.
	arrivals *arrivals
	kept     *keptSources
	// publishing is held, by a value in it, by the one who publishes a video.
	publishing chan struct{}
}

// New returns an Importer; nothing is prepared until Run.
func New(cfg Config) *Importer {
	if cfg.MaxWaiting == 0 {
		cfg.MaxWaiting = 64
	}
	if cfg.MaxArriving == 0 {
		cfg.MaxArriving = 64
	}
	if cfg.KeepArriving == 0 {
		cfg.KeepArriving = 24 * time.Hour
	}
	if cfg.KeepFailed == 0 {
		cfg.KeepFailed = 7 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Shared == nil {
		cfg.Shared = func() bool { return false }
	}
	return &Importer{
		cfg: cfg, queue: newQueue(cfg.MaxWaiting), claims: newClaims(cfg.Store, cfg.Shared),
		arrivals: newArrivals(cfg.MaxArriving, cfg.KeepArriving), kept: newKeptSources(), publishing: make(chan struct{}, 1),
	}
}

// Upload is a file on its way in. Name is its owner's name for it and never becomes a path.
// Size is the number of bytes in Body, or -1 when unknown.
type Upload struct {
	Name, Title string
	Size        int64
	Body        io.Reader
}

// Accepted is the answer to an Upload: the video it became, or the one that holds the same bytes.
type Accepted struct {
	ID        manifest.VideoID
	Duplicate bool
}

// InWork returns how many videos wait or are being prepared.
func (im *Importer) InWork() (waiting, running int) { return im.queue.count() }

// Cancel stops the work on a video and returns when nothing of it runs or lies about any more; a file that
// still arrives may lie about until its sender has noticed. The file of a failed video goes too; others are left alone.
func (im *Importer) Cancel(ctx context.Context, id manifest.VideoID) error {
	if im.abandon(id) {
		return nil
	}
	waiting, done := im.queue.cancel(id, errCancelled)
	if waiting != nil {
		defer im.queue.finish(waiting)
		return im.discard(ctx, waiting)
	}
	if err := await(ctx, done); err != nil {
		return err
	}
	return im.dropKept(id)
}

// tool finds a program of the ffmpeg family.
func tool(configured, name string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", ErrNoFFmpeg
	}
	return path, nil
}

func (im *Importer) ffmpeg() (string, error)  { return tool(im.cfg.FFmpeg, "ffmpeg") }
func (im *Importer) ffprobe() (string, error) { return tool(im.cfg.FFprobe, "ffprobe") }
