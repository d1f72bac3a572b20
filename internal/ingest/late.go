package ingest

import (
	"bytes"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/manifest"
)

// ffmpeg says that a track begins later than the others by an empty edit before its first sample (ISO/IEC
// 14496-12, 8.6.6). Browsers leave empty edits out, and would play the track too early; so the delay goes into
// the fragments themselves. Sound gets later times. A picture that comes late stands from the start on: players
// count from the first picture.

// takeDelay removes the empty edit from a track's header and returns its length in ticks of the track.
func takeDelay(trak *mp4.TrakBox, movieTimescale uint32) (ticks uint64) {
	if trak.Edts == nil || movieTimescale == 0 {
		return 0
	}
	var rest []mp4.ElstEntry
	for _, list := range trak.Edts.Elst {
		for _, e := range list.Entries {
			if e.MediaTime >= 0 {
				rest = append(rest, e)
				continue
			}
			ticks += e.SegmentDuration * uint64(trak.Mdia.Mdhd.Timescale) / uint64(movieTimescale)
		}
		list.Entries = rest
	}
	return ticks
}

// place puts a fragment where its track's delay wants it.
func (t *track) place(f *fragment) error {
	if t.delay == 0 {
		return nil
	}
	if t.Kind == manifest.Video && !t.begun {
		return f.stretch(t.delay)
	}
	return f.shift(t.delay)
}

// shift moves the fragment to a later time.
func (f *fragment) shift(ticks uint64) error {
	f.start += ticks
	f.box.Traf.Tfdt.SetBaseMediaDecodeTime(f.start)
	return f.encode()
}

// stretch makes the first sample last longer.
func (f *fragment) stretch(ticks uint64) error {
	if len(f.samples) == 0 || len(f.samples[0].Samples) == 0 || ticks > 1<<31 {
		return fmt.Errorf("first picture %d ticks late: %w", ticks, errStream)
	}
	first := f.samples[0]
	first.Samples[0].Dur += uint32(ticks)
	first.Flags |= mp4.TrunSampleDurationPresentFlag
	f.duration += ticks
	return f.encode()
}

// encode writes the changed moof box anew; the media that follows it is found as far behind it as before.
func (f *fragment) encode() error {
	grown := int32(f.box.Size()) - int32(len(f.moof))
	for _, run := range f.samples {
		run.DataOffset += grown
	}
	var out bytes.Buffer
	if err := f.box.Encode(&out); err != nil {
		return fmt.Errorf("write moof: %w", err)
	}
	f.moof = out.Bytes()
	return nil
}
