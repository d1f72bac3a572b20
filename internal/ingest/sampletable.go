package ingest

import (
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/manifest"
)

// sampleTable gathers where each sample of a track lies in its rendition and when it is shown, for the
// progressive MP4. It grows by 4 to 12 bytes a sample: about 3 MB for two hours of film.
type sampleTable struct {
	samples  uint32
	origin   uint64 // where the first fragment starts, by its own count
	end      uint64 // decode time at which the last sample ends
	shown    int64  // presentation time at which the sample that is shown last ends
	times    runs[uint32]
	shifts   runs[int32]
	shifted  bool
	sizes    []uint32
	sync     []uint32
	allSync  bool
	chunkAt  []uint64 // offsets in the rendition, from the start of its first segment
	chunkLen []uint32 // samples
}

// runs is a run-length encoded list.
type runs[T comparable] struct {
	counts []uint32
	values []T
}

func (r *runs[T]) add(v T) {
	if last := len(r.values) - 1; last >= 0 && r.values[last] == v {
		r.counts[last]++
		return
	}
	r.counts, r.values = append(r.counts, 1), append(r.values, v)
}

// removeLast takes the last value back.
func (r *runs[T]) removeLast() T {
	last := len(r.values) - 1
	v := r.values[last]
	if r.counts[last]--; r.counts[last] == 0 {
		r.counts, r.values = r.counts[:last], r.values[:last]
	}
	return v
}

func newSampleTable() *sampleTable { return &sampleTable{allSync: true} }

// add takes in a fragment that begins at offset in the rendition.
func (s *sampleTable) add(f fragment, offset uint64) {
	if s.samples == 0 {
		s.origin = f.start
	}
	start := f.start - min(s.origin, f.start)
	s.join(start)
	decoded := int64(start)
	for _, run := range f.samples {
		if len(run.Samples) == 0 {
			continue
		}
		s.chunkAt = append(s.chunkAt, offset+uint64(run.DataOffset))
		s.chunkLen = append(s.chunkLen, uint32(len(run.Samples)))
		for _, sample := range run.Samples {
			s.sample(sample)
			decoded += int64(sample.Dur)
			s.shown = max(s.shown, decoded+int64(sample.CompositionTimeOffset))
		}
	}
	s.end = start + f.duration
}

// join stretches or shrinks the last sample to where the next fragment starts: a table has no gaps.
func (s *sampleTable) join(start uint64) {
	if s.samples == 0 || start == s.end {
		return
	}
	last := int64(s.times.removeLast()) + int64(start) - int64(s.end)
	s.times.add(uint32(min(max(last, 0), 1<<31)))
}

func (s *sampleTable) sample(sample mp4.Sample) {
	s.samples++
	s.times.add(sample.Dur)
	s.shifts.add(sample.CompositionTimeOffset)
	s.shifted = s.shifted || sample.CompositionTimeOffset != 0
	s.sizes = append(s.sizes, sample.Size)
	if sample.Flags&mp4.NonSyncSampleFlags == 0 {
		s.sync = append(s.sync, s.samples)
	} else {
		s.allSync = false
	}
}

// trak returns the track's box for a progressive file; header is its box in the fragmented one.
func (s *sampleTable) trak(header []byte) ([]byte, error) {
	box, err := decodeBytes(header)
	if err != nil {
		return nil, err
	}
	trak := box.(*mp4.TrakBox)
	var length uint64
	for i, n := range s.times.counts {
		length += uint64(n) * uint64(s.times.values[i])
	}
	scale, shown := uint64(trak.Mdia.Mdhd.Timescale), max(s.shown, 0)
	trak.Mdia.Mdhd.Duration = length
	trak.Tkhd.Duration = editedLength(trak, uint64(shown)*manifest.MovieTimescale/scale, func(from int64) uint64 {
		return uint64(max(shown-from, 0)) * manifest.MovieTimescale / scale
	})
	if err := s.fill(trak.Mdia.Minf); err != nil {
		return nil, err
	}
	return encodeBoxes(trak)
}

// editedLength gives the entries of an edit list their lengths, those without media aside, and returns the
// sum; without a list that is whole. Lengths are in ticks of the movie, lengthFrom takes ticks of the track.
func editedLength(trak *mp4.TrakBox, whole uint64, lengthFrom func(from int64) uint64) (sum uint64) {
	if trak.Edts == nil {
		return whole
	}
	for _, list := range trak.Edts.Elst {
		for i := range list.Entries {
			if e := &list.Entries[i]; e.MediaTime >= 0 {
				e.SegmentDuration = lengthFrom(e.MediaTime)
			}
			sum += list.Entries[i].SegmentDuration
		}
	}
	return sum
}

// fill puts the table in the place of the empty one of a fragmented file (ISO/IEC 14496-12, 8.5 to 8.7).
func (s *sampleTable) fill(minf *mp4.MinfBox) error {
	table := mp4.NewStblBox()
	table.AddChild(minf.Stbl.Stsd)
	table.AddChild(&mp4.SttsBox{SampleCount: s.times.counts, SampleTimeDelta: s.times.values})
	if s.shifted {
		shifts := &mp4.CttsBox{}
		if err := shifts.AddSampleCountsAndOffset(s.shifts.counts, s.shifts.values); err != nil {
			return fmt.Errorf("write sample table: %w", err)
		}
		table.AddChild(shifts)
	}
	if !s.allSync {
		table.AddChild(&mp4.StssBox{SampleNumber: s.sync})
	}
	chunks := &mp4.StscBox{}
	for i, n := range s.chunkLen {
		if i > 0 && n == s.chunkLen[i-1] {
			continue
		}
		if err := chunks.AddEntry(uint32(i+1), n, 1); err != nil {
			return fmt.Errorf("write sample table: %w", err)
		}
	}
	table.AddChild(chunks)
	table.AddChild(&mp4.StszBox{SampleNumber: s.samples, SampleSize: s.sizes})
	table.AddChild(&mp4.Co64Box{ChunkOffset: s.chunkAt})
	for i, child := range minf.Children {
		if child == mp4.Box(minf.Stbl) {
			minf.Children[i] = table
		}
	}
	minf.Stbl = table
	return nil
}
