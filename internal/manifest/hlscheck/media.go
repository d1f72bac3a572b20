package hlscheck

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Media is a media playlist.
type Media struct {
	Version int
	// Target is the target duration in seconds.
	Target int
	// Sequence is the number of the first segment.
	Sequence int64
	// Type is VOD or EVENT; a VOD has always Ended.
	Type string
	// Ended is true with EXT-X-ENDLIST: no more segments follow.
	Ended bool
	// Start is where players begin, counted from the start of the first segment, or nil.
	Start *time.Duration
	// Map is the address of the initialisation section; WebVTT has none.
	Map string
	// Segments may be empty in an EVENT that has not ended.
	Segments []Segment
}

// Segment is an EXTINF tag and the address after it.
type Segment struct {
	Duration time.Duration
	URI      string
}

// Length returns the sum of the segments' durations.
func (m *Media) Length() time.Duration {
	var total time.Duration
	for _, s := range m.Segments {
		total += s.Duration
	}
	return total
}

var durationSyntax = regexp.MustCompile(`^([0-9]{1,9}\.[0-9]{6}),$`)

// ReadMedia reads a media playlist.
func ReadMedia(text []byte) (*Media, error) {
	lines, err := split(text)
	if err != nil {
		return nil, fmt.Errorf("read media playlist: %w", err)
	}
	m := &Media{}
	if err := m.read(lines); err != nil {
		return nil, fmt.Errorf("read media playlist: %w", err)
	}
	return m, nil
}

func (m *Media) read(lines []line) error {
	seen := make(once)
	var pending *Segment
	for _, l := range lines {
		if m.Ended {
			return l.errorf("something after #EXT-X-ENDLIST")
		}
		if (pending != nil) != (l.tag == "") {
			return l.errorf("an address follows #EXTINF, and only that")
		}
		var err error
		switch l.tag {
		case "":
			pending.URI = l.value
			m.Segments, pending = append(m.Segments, *pending), nil
		case "EXTINF":
			pending, err = readDuration(l)
		case "EXT-X-ENDLIST":
			m.Ended, err = true, l.requireBare()
		default:
			err = m.head(l, seen)
		}
		if err != nil {
			return err
		}
	}
	if pending != nil {
		return errors.New("no address after the last #EXTINF")
	}
	if err := seen.require("EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-PLAYLIST-TYPE"); err != nil {
		return err
	}
	return m.check()
}

// head reads a tag that says something of all segments, so it stands before them.
func (m *Media) head(l line, seen once) error {
	if err := seen.see(l); err != nil {
		return err
	}
	if len(m.Segments) > 0 {
		return l.errorf("#%s after a segment", l.tag)
	}
	var err error
	switch l.tag {
	case "EXT-X-VERSION":
		m.Version, err = readVersion(l)
	case "EXT-X-TARGETDURATION":
		var target int64
		target, err = readCount(l)
		m.Target = int(target)
	case "EXT-X-MEDIA-SEQUENCE":
		m.Sequence, err = readCount(l)
	case "EXT-X-PLAYLIST-TYPE":
		if m.Type = l.value; m.Type != "VOD" && m.Type != "EVENT" {
			err = l.errorf("type %q is neither VOD nor EVENT", l.value)
		}
	case "EXT-X-START":
		m.Start, err = readStart(l)
	case "EXT-X-MAP":
		list := parseAttributes(l)
		m.Map = list.address("URI")
		err = list.end()
	default:
		err = l.errorf("unknown tag #%s", l.tag)
	}
	return err
}

func readCount(l line) (int64, error) {
	n, err := strconv.ParseInt(l.value, 10, 32)
	if err != nil || !integerSyntax.MatchString(l.value) {
		return 0, l.errorf("%q is not a count", l.value)
	}
	return n, nil
}

func readStart(l line) (*time.Duration, error) {
	list := parseAttributes(l)
	start := time.Duration(list.decimal("TIME-OFFSET") * float64(time.Second))
	return &start, list.end()
}

// readDuration takes seconds with six decimals, a comma, and no title.
func readDuration(l line) (*Segment, error) {
	found := durationSyntax.FindStringSubmatch(l.value)
	if found == nil {
		return nil, l.errorf("duration %q is not seconds with 6 decimals and a comma", l.value)
	}
	length, err := time.ParseDuration(found[1] + "s")
	if err != nil {
		return nil, l.errorf("duration %q: %w", l.value, err)
	}
	return &Segment{Duration: length}, nil
}

// check finds what is wrong between lines.
func (m *Media) check() error {
	switch {
	case m.Target < 1:
		return errors.New("target duration 0")
	case m.Type == "VOD" && !m.Ended:
		return errors.New("a VOD without #EXT-X-ENDLIST")
	case m.Ended && len(m.Segments) == 0:
		return errors.New("ended without a segment")
	case m.Start != nil && *m.Start > m.Length():
		return errors.New("starts behind the end")
	}
	for i, s := range m.Segments {
		switch text := strings.HasSuffix(s.URI, ".vtt"); {
		case text && m.Map != "":
			return fmt.Errorf("segment %d is WebVTT with an #EXT-X-MAP", i)
		case !text && m.Map == "":
			return fmt.Errorf("no #EXT-X-MAP for segment %d", i)
		}
		if s.Duration.Round(time.Second) > time.Duration(m.Target)*time.Second {
			return fmt.Errorf("segment %d of %s is above the target duration %d", i, s.Duration, m.Target)
		}
	}
	return nil
}
