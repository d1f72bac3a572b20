// Package webvtt reads and writes WebVTT files (W3C WebVTT: The Web Video Text Tracks Format): subtitles, and
// lists of what belongs to which time. It reads strictly and keeps little, so that what was read is safe to hand on.
package webvtt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bounds of a file that is read. They are far above any film's subtitles.
const (
	// MaxBytes is the longest file, MaxCues the most cues in it.
	MaxBytes = 8 << 20
	MaxCues  = 100_000
	// maxText is the longest text of a cue in bytes.
	maxText = 8 << 10
	// maxTime is the latest time.
	maxTime = 1000 * time.Hour
)

// ErrInvalid says that a file is no WebVTT, or breaks a bound.
var ErrInvalid = errors.New("not a proper WebVTT file")

// Cue is a text and the time in which it is shown, End after Start. Text that was read has no markup but b, i
// and u, no empty lines, and its other < and & are escaped.
type Cue struct {
	Start, End time.Duration
	Text       string
}

// Read returns the cues of a file, by their start. Styles, regions, notes, names and places of cues are left out, and
// so are cues without text or without length.
func Read(file []byte) ([]Cue, error) {
	if len(file) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(file), MaxBytes)
	}
	text := strings.ToValidUTF8(string(file), "\ufffd")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(strings.TrimPrefix(text, "\ufeff"))
	head, rest, _ := strings.Cut(text, "\n")
	if head != "WEBVTT" && !strings.HasPrefix(head, "WEBVTT ") && !strings.HasPrefix(head, "WEBVTT\t") {
		return nil, fmt.Errorf("%w: it does not begin with WEBVTT", ErrInvalid)
	}
	var cues []Cue
	for block := range blocks(rest) {
		cue, ok, err := readBlock(block)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if len(cues) == MaxCues {
			return nil, fmt.Errorf("%w: more than %d cues", ErrInvalid, MaxCues)
		}
		cues = append(cues, cue)
	}
	slices.SortStableFunc(cues, func(a, b Cue) int { return cmp.Compare(a.Start, b.Start) })
	return cues, nil
}

// blocks yields the runs of lines between empty lines.
func blocks(text string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		var block []string
		for line := range strings.SplitSeq(text, "\n") {
			if line != "" {
				block = append(block, line)
				continue
			}
			if len(block) > 0 && !yield(block) {
				return
			}
			block = nil
		}
		if len(block) > 0 {
			yield(block)
		}
	}
}

// readBlock reads a cue; ok is false for every other block and for a cue that shows nothing.
func readBlock(lines []string) (cue Cue, ok bool, err error) {
	at := slices.IndexFunc(lines[:min(len(lines), 2)], func(line string) bool { return strings.Contains(line, "-->") })
	if at < 0 {
		return Cue{}, false, nil
	}
	if cue.Start, cue.End, err = readTiming(lines[at]); err != nil {
		return Cue{}, false, err
	}
	cue.Text = clean(strings.Join(lines[at+1:], "\n"))
	return cue, cue.Text != "" && cue.End > cue.Start, nil
}

var timingSyntax = regexp.MustCompile(`^[ \t]*(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})[ \t]+-->[ \t]+(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})(?:[ \t].*)?$`)

func readTiming(line string) (start, end time.Duration, err error) {
	part := timingSyntax.FindStringSubmatch(line)
	if part == nil {
		return 0, 0, fmt.Errorf("%w: timing %.60q", ErrInvalid, line)
	}
	start, end = clock(part[1:5]), clock(part[5:9])
	if start > maxTime || end > maxTime {
		return 0, 0, fmt.Errorf("%w: timing %.60q is too late", ErrInvalid, line)
	}
	return start, end, nil
}

// clock adds up hours, which may be empty, minutes, seconds and milliseconds.
func clock(part []string) (t time.Duration) {
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond} {
		n, _ := strconv.Atoi(part[i])
		t += time.Duration(n) * unit
	}
	return t
}

var (
	tagSyntax    = regexp.MustCompile(`<[^>]*>?`)
	plainTag     = regexp.MustCompile(`^</?[biu]>$`)
	entitySyntax = regexp.MustCompile(`&(amp|lt|gt|nbsp|lrm|rlm);|&`)
)

// clean keeps of a cue's text what every player shows alike.
func clean(text string) string {
	text = strings.ReplaceAll(text, "-->", "--&gt;")
	text = tagSyntax.ReplaceAllStringFunc(text, func(tag string) string {
		if plainTag.MatchString(tag) {
			return tag
		}
		return ""
	})
	text = entitySyntax.ReplaceAllStringFunc(text, func(entity string) string {
		if entity == "&" {
			return "&amp;"
		}
		return entity
	})
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(strings.Map(visible, line)); line != "" {
			lines = append(lines, line)
		}
	}
	text = strings.Join(lines, "\n")
	if len(text) > maxText {
		text = ""
	}
	return text
}

func visible(r rune) rune {
	if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
		return ' '
	}
	return r
}

// Write returns a file of cues, whose texts must be as Read returns them, or as Escape does.
func Write(cues []Cue) []byte {
	var out bytes.Buffer
	out.WriteString("WEBVTT\n")
	for _, c := range cues {
		fmt.Fprintf(&out, "\n%s --> %s\n%s\n", stamp(c.Start), stamp(c.End), c.Text)
	}
	return out.Bytes()
}

func stamp(t time.Duration) string {
	ms := t.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// Escape makes plain text fit for a cue, in one line.
func Escape(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.ToValidUTF8(text, "\ufffd"))
	return strings.Join(strings.Fields(strings.Map(visible, text)), " ")
}
