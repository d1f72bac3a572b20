package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
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

// IndexedGap reads the longest time between key frames from an MP4 file.
func IndexedGap(r io.ReadSeeker) (time.Duration, error) {
	moov, err := readMoov(r)
	if err != nil {
		return 0, err
	}
	return index{moov: moov}.longestGap()
}

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

// Carried is what a player gets of a track: how it begins, and each sample of it.
type Carried struct {
	Codec         string
	Width, Height int
	Timescale     uint32
	Delay         uint64
	Skip          int64
	Samples       []CarriedSample
	Fragments     int
	Media         chunk.Ref
}

// CarriedSample is a sample without its bytes, in ticks.
type CarriedSample struct {
	Decoded, Shown int64
	Duration, Size uint32
	Sync           bool
}

// carrier is a sink that collects.
type carrier struct {
	tracks map[int]*Carried
	media  map[int]hash.Hash
}

func (c *carrier) header(moov *mp4.MoovBox) error {
	for _, trak := range moov.Traks {
		t := &Carried{}
		if trak.Edts != nil {
			for _, e := range trak.Edts.Elst[0].Entries {
				t.Skip = max(t.Skip, e.MediaTime)
			}
		}
		c.tracks[int(trak.Tkhd.TrackID)], c.media[int(trak.Tkhd.TrackID)] = t, sha256.New()
	}
	headers, err := splitHeader(moov)
	for id, h := range headers {
		t := c.tracks[id]
		t.Codec, t.Width, t.Height, t.Timescale, t.Delay = h.codec, h.width, h.height, h.timescale, h.delay
	}
	return err
}

func (c *carrier) fragment(f fragment, media io.Reader) error {
	t, at := c.tracks[f.track], int64(f.start)
	for _, run := range f.samples {
		for _, s := range run.Samples {
			t.Samples = append(t.Samples, CarriedSample{at, at + int64(s.CompositionTimeOffset), s.Dur, s.Size, s.Flags&mp4.NonSyncSampleFlags == 0})
			at += int64(s.Dur)
		}
	}
	t.Fragments++
	if _, err := io.CopyN(io.Discard, media, 8); err != nil {
		return err
	}
	_, err := io.Copy(c.media[f.track], media)
	return err
}

func (c *carrier) collect(read func(fragmentSink) error) (map[int]*Carried, error) {
	c.tracks, c.media = map[int]*Carried{}, map[int]hash.Hash{}
	err := read(c)
	for id, t := range c.tracks {
		t.Media = chunk.Ref(c.media[id].Sum(nil))
	}
	return c.tracks, err
}

// Carry returns what the fragments of a stream hold, by track.
func Carry(stream io.Reader) (map[int]*Carried, error) {
	return new(carrier).collect(func(sink fragmentSink) error { return readFragments(stream, sink) })
}

// Cut returns the fragments of a file, as a stream, or nothing when they are left to ffmpeg.
func Cut(ctx context.Context, file []byte, p probed, todo plan) (stream []byte, done bool, err error) {
	moov, err := readMoov(bytes.NewReader(file))
	if err != nil {
		return nil, false, nil
	}
	c := newCutter(moov, int64(len(file)), p, todo.Passes[0])
	if c == nil {
		return nil, false, nil
	}
	var out writer
	err = c.cut(ctx, bytes.NewReader(file), &out)
	return out.Bytes(), true, err
}

// writer is a sink that writes the stream which readFragments reads.
type writer struct{ bytes.Buffer }

func (w *writer) header(moov *mp4.MoovBox) error { return moov.Encode(w) }

func (w *writer) fragment(f fragment, media io.Reader) error {
	w.Write(f.moof)
	_, err := io.Copy(w, media)
	return err
}
