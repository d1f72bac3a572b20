package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/manifest"
)

// errLongGap says that a kept picture has key frames too far apart; it must be made anew.
var errLongGap = errors.New("key frames more than 8 s apart")

// maxOverlap is how far a fragment may begin before the end of the last one: sound that was kept from a
// container with a coarse clock does so.
const maxOverlap = 100 * time.Millisecond

// errOverlong says that a file goes on far beyond the length it declares.
var errOverlong = errors.New("longer than it says")

// ready is a step of a rendition's making whose bytes may still be on their way to the disk.
type ready struct {
	track *track
	blob  *pendingBlob
	// header is set for the first step of a track, the others are segments.
	header          *trackHeader
	start, duration uint64
}

// assembly turns the fragments of one pass into segments. The goroutine that reads ffmpeg's output calls
// header, fragment and finish; another runs publish, which hands over what is durable, in order.
type assembly struct {
	ctx    context.Context // of the pass: whoever waits here is released when it ends
	store  *storer
	tracks map[int]*track
	// inOrder are the tracks in the order of the pass, so that the same file makes the same manifest.
	inOrder []*track
	limit   time.Duration // how far the output may go
	steps   chan ready
}

// track is one rendition in the making.
type track struct {
	output
	timescale uint32
	segments  int
	open      *blobWriter // the segment that is being written, or nil
	start     uint64
	duration  uint64
	trak      []byte       // the track's box in the stream's header
	table     *sampleTable // nil where nobody asks for one
	written   uint64       // bytes of all segments so far
	delay     uint64       // ticks by which the track begins later than others
	begun     bool         // there was a fragment
}

func newAssembly(ctx context.Context, p pass, store *storer, limit time.Duration) *assembly {
	a := &assembly{ctx: ctx, store: store, tracks: make(map[int]*track), limit: limit, steps: make(chan ready, 16)}
	for _, o := range p.Outputs {
		t := &track{output: o}
		if o.Source {
			t.table = newSampleTable()
		}
		a.tracks[o.TrackID] = t
		a.inOrder = append(a.inOrder, t)
	}
	return a
}

// read takes ffmpeg's output to its end.
func (a *assembly) read(r io.Reader) error {
	if err := readFragments(r, a); err != nil {
		return err
	}
	return a.finish()
}

// cut takes the fragments of the file at path, which ffmpeg has no part in.
func (a *assembly) cut(ctx context.Context, c *cutter, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	defer f.Close()
	if err := c.cut(ctx, f, a); err != nil {
		return err
	}
	return a.finish()
}

// header stores each track's initialisation section.
func (a *assembly) header(moov *mp4.MoovBox) error {
	headers, err := splitHeader(moov)
	if err != nil {
		return err
	}
	for _, t := range a.inOrder {
		h, ok := headers[t.TrackID]
		if !ok {
			return fmt.Errorf("no track %d: %w", t.TrackID, errStream)
		}
		t.timescale, t.trak, t.delay = h.timescale, h.trak, h.delay
		w := a.store.newBlob()
		if _, err := io.Copy(w, bytes.NewReader(h.init)); err != nil {
			return err
		}
		blob, err := w.finish()
		if err != nil {
			return err
		}
		if err := a.send(ready{track: t, blob: blob, header: &h}); err != nil {
			return err
		}
	}
	return nil
}

// fragment adds a fragment to its track's open segment, or begins the next one with it.
func (a *assembly) fragment(f fragment, media io.Reader) error {
	t := a.tracks[f.track]
	if t == nil || t.timescale == 0 {
		return fmt.Errorf("fragment of track %d: %w", f.track, errStream)
	}
	if err := t.place(&f); err != nil {
		return err
	}
	t.begun = true
	if err := a.check(t, f); err != nil {
		return err
	}
	if t.open != nil && t.full(f.duration) {
		if err := a.close(t); err != nil {
			return err
		}
	}
	if t.open == nil {
		t.open, t.start, t.duration = a.store.newBlob(), f.start, 0
	}
	t.duration = max(t.duration, f.start+f.duration-t.start)
	if t.table != nil {
		t.table.add(f, t.written)
	}
	if _, err := t.open.Write(f.moof); err != nil {
		return err
	}
	n, err := io.Copy(t.open, media)
	t.written += uint64(len(f.moof)) + uint64(n)
	return err
}

// check refuses fragments that a sound file does not produce.
func (a *assembly) check(t *track, f fragment) error {
	if t.open != nil && (f.start < t.start || t.time(t.start+t.duration-min(f.start, t.start+t.duration)) > maxOverlap) {
		return fmt.Errorf("track %d goes back in time: %w", f.track, errStream)
	}
	if t.time(f.start+f.duration) > a.limit {
		return errOverlong
	}
	if t.Kind == manifest.Video && t.Copy && t.time(f.duration) > maxGap+maxGap/100 {
		return errLongGap
	}
	return nil
}

func (t *track) time(ticks uint64) time.Duration {
	return time.Duration(float64(ticks) / float64(t.timescale) * float64(time.Second))
}

// segmentTarget is how long segment i should be: the first ones are short, so that playing starts soon.
func segmentTarget(i int) time.Duration {
	switch i {
	case 0, 1:
		return time.Second
	case 2:
		return 2 * time.Second
	}
	return 4 * time.Second
}

// full tells whether the open segment ends before a fragment of the given duration: when it has its
// length, when it would grow beyond maxGap, or when it is nearer to its target without the fragment.
func (t *track) full(duration uint64) bool {
	have, then := t.time(t.duration), t.time(t.duration+duration)
	target := segmentTarget(t.segments)
	return have >= target || then > maxGap || then-target > target-have
}

// close ends a track's open segment.
func (a *assembly) close(t *track) error {
	blob, err := t.open.finish()
	if err != nil {
		return err
	}
	step := ready{track: t, blob: blob, start: t.start, duration: max(t.duration, 1)}
	t.open = nil
	t.segments++
	return a.send(step)
}

func (a *assembly) send(r ready) error {
	select {
	case a.steps <- r:
		return nil
	case <-a.ctx.Done():
		return context.Cause(a.ctx)
	}
}

// finish ends every open segment; no fragment follows.
func (a *assembly) finish() error {
	for _, t := range a.inOrder {
		if t.open != nil {
			if err := a.close(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish calls done for each step, in order, when its bytes are durable. It returns when steps is closed.
func (a *assembly) publish(done func(ready, manifest.Blob)) error {
	for r := range a.steps {
		blob, err := r.blob.wait()
		if err != nil {
			return err
		}
		done(r, blob)
	}
	return nil
}

// rendition describes a track whose header is stored.
func (r ready) rendition(init manifest.Blob) manifest.Rendition {
	return manifest.Rendition{
		ID: r.track.ID, Kind: r.track.Kind, Codec: r.header.codec, Width: r.header.width, Height: r.header.height,
		FrameRate: r.track.Frames, Language: r.track.Language, Name: r.track.Name, Channels: r.header.channels,
		Default: r.track.Default, Source: r.track.Source, TrackID: r.track.TrackID, Timescale: r.header.timescale, Init: init,
	}
}
