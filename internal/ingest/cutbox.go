package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/manifest"
)

// header makes the moov box of the fragmented file: the tracks without their tables.
func (c *cutter) header() *mp4.MoovBox {
	moov, mvhd, mvex := mp4.NewMoovBox(), mp4.CreateMvhd(), mp4.NewMvexBox()
	mvhd.Timescale = manifest.MovieTimescale
	moov.AddChild(mvhd)
	for _, t := range c.tracks {
		mvhd.NextTrackID = max(mvhd.NextTrackID, uint32(t.TrackID)+1)
		moov.AddChild(t.header())
		mvex.AddChild(mp4.CreateTrex(uint32(t.TrackID)))
	}
	moov.AddChild(mvex)
	return moov
}

func (t *cutTrack) header() *mp4.TrakBox {
	trak := mp4.CreateEmptyTrak(uint32(t.TrackID), t.timescale, string(t.Kind), "und")
	trak.Tkhd.Width, trak.Tkhd.Height = t.source.Tkhd.Width, t.source.Tkhd.Height
	trak.Mdia.Minf.Stbl.Stsd.AddChild(t.description())
	if t.skip > 0 {
		list := &mp4.ElstBox{Entries: []mp4.ElstEntry{{MediaTime: t.skip, MediaRateInteger: 1}}}
		if t.skip > math.MaxInt32 {
			list.Version = 1
		}
		trak.Edts = &mp4.EdtsBox{}
		trak.Edts.AddChild(list)
		trak.Children = []mp4.Box{trak.Tkhd, trak.Edts, trak.Mdia} // in the order that the standard advises
	}
	return trak
}

// description is the source's, without what no player needs.
func (t *cutTrack) description() mp4.Box {
	old := t.source.Mdia.Minf.Stbl.Stsd
	if t.Kind == manifest.Audio {
		return mp4.CreateAudioSampleEntryBox("mp4a", old.Mp4a.ChannelCount, 16, old.Mp4a.SampleRate, old.Mp4a.Esds)
	}
	entry := mp4.CreateVisualSampleEntryBox("avc1", old.AvcX.Width, old.AvcX.Height, old.AvcX.AvcC)
	for _, box := range old.AvcX.Children {
		if kind := box.Type(); kind == "pasp" || kind == "colr" {
			entry.AddChild(box)
		}
	}
	return entry
}

// dependsOnOthers is the sample flag of ISO/IEC 14496-12, 8.8.3.1, of a picture that is no key frame.
const dependsOnOthers = 1 << 24

// run lists the samples of a fragment: one key frame and what follows it, or sound.
func (t *cutTrack) run(taken []sample) *mp4.TrunBox {
	run := &mp4.TrunBox{Version: 1, Flags: mp4.TrunDataOffsetPresentFlag | mp4.TrunSampleSizePresentFlag}
	others := uint32(mp4.SyncSampleFlags)
	if t.Kind == manifest.Video {
		others = mp4.NonSyncSampleFlags | dependsOnOthers
		run.SetFirstSampleFlags(mp4.SyncSampleFlags)
	}
	for i, s := range taken {
		flags := others
		if i == 0 {
			flags = mp4.SyncSampleFlags
		}
		run.AddSample(mp4.NewSample(flags, s.duration, s.size, s.shift))
		if s.duration != taken[0].duration {
			run.Flags |= mp4.TrunSampleDurationPresentFlag
		}
		if s.shift != 0 {
			run.Flags |= mp4.TrunSampleCompositionTimeOffsetPresentFlag
		}
	}
	return run
}

// write makes the moof box of a fragment of one run; what is the same for all samples stands in its head.
func (f *fragment) write(number uint32) error {
	run, head, traf := f.samples[0], mp4.CreateTfhd(uint32(f.track)), &mp4.TrafBox{}
	last := run.Samples[len(run.Samples)-1]
	head.Flags |= mp4.TfhdDefaultSampleFlagsPresentFlag | mp4.TfhdDefaultSampleDurationPresentFlag
	head.DefaultSampleDuration, head.DefaultSampleFlags = last.Dur, last.Flags
	f.box = &mp4.MoofBox{}
	err := errors.Join(f.box.AddChild(mp4.CreateMfhd(number)), traf.AddChild(head), traf.AddChild(mp4.CreateTfdt(f.start)), traf.AddChild(run), f.box.AddChild(traf))
	if err != nil {
		return fmt.Errorf("write moof: %w", err)
	}
	run.DataOffset = int32(f.box.Size()) + mdatHead
	var out bytes.Buffer
	if err := f.box.Encode(&out); err != nil {
		return fmt.Errorf("write moof: %w", err)
	}
	f.moof = out.Bytes()
	return nil
}

// mdatHead is the length of a box's head.
const mdatHead = 8

// media yields samples of a file as one mdat box.
type media struct {
	head []byte
	r    io.ReaderAt
	// runs are what is left of the samples, those that lie behind each other together.
	runs []fileRange
}

type fileRange struct{ at, size int64 }

func newMedia(taken []sample, r io.ReaderAt) *media {
	m := &media{r: r}
	size := int64(mdatHead)
	for _, s := range taken {
		size += int64(s.size)
		if last := len(m.runs) - 1; last >= 0 && m.runs[last].at+m.runs[last].size == s.at {
			m.runs[last].size += int64(s.size)
			continue
		}
		m.runs = append(m.runs, fileRange{s.at, int64(s.size)})
	}
	m.head = append(binary.BigEndian.AppendUint32(nil, uint32(size)), "mdat"...)
	return m
}

// Read fills as much of b as there is left.
func (m *media) Read(b []byte) (n int, err error) {
	n = copy(b, m.head)
	m.head = m.head[n:]
	for n < len(b) && len(m.runs) > 0 {
		run := &m.runs[0]
		got, err := m.r.ReadAt(b[n:min(int64(len(b)), int64(n)+run.size)], run.at)
		n += got
		run.at, run.size = run.at+int64(got), run.size-int64(got)
		if run.size == 0 {
			m.runs = m.runs[1:]
			continue
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
