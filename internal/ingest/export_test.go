package ingest

import (
	"context"
	"io"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// The pure parts, for tests from outside.
var (
	ParseProbe = parseProbe
	Decide     = decide
	PacketGap  = packetGap
	IndexedGap = indexedGap
	PlainText  = plainText

	ReadLetters = readLetters

	DecideExtras = decideExtras
)

type (
	Plan         = plan
	Probed       = probed
	ProbedStream = probedStream
	Refusal      = refusal
)

// Args returns the command line of each pass.
func (p plan) Args() (all [][]string) {
	for _, pass := range p.Passes {
		all = append(all, pass.args())
	}
	return all
}

// counting is a sink that keeps totals only.
type counting struct {
	Tracks    int
	Fragments int
	Media     int64
}

func (c *counting) header(moov *mp4.MoovBox) error {
	tracks, err := splitHeader(moov)
	c.Tracks = len(tracks)
	return err
}

func (c *counting) fragment(_ fragment, media io.Reader) error {
	n, err := io.Copy(io.Discard, media)
	c.Fragments++
	c.Media += n
	return err
}

// CountFragments reads a stream and says what was in it.
func CountFragments(r io.Reader) (tracks, fragments int, media int64, err error) {
	var c counting
	err = readFragments(r, &c)
	return c.Tracks, c.Fragments, c.Media, err
}

// MaxGap is the longest time between kept key frames.
const MaxGap time.Duration = maxGap

// Job is what a job in work knows of its chunks.
type Job struct{ claim *claim }

// OpenJob returns a job that relies on nothing yet.
func (im *Importer) OpenJob() Job { return Job{im.claims.open()} }

// Put stores data and relies on it.
func (j Job) Put(ctx context.Context, data []byte) (chunk.Info, error) { return j.claim.put(ctx, data) }

// Keep and Undo end the job, with and without success.
func (j Job) Keep()                          { j.claim.keep() }
func (j Job) Undo(ctx context.Context) error { return j.claim.undo(ctx) }

// CheckNote tells whether text is taken for what is known of an upload.
func CheckNote(text []byte) error {
	_, err := decodeNote(text)
	return err
}

// Queue is a queue whose jobs are named by their videos.
type Queue struct{ q *queue }

func NewQueue(limit int) Queue { return Queue{newQueue(limit)} }

func (q Queue) PushSoon(id manifest.VideoID) { q.q.push(&job{id: id, done: make(chan struct{})}, soon) }

func (q Queue) PushSpare(id manifest.VideoID) {
	q.q.push(&job{id: id, spare: true, done: make(chan struct{})}, spare)
}

// TakeSoon takes a job that is there and returns what ends it.
func (q Queue) TakeSoon(ctx context.Context) (finish func()) {
	j := q.q.take(ctx, soon)
	return func() { q.q.finish(j) }
}

// TakeSpare waits for a job, which it ends; it is false when ctx ends.
func (q Queue) TakeSpare(ctx context.Context) (manifest.VideoID, bool) {
	j := q.q.take(ctx, spare)
	if j == nil {
		return "", false
	}
	q.q.finish(j)
	return j.id, true
}

// SweepKept is what happens to the files of failed videos from time to time.
func (im *Importer) SweepKept() { im.sweepKept() }
