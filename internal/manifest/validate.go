package manifest

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"
	"unicode/utf8"

	"shoal/internal/chunk"
)

// Bounds of a manifest. They are far above any film and keep a hostile one small.
const (
	// MaxName is the longest Rendition.Name in bytes.
	MaxName = 256
	// MaxRenditions, MaxSegments (of a rendition) and MaxChunks (of a blob) are counts.
	MaxRenditions = 64
	MaxSegments   = 100_000
	MaxChunks     = 4096
	// MaxLength is the longest video.
	MaxLength = 1000 * time.Hour

	maxPixels    = 1 << 15
	maxFrameRate = 1000
	maxChannels  = 64
	// Sources with a coarse clock make neighbours overlap a little: this part of a second is let pass.
	overlapParts = 10
)

// ErrInvalid says that a manifest breaks a rule of the format.
var ErrInvalid = errors.New("manifest is invalid")

var (
	idSyntax       = regexp.MustCompile(`^[a-z0-9]{1,16}$`)
	codecSyntax    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$`)
	languageSyntax = regexp.MustCompile(`^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,8}$`)
)

// ValidLanguage tells whether a Rendition may have that Language.
func ValidLanguage(tag string) bool { return tag == "" || languageSyntax.MatchString(tag) }

// ValidRenditionID tells whether a Rendition may have that ID.
func ValidRenditionID(id string) bool { return idSyntax.MatchString(id) }

// Validate returns an error that wraps ErrInvalid, and names the place, unless m keeps every rule of the
// format. Encode and Decode call it.
func (m *Manifest) Validate() error {
	if err := m.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func (m *Manifest) check() error {
	switch {
	case m.Version != Version:
		return fmt.Errorf("version %d, want %d", m.Version, Version)
	case m.Duration < 0 || m.Duration > MaxLength:
		return fmt.Errorf("duration %s out of range", m.Duration)
	case len(m.Renditions) > MaxRenditions:
		return fmt.Errorf("%d renditions, at most %d", len(m.Renditions), MaxRenditions)
	}
	if m.Poster != nil {
		if err := m.Poster.check(); err != nil {
			return fmt.Errorf("poster: %w", err)
		}
	}
	if m.Storyboard != nil {
		if err := m.Storyboard.check(); err != nil {
			return fmt.Errorf("storyboard: %w", err)
		}
	}
	if err := checkChapters(m.Chapters); err != nil {
		return err
	}
	for i := range m.Renditions {
		r := &m.Renditions[i]
		if err := r.check(); err != nil {
			return fmt.Errorf("rendition %d (%.20q): %w", i, r.ID, err)
		}
		if m.Complete && !r.Complete {
			return fmt.Errorf("rendition %d (%q): incomplete in a complete manifest", i, r.ID)
		}
	}
	return m.checkUnique()
}

// checkUnique finds what two renditions may not share.
func (m *Manifest) checkUnique() error {
	ids := make(map[string]bool)
	tracks := make(map[int]bool)
	defaults := make(map[Kind]bool)
	for i := range m.Renditions {
		r := &m.Renditions[i]
		switch {
		case ids[r.ID]:
			return fmt.Errorf("two renditions with id %q", r.ID)
		case r.TrackID != 0 && tracks[r.TrackID]:
			return fmt.Errorf("two renditions with track id %d", r.TrackID)
		case r.Default && defaults[r.Kind]:
			return fmt.Errorf("two default renditions of kind %s", r.Kind)
		}
		ids[r.ID], tracks[r.TrackID] = true, true
		defaults[r.Kind] = defaults[r.Kind] || r.Default
	}
	return nil
}

func (r *Rendition) check() error {
	if err := r.checkText(); err != nil {
		return err
	}
	if err := r.checkNumbers(); err != nil {
		return err
	}
	if len(r.Segments) > 0 {
		if err := r.checkPlayable(); err != nil {
			return err
		}
	}
	if !r.Init.isZero() {
		if err := r.Init.check(); err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	if r.Table != nil {
		if err := r.Table.check(); err != nil {
			return fmt.Errorf("sample table: %w", err)
		}
	}
	return r.checkSegments()
}

func (r *Rendition) checkText() error {
	switch {
	case !idSyntax.MatchString(r.ID):
		return errors.New("id is not 1 to 16 of a-z and 0-9")
	case r.Kind != Video && r.Kind != Audio && r.Kind != Text:
		return fmt.Errorf("unknown kind %.20q", string(r.Kind))
	case r.Codec != "" && !codecSyntax.MatchString(r.Codec):
		return fmt.Errorf("codec %.80q is not as RFC 6381 writes it", r.Codec)
	case r.Language != "" && !languageSyntax.MatchString(r.Language):
		return fmt.Errorf("language %.80q is not a BCP 47 tag", r.Language)
	case len(r.Name) > MaxName:
		return fmt.Errorf("name of %d bytes, at most %d", len(r.Name), MaxName)
	case !utf8.ValidString(r.Name):
		return errors.New("name is not UTF-8")
	}
	return nil
}

func (r *Rendition) checkNumbers() error {
	switch {
	case r.Width < 0 || r.Width > maxPixels || r.Height < 0 || r.Height > maxPixels:
		return fmt.Errorf("%d x %d pixels out of range", r.Width, r.Height)
	case (r.Width == 0) != (r.Height == 0):
		return fmt.Errorf("%d x %d pixels: one of them is missing", r.Width, r.Height)
	// A negative zero is refused too: the number has one spelling. NaN fails both comparisons.
	case !(r.FrameRate >= 0 && r.FrameRate <= maxFrameRate) || math.Signbit(r.FrameRate):
		return fmt.Errorf("frame rate %g out of range", r.FrameRate)
	case r.Channels < 0 || r.Channels > maxChannels:
		return fmt.Errorf("%d channels out of range", r.Channels)
	case r.Forced && r.Kind != Text:
		return errors.New("forced, and not a text")
	case r.TrackID < 0 || r.TrackID > math.MaxInt32:
		return fmt.Errorf("track id %d out of range", r.TrackID)
	}
	return nil
}

// checkPlayable finds what is missing once there are segments; before, little may be known of a rendition.
func (r *Rendition) checkPlayable() error {
	switch {
	case r.Timescale == 0:
		return errors.New("segments without a timescale")
	case r.Codec == "":
		return errors.New("segments without a codec")
	case r.Kind == Text:
		return nil
	case r.TrackID == 0:
		return errors.New("segments without a track id")
	case r.Init.isZero():
		return errors.New("segments without an init")
	}
	return nil
}

func (r *Rendition) checkSegments() error {
	if len(r.Segments) > MaxSegments {
		return fmt.Errorf("%d segments, at most %d", len(r.Segments), MaxSegments)
	}
	for i := range r.Segments {
		s := &r.Segments[i]
		err := s.check()
		if err == nil {
			err = r.checkPlace(i)
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", i, err)
		}
	}
	return nil
}

// checkPlace compares segment i with the one before it.
func (r *Rendition) checkPlace(i int) error {
	s := &r.Segments[i]
	end := s.Start + s.Duration
	if s.Duration == 0 {
		return errors.New("no duration")
	}
	if end < s.Start {
		return fmt.Errorf("%d ticks from %d out of range", s.Duration, s.Start)
	}
	if i > 0 {
		before := &r.Segments[i-1]
		last := before.Start + before.Duration
		if s.Start <= before.Start {
			return fmt.Errorf("starts at %d, not after the one before it at %d", s.Start, before.Start)
		}
		if end <= last || s.Start < last && last-s.Start > uint64(r.Timescale)/overlapParts {
			return fmt.Errorf("starts at %d and overlaps the one before it, which ends at %d", s.Start, last)
		}
	}
	if end/uint64(r.Timescale) >= uint64(MaxLength/time.Second) {
		return fmt.Errorf("ends at %d, after more than %s", end, MaxLength)
	}
	return nil
}

func (b *Blob) isZero() bool { return b.Hash.IsZero() && b.Size == 0 && len(b.Chunks) == 0 }

func (b *Blob) check() error {
	switch {
	case b.Hash.IsZero():
		return errors.New("no hash")
	case len(b.Chunks) == 0:
		return errors.New("no chunks")
	case len(b.Chunks) > MaxChunks:
		return fmt.Errorf("%d chunks, at most %d", len(b.Chunks), MaxChunks)
	case len(b.Chunks) == 1 && b.Chunks[0].Ref != b.Hash:
		return errors.New("its only chunk has another hash")
	}
	var total int64
	for i, c := range b.Chunks {
		if c.Ref.IsZero() {
			return fmt.Errorf("chunk %d: no hash", i)
		}
		if c.Size < 1 || c.Size > chunk.MaxSize {
			return fmt.Errorf("chunk %d: %d bytes out of range", i, c.Size)
		}
		total += c.Size
	}
	if total != b.Size {
		return fmt.Errorf("chunks of %d bytes in all, want %d", total, b.Size)
	}
	return nil
}
