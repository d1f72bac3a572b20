package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"shoal/internal/manifest"
)

const (
	// greedyBitrate is from where on a film that was kept as it is gets a low rung.
	greedyBitrate = 1_500_000
	// tileEvery is the least time between two tiles of a storyboard; a long film has more, so that it has few tiles.
	tileEvery = 2 * time.Second
	maxTiles  = 200
	tileSide  = 160
	tileRow   = 10
	// maxKeyList is the longest list of key frames that is handed to ffmpeg; the system allows 128 KiB.
	maxKeyList = 100_000
	extrasNice = 19
)

// extras are made for a ready video while nothing else is to do. They are made of the stored segments rather than of
// the added file: so that file goes as soon as the video is ready and the disk never holds both for long, and the work
// can begin again after any restart.
type extras struct {
	source     *manifest.Rendition
	Storyboard *manifest.Storyboard // without its image and the size of its tiles
	Low        *output
}

// none tells whether the video has all it should have.
func (e extras) none() bool { return e.Storyboard == nil && e.Low == nil }

// decideExtras says what a video lacks.
func decideExtras(m *manifest.Manifest) (e extras) {
	rungs, track := 0, 0
	for i := range m.Renditions {
		r := &m.Renditions[i]
		track = max(track, r.TrackID)
		if r.Kind == manifest.Video && len(r.Segments) > 0 {
			rungs++
			if r.Source {
				e.source = r
			}
		}
	}
	if e.source == nil {
		return extras{}
	}
	if m.Storyboard == nil {
		e.Storyboard = planStoryboard(m.Duration)
	}
	_, taken := m.Rendition("low")
	if average, _ := e.source.Bitrate(); rungs == 1 && !taken && average > greedyBitrate {
		e.Low = &output{ID: "low", Kind: manifest.Video, TrackID: track + 1, Low: true, Frames: e.source.FrameRate, Keys: keyList(e.source)}
	}
	return e
}

func planStoryboard(length time.Duration) *manifest.Storyboard {
	every := max(tileEvery, (length/maxTiles).Truncate(100*time.Millisecond)+100*time.Millisecond)
	count := max(1, int((length+every/2)/every)) // what is left at the end belongs to the last tile
	return &manifest.Storyboard{Columns: min(count, tileRow), Count: count, Interval: every}
}

// keyList puts key frames where the segments of r begin, so that players change between the two at any of them. A
// list that is too long is empty.
func keyList(r *manifest.Rendition) string {
	var list strings.Builder
	for i := range r.Segments {
		if i > 0 {
			list.WriteByte(',')
		}
		// A frame whose time is rounded down must not be missed.
		at := float64(r.Segments[i].Start)/float64(r.Timescale) - 0.002
		list.WriteString(strconv.FormatFloat(max(at, 0), 'f', 3, 64))
	}
	if list.Len() > maxKeyList {
		return ""
	}
	return list.String()
}

// furnish makes what a ready video lacks, and publishes it as soon as a part is whole.
func (im *Importer) furnish(ctx context.Context, j *job) error {
	for _, add := range []func(context.Context, *job, extras) error{im.addStoryboard, im.addLow} {
		m, err := im.cfg.Catalog.Manifest(ctx, j.id)
		if err != nil {
			return err
		}
		e := decideExtras(m)
		if e.none() {
			return nil
		}
		j.draft = &draft{m: *m.Snapshot()}
		if err := add(ctx, j, e); err != nil {
			return err
		}
	}
	return nil
}

// publishMore publishes a ready video again, with what more brings.
func (im *Importer) publishMore(ctx context.Context, j *job, more func(*manifest.Manifest) error) error {
	if err := im.amend(ctx, j.id, j.claim, more); err != nil {
		return err
	}
	j.claim = im.claims.open()
	return nil
}

func (im *Importer) addStoryboard(ctx context.Context, j *job, e extras) error {
	if e.Storyboard == nil {
		return nil
	}
	ffmpeg, err := im.ffmpeg()
	if err != nil {
		return err
	}
	wall := 10*time.Minute + j.draft.m.Duration
	command := process{path: ffmpeg, dir: im.cfg.Dir, args: storyboardArgs(e.Storyboard), stdin: im.whole(ctx, e.source),
		limits: limits{wall: wall, cpu: wall, memory: 4 << 30, file: 1, nice: extrasNice}}
	image, err := command.output(ctx, 8<<20)
	if err != nil {
		return fmt.Errorf("storyboard: %w", err)
	}
	board := *e.Storyboard
	if err := measureTiles(&board, image); err != nil {
		return fmt.Errorf("storyboard: %w", err)
	}
	s := newStorer(ctx, j.claim)
	board.Image, err = s.storeBlob(bytes.NewReader(image))
	if err = errors.Join(err, s.wait()); err != nil {
		return fmt.Errorf("storyboard: %w", err)
	}
	return im.publishMore(ctx, j, func(m *manifest.Manifest) error {
		m.Storyboard = &board
		return nil
	})
}

// storyboardArgs is the command line that reads a film's key frames alone, which is far less work than all.
func storyboardArgs(s *manifest.Storyboard) []string {
	rows := rowsOf(s)
	filters := fmt.Sprintf("fps=fps=1000/%d:start_time=0,tpad=stop=%d:stop_mode=clone,"+
		"scale=w=if(gte(dar\\,1)\\,%[3]d\\,max(2\\,trunc(%[4]d*dar)*2)):h=if(gte(dar\\,1)\\,max(2\\,trunc(%[4]d/dar)*2)\\,%[3]d),setsar=1,tile=%[5]dx%[6]d,format=yuvj420p",
		s.Interval.Milliseconds(), rows*s.Columns, tileSide, tileSide/2, s.Columns, rows)
	args := append([]string{"-hide_banner", "-nostdin", "-v", "error", "-skip_frame", "nokey"}, pipedInput()...)
	return append(args, "-map", "0:v:0", "-vf", filters, "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "5", "-map_metadata", "-1", "-f", "image2pipe", "pipe:1")
}

func rowsOf(s *manifest.Storyboard) int { return (s.Count + s.Columns - 1) / s.Columns }

// measureTiles reads the size of the tiles from the image.
func measureTiles(s *manifest.Storyboard, image []byte) error {
	config, err := jpeg.DecodeConfig(bytes.NewReader(image))
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	s.Width, s.Height = config.Width/s.Columns, config.Height/rowsOf(s)
	return nil
}

func (im *Importer) addLow(ctx context.Context, j *job, e extras) error {
	if e.Low == nil {
		return nil
	}
	p := pass{Outputs: []output{*e.Low}, Cost: 1, Nice: extrasNice, Piped: true}
	_, err := im.encode(ctx, j, p, passRun{length: j.draft.m.Duration, stdin: im.whole(ctx, e.source), dir: im.cfg.Dir, done: func(r ready, blob manifest.Blob) {
		j.draft.add(r, blob)
	}})
	if err != nil {
		return fmt.Errorf("low rung: %w", err)
	}
	j.draft.completeRendition(e.Low.ID)
	made, found := j.draft.snapshot().Rendition(e.Low.ID)
	if !found {
		return fmt.Errorf("low rung: %w", errStream)
	}
	return im.publishMore(ctx, j, func(m *manifest.Manifest) error {
		m.Renditions = append(m.Renditions, *made)
		return nil
	})
}

// whole reads a rendition from its start to its end, as one fragmented MP4.
func (im *Importer) whole(ctx context.Context, r *manifest.Rendition) io.Reader {
	chunks := r.Init.Chunks
	next := 0
	return &chunkReader{open: func() (io.ReadCloser, error) {
		for len(chunks) == 0 {
			if next == len(r.Segments) {
				return nil, io.EOF
			}
			chunks = r.Segments[next].Chunks
			next++
		}
		info := chunks[0]
		chunks = chunks[1:]
		return im.cfg.Store.Open(ctx, info.Ref)
	}}
}

// chunkReader reads one opened chunk after another, until open answers io.EOF.
type chunkReader struct {
	open    func() (io.ReadCloser, error)
	current io.ReadCloser
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for {
		if c.current == nil {
			next, err := c.open()
			if err != nil {
				return 0, err
			}
			c.current = next
		}
		n, err := c.current.Read(p)
		if err == io.EOF {
			err = c.current.Close()
			c.current = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close closes the chunk that is half read.
func (c *chunkReader) Close() error {
	if c.current == nil {
		return nil
	}
	return c.current.Close()
}

// laterSuffix ends the name of the empty file that says that a video's extras are not all made.
const laterSuffix = ".later"

func (im *Importer) noteLater(id manifest.VideoID) error {
	f, err := os.Create(im.dir(id) + laterSuffix)
	if err != nil {
		return fmt.Errorf("note what is to follow: %w", err)
	}
	return f.Close()
}

func (im *Importer) forgetLater(id manifest.VideoID) error {
	if err := os.Remove(im.dir(id) + laterSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget what was to follow: %w", err)
	}
	return nil
}

// serveSpare makes the extras of a video. What cannot be made is left out; only the end of the program makes it wait
// for the next start.
func (im *Importer) serveSpare(ctx context.Context, j *job) {
	defer im.queue.finish(j)
	watched, stop := j.watch(ctx)
	defer stop()
	err := im.ensureDir()
	if err == nil {
		err = im.furnish(watched, j)
	}
	if ctx.Err() != nil {
		j.claim.keep()
		return
	}
	log := im.cfg.Log.With("video", j.id)
	if err != nil && watched.Err() == nil {
		log.Info("extras left out", "err", err)
	}
	if err := errors.Join(j.claim.undo(ctx), im.forgetLater(j.id)); err != nil {
		log.Error("clean up after extras", "err", err)
	}
}
