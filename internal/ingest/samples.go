package ingest

import (
	"errors"
	"io"

	"github.com/Eyevinn/mp4ff/mp4"
)

// sample is one picture, or one frame of sound, of an MP4 file. Times are in ticks of its track.
type sample struct {
	at       int64 // where its bytes begin in the file
	size     uint32
	decoded  uint64
	duration uint32
	shift    int32 // from when it is decoded to when it is shown
	sync     bool
}

func (s sample) end() uint64 { return s.decoded + uint64(s.duration) }

// errTables says that the tables of an MP4 file contradict each other, or are of a kind that is not read here.
var errTables = errors.New("sample tables that are not plain")

// samples goes over a track's sample tables (ISO/IEC 14496-12, 8.6 and 8.7) once, in their order. However long
// they are, it needs no memory of its own, and constant time for a sample on average.
type samples struct {
	tables  *mp4.StblBox
	offsets interface {
		GetOffset(chunk int) (uint64, error)
	}

	read    uint32 // samples so far
	decoded uint64 // when the next one is decoded
	times   int    // the entry of the table of durations, and how many samples of it are used
	timed   uint32
	shifts  int // entries of the tables of shifts and of key frames
	syncs   int
	chunk   int // the chunk, its entry, the samples that are left of it, and where the next one begins
	entry   int
	left    uint32
	at      uint64
}

// newSamples refuses tables that are incomplete, and those of which a part has another description.
func newSamples(t *mp4.StblBox) (*samples, error) {
	if t.Stsz == nil || t.Stts == nil || t.Stsc == nil || len(t.Stsc.Entries) == 0 || t.Stsc.Entries[0].FirstChunk != 1 ||
		len(t.Stsc.SampleDescriptionID) > 0 || t.Stsc.GetSampleDescriptionID(1) != 1 {
		return nil, errTables
	}
	s := &samples{tables: t}
	switch {
	case t.Co64 != nil:
		s.offsets = t.Co64
	case t.Stco != nil:
		s.offsets = t.Stco
	default:
		return nil, errTables
	}
	return s, nil
}

// next returns the next sample, io.EOF after the last one.
func (s *samples) next() (sample, error) {
	if s.read == s.tables.Stsz.SampleNumber {
		return sample{}, io.EOF
	}
	next := sample{decoded: s.decoded, size: s.tables.Stsz.SampleUniformSize}
	if next.size == 0 {
		next.size = s.tables.Stsz.SampleSize[s.read]
	}
	s.read++
	next.sync = s.key()
	if !s.place(&next) || !s.clock(&next) || next.size == 0 {
		return sample{}, errTables
	}
	return next, nil
}

// place finds where a sample lies.
func (s *samples) place(next *sample) bool {
	entries := s.tables.Stsc.Entries
	if s.left == 0 {
		s.chunk++
		if s.entry+1 < len(entries) && entries[s.entry+1].FirstChunk == uint32(s.chunk) {
			s.entry++
		}
		at, err := s.offsets.GetOffset(s.chunk)
		if err != nil {
			return false
		}
		s.at, s.left = at, entries[s.entry].SamplesPerChunk
	}
	if s.left == 0 || s.at > maxFile {
		return false
	}
	s.left--
	next.at = int64(s.at)
	s.at += uint64(next.size)
	return true
}

// maxFile is far more than any file system holds, and leaves sums of two room.
const maxFile = 1 << 60

// clock finds when a sample is decoded and shown.
func (s *samples) clock(next *sample) bool {
	times := s.tables.Stts
	for s.times < len(times.SampleCount) && s.timed == times.SampleCount[s.times] {
		s.times, s.timed = s.times+1, 0
	}
	if s.times == len(times.SampleCount) {
		return false
	}
	s.timed++
	next.duration = times.SampleTimeDelta[s.times]
	s.decoded += uint64(next.duration)
	shifts := s.tables.Ctts
	if shifts == nil {
		return true
	}
	for s.shifts < len(shifts.SampleOffset) && s.read > shifts.EndSampleNr[s.shifts+1] {
		s.shifts++
	}
	if s.shifts == len(shifts.SampleOffset) {
		return false
	}
	next.shift = shifts.SampleOffset[s.shifts]
	return true
}

// key tells whether the sample that was begun is a key frame; without a table of those all are.
func (s *samples) key() bool {
	if s.tables.Stss == nil {
		return true
	}
	keys := s.tables.Stss.SampleNumber
	for s.syncs < len(keys) && keys[s.syncs] < s.read {
		s.syncs++
	}
	return s.syncs < len(keys) && keys[s.syncs] == s.read
}
