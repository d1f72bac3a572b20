// Package hlscheck reads HLS playlists strictly (RFC 8216), so that tests find what a lenient player
// would forgive. It knows the tags that this program writes: whatever else stands in a playlist, in
// whatever other order or form, is an error that names the line. Every playlist that it reads is on demand or
// an event, in fragmented MP4, and names its parts by relative addresses below itself.
package hlscheck

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line is one line of a playlist: a tag with its value, or an address.
type line struct {
	number int
	// tag is what stands between # and the first colon, or "" for an address.
	tag string
	// value is what follows the colon, or the address.
	value string
	// bare is true for a tag without a colon.
	bare bool
}

func (l line) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", l.number, fmt.Errorf(format, args...))
}

// split cuts a playlist into lines and refuses what no playlist may contain.
func split(text []byte) ([]line, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	body, ended := strings.CutSuffix(string(text), "\n")
	if !ended {
		return nil, errors.New("the last line has no end")
	}
	var lines []line
	for i, content := range strings.Split(body, "\n") {
		l, err := parseLine(i+1, content)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	if first := lines[0]; first.tag != "EXTM3U" || !first.bare {
		return nil, first.errorf("want #EXTM3U")
	}
	return lines[1:], nil
}

func parseLine(number int, content string) (line, error) {
	l := line{number: number}
	bad := func(r rune) bool { return unicode.IsControl(r) || r == '\ufeff' || r == '\u2028' || r == '\u2029' }
	switch {
	case content == "":
		return l, l.errorf("empty")
	case strings.ContainsFunc(content, bad):
		return l, l.errorf("control character or byte order mark")
	case strings.TrimSpace(content) != content:
		return l, l.errorf("space at an end")
	case content[0] != '#':
		l.value = content
		return l, checkAddress(l, content)
	case !strings.HasPrefix(content, "#EXT"):
		return l, l.errorf("comment")
	}
	tag, value, colon := strings.Cut(content[1:], ":")
	l.tag, l.value, l.bare = tag, value, !colon
	return l, nil
}

// checkAddress accepts a plain relative path that stays below the playlist.
func checkAddress(l line, address string) error {
	for part := range strings.SplitSeq(address, "/") {
		if part == "" || part == "." || part == ".." {
			return l.errorf("address %q is not a plain relative path", address)
		}
	}
	if i := strings.IndexFunc(address, notPlain); i >= 0 {
		return l.errorf("address %q has a %q in it", address, address[i])
	}
	return nil
}

func notPlain(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_./", r):
		return false
	}
	return true
}

// once remembers tags that a playlist has at most one of.
type once map[string]bool

func (o once) see(l line) error {
	if o[l.tag] {
		return l.errorf("second #%s", l.tag)
	}
	o[l.tag] = true
	return nil
}

func (o once) require(tags ...string) error {
	for _, tag := range tags {
		if !o[tag] {
			return fmt.Errorf("no #%s", tag)
		}
	}
	return nil
}

func (l line) requireBare() error {
	if !l.bare {
		return l.errorf("#%s takes no value", l.tag)
	}
	return nil
}
