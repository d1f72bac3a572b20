package ingest

import (
	"context"
	"io"
	"math"
	"slices"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/manifest"
)

const (
	// maxFragment is the most samples of a fragment: their sizes and times must fit into maxHeader.
	maxFragment = maxHeader / 32
	// soundFragment is the longest fragment of sound beside a picture, and soundAlone that of sound without one.
	soundFragment = maxGap
	soundAlone    = time.Second
)

// cutter makes fragments of a film that is kept as it is, by the film's own tables: what ffmpeg does as well, with
// two copies of every byte and a process more. It takes on plain MP4 files alone and leaves the rest to ffmpeg, which
// knows what else there is.
type cutter struct {
	// tracks are those of the pass, in its order: the picture first, if there is one.
	tracks []*cutTrack
	number uint32 // of the last fragment
}

// cutTrack is a track on its way from one file to the other.
type cutTrack struct {
	output
	source    *mp4.TrakBox
	timescale uint32
	skip      int64 // ticks of the beginning that are not shown
	samples   *samples
	next      sample // the first sample that is not taken, if there is more
	more      bool
}

// newCutter returns nil for a file that is not plain: ffmpeg sees to it. size is the file's length.
func newCutter(moov *mp4.MoovBox, size int64, p probed, todo pass) *cutter {
	if moov == nil || moov.Mvhd == nil || moov.Mvhd.Timescale == 0 || moov.Mvex != nil {
		return nil
	}
	c := &cutter{}
	for _, o := range todo.Outputs {
		t, err := newCutTrack(moov, size, p, o)
		if err != nil {
			return nil
		}
		c.tracks = append(c.tracks, t)
	}
	if c.checkHeader() != nil {
		return nil
	}
	return c
}

// checkHeader reads the new file's header: not all that was read once is read a second time.
func (c *cutter) checkHeader() error {
	text, err := encodeBoxes(c.header())
	if err != nil {
		return err
	}
	box, err := decodeBytes(text)
	if err != nil {
		return err
	}
	_, err = splitHeader(box.(*mp4.MoovBox))
	return err
}

func newCutTrack(moov *mp4.MoovBox, size int64, p probed, o output) (*cutTrack, error) {
	if !o.Copy {
		return nil, errTables
	}
	at := slices.IndexFunc(p.Streams, func(s probedStream) bool { return s.Index == o.Stream })
	if at < 0 {
		return nil, errTables
	}
	var found []*mp4.TrakBox
	for _, trak := range moov.Traks {
		if trak.Tkhd != nil && int(trak.Tkhd.TrackID) == p.Streams[at].ID {
			found = append(found, trak)
		}
	}
	if len(found) != 1 || !isComplete(found[0]) || !describes(found[0], p.Streams[at]) {
		return nil, errTables
	}
	t := &cutTrack{output: o, source: found[0], timescale: found[0].Mdia.Mdhd.Timescale}
	return t, t.check(moov.Mvhd.Timescale, size)
}

func isComplete(trak *mp4.TrakBox) bool {
	return trak.Mdia != nil && trak.Mdia.Mdhd != nil && trak.Mdia.Mdhd.Timescale > 0 && trak.Mdia.Minf != nil && trak.Mdia.Minf.Stbl != nil && trak.Mdia.Minf.Stbl.Stsd != nil
}

// describes tells whether a track says of itself what was found in it.
func describes(trak *mp4.TrakBox, found probedStream) bool {
	entry := trak.Mdia.Minf.Stbl.Stsd
	if len(entry.Children) != 1 {
		return false
	}
	switch kind := entry.Children[0].Type(); {
	case kind == "avc1" && found.Codec == "h264":
		return entry.AvcX.AvcC != nil && int(entry.AvcX.Width) == found.Width && int(entry.AvcX.Height) == found.Height
	case kind == "mp4a" && found.Codec == "aac":
		return entry.Mp4a.Esds != nil && int(entry.Mp4a.SampleRate) == found.SampleRate
	}
	return false
}

// check reads all tables once, so that nothing is begun that could not be brought to its end.
func (t *cutTrack) check(movieTimescale uint32, size int64) error {
	end := int64(math.MaxInt64) // of what is shown
	if edts := t.source.Edts; edts != nil {
		if len(edts.Elst) != 1 || len(edts.Elst[0].Entries) != 1 {
			return errTables
		}
		e := edts.Elst[0].Entries[0]
		if e.MediaTime < 0 || e.MediaTime > maxFile || e.MediaRateInteger != 1 || e.MediaRateFraction != 0 {
			return errTables
		}
		t.skip = e.MediaTime
		if e.SegmentDuration > 0 {
			end = t.skip + int64(min(float64(e.SegmentDuration)/float64(movieTimescale)*float64(t.timescale), maxFile))
		}
	}
	if t.Kind == manifest.Audio && t.skip > int64(t.timescale) {
		return errTables
	}
	if err := t.walk(end, size); err != nil {
		return err
	}
	return t.rewind()
}

// walk refuses what is not plain: samples beyond the file's end, or that are not shown, or that would make a
// fragment larger than those of ffmpeg may be.
func (t *cutTrack) walk(end, size int64) error {
	if err := t.rewind(); err != nil || !t.more || !t.next.sync {
		return errTables
	}
	first := int64(math.MaxInt64) // when the first picture is shown
	var sum, count int64          // bytes and samples of the fragment
	for begun := 0; t.more; {
		s := t.next
		if s.sync {
			begun, sum, count = begun+1, 0, 0
		}
		shown := int64(s.decoded) + int64(s.shift)
		if begun == 1 {
			first = min(first, shown)
		}
		sum, count = sum+int64(s.size), count+1
		switch {
		case s.at+int64(s.size) > size, s.duration == 0, s.duration > math.MaxInt32, s.end() > uint64(manifest.MaxLength/time.Second)*uint64(t.timescale):
			return errTables
		case shown >= end, sum > maxMedia, count > maxFragment:
			return errTables
		case t.Kind == manifest.Video && shown < t.skip, t.Kind == manifest.Audio && (s.shift != 0 || !s.sync):
			return errTables
		}
		if err := t.advance(); err != nil {
			return err
		}
	}
	if t.Kind == manifest.Video && first != t.skip {
		return errTables // the picture is late
	}
	return nil
}

// rewind goes to the track's first sample.
func (t *cutTrack) rewind() (err error) {
	if t.samples, err = newSamples(t.source.Mdia.Minf.Stbl); err != nil {
		return err
	}
	return t.advance()
}

func (t *cutTrack) advance() (err error) {
	t.next, err = t.samples.next()
	if t.more = err == nil; err == io.EOF {
		err = nil
	}
	return err
}

func (t *cutTrack) time(ticks uint64) time.Duration {
	return time.Duration(float64(ticks) / float64(t.timescale) * float64(time.Second))
}

// take returns the next samples: a picture's up to the next key frame, a sound's up to the given time.
func (t *cutTrack) take(until time.Duration) (taken []sample, err error) {
	for t.more {
		if len(taken) > 0 && (t.Kind == manifest.Video && t.next.sync ||
			t.Kind == manifest.Audio && (t.time(t.next.decoded) >= until || len(taken) == maxFragment)) {
			break
		}
		taken = append(taken, t.next)
		if err := t.advance(); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// cut hands the header and the fragments of the file in r to sink, once. It goes from key frame to key frame of the
// first track, and takes what the others have up to there.
func (c *cutter) cut(ctx context.Context, r io.ReaderAt, sink fragmentSink) error {
	if err := sink.header(c.header()); err != nil {
		return err
	}
	lead := c.tracks[0]
	for lead.more {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := c.fragment(lead, lead.time(lead.next.decoded)+soundAlone, r, sink); err != nil {
			return err
		}
		until := time.Duration(math.MaxInt64)
		if lead.more {
			until = lead.time(lead.next.decoded)
		}
		for _, t := range c.tracks[1:] {
			for t.more && t.time(t.next.decoded) < until {
				if err := c.fragment(t, min(until, t.time(t.next.decoded)+soundFragment), r, sink); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fragment hands over the next fragment of a track.
func (c *cutter) fragment(t *cutTrack, until time.Duration, r io.ReaderAt, sink fragmentSink) error {
	taken, err := t.take(until)
	if err != nil {
		return err
	}
	c.number++
	f := fragment{track: t.TrackID, start: taken[0].decoded, samples: []*mp4.TrunBox{t.run(taken)}}
	for _, s := range taken {
		f.duration += uint64(s.duration)
	}
	if err := f.write(c.number); err != nil {
		return err
	}
	return sink.fragment(f, newMedia(taken, r))
}
