// Package manifest says what a video is made of: renditions, their segments, and the chunks of
// those. It holds the canonical bytes of that description and the HLS playlists written from it.
// It decides nothing about where chunks lie and does no I/O.
package manifest

import (
	"iter"
	"time"

	"shoal/internal/chunk"
)

// Version is the format's version, in every Manifest.
const Version = 1

// Kind tells what a rendition carries.
type Kind string

// The kinds of rendition.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Text  Kind = "text"
)

// Manifest is what a video is made of. While a video is processed its drafts grow: each is a superset
// of the one before, with the same rendition ids and the same leading segments. A Manifest that was
// handed to another package is not changed any more, so it may be read from many goroutines; whoever
// makes it hands out a Snapshot and goes on.
type Manifest struct {
	// Version is the format's version, the constant of that name.
	Version int
	// Duration is the length of the whole video; while processing, as the source declares it.
	Duration time.Duration
	// Complete is false in a draft: more segments or renditions may follow.
	Complete bool
	// Renditions has an entry for everything that is being made, from the first draft on and before
	// there is a segment of it: Playable must know whether sound is still to come.
	Renditions []Rendition
	// Poster is a JPEG, or nil.
	Poster *Blob
	// Storyboard is nil while there is none.
	Storyboard *Storyboard
	// Chapters are in the order of their starts.
	Chapters []Chapter
}

// Blob is content that is served whole: a segment, an initialisation section, a poster.
type Blob struct {
	// Hash is the SHA-256 of the content; it is part of the URL and serves as the ETag.
	Hash   chunk.Ref
	Size   int64
	Chunks []chunk.Info
}

// Rendition is one quality of video, one audio language, or one text track.
type Rendition struct {
	// ID is stable from the first draft on, unique in the manifest, [a-z0-9]{1,16}.
	ID   string
	Kind Kind
	// Codec is as RFC 6381 writes it, such as avc1.64001f or mp4a.40.2.
	Codec string
	// Width and Height are in pixels, FrameRate in frames a second; 0 for sound, or when unknown.
	Width, Height int
	FrameRate     float64
	// Language is a BCP 47 tag, or "" when unknown; Name is shown to people, at most MaxName bytes.
	Language string
	Name     string
	Channels int
	// Default marks the sound that plays, or the text that is shown, unless another is chosen; at most one of a kind
	// has it.
	Default bool
	// Forced marks a text that belongs to the picture, such as the translation of a sign.
	Forced bool
	// Source is true for the quality of the file that was added.
	Source bool
	// TrackID is the track's number in its fragments; it differs between renditions.
	TrackID int
	// Timescale is the number of ticks a second in Segment.Start and Segment.Duration.
	Timescale uint32
	// Complete is true when no more segments follow.
	Complete bool
	// Init is the CMAF header (ftyp and moov) that every segment needs; it is there before the first segment.
	Init Blob
	// Segments only grows at its end. A rendition may turn out to have none: a track without samples.
	Segments []Segment
	// Table is the rendition's sample table for NewProgressive, or nil while it is not complete.
	Table *Blob
}

// Segment is one or more CMAF fragments, starting at a key frame; of a text it is a whole WebVTT file.
type Segment struct {
	Blob
	// Start is the decode time of the first sample, Duration the sum of the samples', in ticks.
	Start, Duration uint64
}

// Rendition returns the rendition of that id, as part of m: it must not be changed.
func (m *Manifest) Rendition(id string) (*Rendition, bool) {
	for i := range m.Renditions {
		if m.Renditions[i].ID == id {
			return &m.Renditions[i], true
		}
	}
	return nil, false
}

// Playable tells whether a viewer who starts now gets picture and sound: each of the two that the
// video has, or will have, is there with at least one segment in some rendition.
func (m *Manifest) Playable() bool {
	picture, sound := m.part(Video), m.part(Audio)
	return picture != awaited && sound != awaited && (picture == begun || sound == begun)
}

// part is how far the renditions of one kind are.
type part int

const (
	absent  part = iota // there is none, or it ended without a segment
	awaited             // no segment yet
	begun               // there is a segment
)

func (m *Manifest) part(kind Kind) part {
	found := absent
	for i := range m.Renditions {
		r := &m.Renditions[i]
		switch {
		case r.Kind != kind:
		case len(r.Segments) > 0:
			return begun
		case !r.Complete:
			found = awaited
		}
	}
	return found
}

// Snapshot returns a copy of m to hand out while m goes on growing. It costs the same however many
// segments there are: both share the arrays of Segments, and the copy ends where m ended, so that its
// readers never see, nor race with, what is appended to m later. That holds as long as the owner of m
// only appends to Segments and never changes an element, a list of chunks or chapters, or what a pointer leads to.
func (m *Manifest) Snapshot() *Manifest {
	snapshot := *m
	snapshot.Renditions = make([]Rendition, len(m.Renditions))
	for i, r := range m.Renditions {
		r.Segments = r.Segments[:len(r.Segments):len(r.Segments)]
		snapshot.Renditions[i] = r
	}
	return &snapshot
}

// Chunks yields every chunk of every blob in m; one that is used twice comes twice.
func (m *Manifest) Chunks() iter.Seq[chunk.Info] {
	return func(yield func(chunk.Info) bool) {
		for blob := range m.blobs() {
			for _, c := range blob.Chunks {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// Bytes returns the length of everything that m lists; what is listed twice counts twice.
func (m *Manifest) Bytes() int64 {
	var total int64
	for blob := range m.blobs() {
		total += blob.Size
	}
	return total
}

// blobs yields the poster, the storyboard's image, and of each rendition the initialisation section, the sample table and the segments.
func (m *Manifest) blobs() iter.Seq[*Blob] {
	return func(yield func(*Blob) bool) {
		if m.Poster != nil && !yield(m.Poster) || m.Storyboard != nil && !yield(&m.Storyboard.Image) {
			return
		}
		for i := range m.Renditions {
			r := &m.Renditions[i]
			if !yield(&r.Init) || r.Table != nil && !yield(r.Table) {
				return
			}
			for j := range r.Segments {
				if !yield(&r.Segments[j].Blob) {
					return
				}
			}
		}
	}
}
