package manifest

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"shoal/internal/chunk"
	"shoal/internal/webvtt"
)

// Bounds of what helps to find one's way in a video.
const (
	// MaxTiles is the most pictures in a storyboard, MaxChapters the most chapters.
	MaxTiles    = 1000
	MaxChapters = 500
)

// Storyboard is one image of small pictures of the video, taken at equal intervals and laid in rows.
type Storyboard struct {
	// Image is a JPEG.
	Image Blob
	// Width and Height are those of a tile in pixels.
	Width, Height int
	// Columns is the number of tiles in a row, Count that of all.
	Columns, Count int
	// Interval is the time from one tile to the next; the first one stands for the start.
	Interval time.Duration
}

// Chapter is a part of the video that has a name. It ends where the next one starts.
type Chapter struct {
	Start time.Duration
	Title string
}

// StoryboardName returns the file name of a storyboard's image.
func StoryboardName(hash chunk.Ref) string { return "storyboard-" + hash.String() + ".jpg" }

// WebVTT returns the list of the tiles and their times, as players read it: the image lies beside the list. A tile
// stands for its interval, the last one until the end of a video of the given length.
func (s *Storyboard) WebVTT(length time.Duration) []byte {
	cues := make([]webvtt.Cue, s.Count)
	name := StoryboardName(s.Image.Hash)
	for i := range cues {
		start := time.Duration(i) * s.Interval
		cues[i] = webvtt.Cue{Start: start, End: start + s.Interval,
			Text: fmt.Sprintf("%s#xywh=%d,%d,%d,%d", name, i%s.Columns*s.Width, i/s.Columns*s.Height, s.Width, s.Height)}
	}
	if n := len(cues); n > 0 {
		cues[n-1].End = max(cues[n-1].End, length)
	}
	return webvtt.Write(cues)
}

func (s *Storyboard) check() error {
	switch {
	case s.Width < 1 || s.Width > maxPixels || s.Height < 1 || s.Height > maxPixels:
		return fmt.Errorf("tiles of %d x %d pixels out of range", s.Width, s.Height)
	case s.Count < 1 || s.Count > MaxTiles || s.Columns < 1 || s.Columns > s.Count:
		return fmt.Errorf("%d tiles in %d columns out of range", s.Count, s.Columns)
	case s.Interval < time.Millisecond || s.Interval > MaxLength:
		return fmt.Errorf("interval %s out of range", s.Interval)
	}
	return s.Image.check()
}

func checkChapters(chapters []Chapter) error {
	if len(chapters) > MaxChapters {
		return fmt.Errorf("%d chapters, at most %d", len(chapters), MaxChapters)
	}
	for i, c := range chapters {
		switch {
		case c.Start < 0 || c.Start > MaxLength:
			return fmt.Errorf("chapter %d: start %s out of range", i, c.Start)
		case i > 0 && c.Start <= chapters[i-1].Start:
			return fmt.Errorf("chapter %d: starts at %s, not after the one before it", i, c.Start)
		case len(c.Title) > MaxName:
			return fmt.Errorf("chapter %d: title of %d bytes, at most %d", i, len(c.Title), MaxName)
		case !utf8.ValidString(c.Title):
			return errors.New("a chapter's title is not UTF-8")
		}
	}
	return nil
}
