package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// ErrNotText says that a file is no text, or not in the encoding that was named.
var ErrNotText = errors.New("not a text file")

// readLetters turns a text file into UTF-8 without a byte order mark. name is the encoding as the WHATWG names
// it, or "": then a byte order mark decides, else UTF-8 where it fits, else UTF-16 by its zeros, else windows-1252, which
// any byte fits and which most old subtitles of western languages are in. Errors: ErrNotText.
func readLetters(file []byte, name string) (string, error) {
	letters, err := lettersOf(file, name)
	if err != nil {
		return "", err
	}
	text := file
	if letters != nil {
		if text, err = letters.NewDecoder().Bytes(file); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNotText, err)
		}
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if isBinary(text) {
		return "", fmt.Errorf("%w: it is full of control characters", ErrNotText)
	}
	return strings.ToValidUTF8(string(text), "\ufffd"), nil
}

// lettersOf chooses how a file is read; nil is as it is, in UTF-8.
func lettersOf(file []byte, name string) (encoding.Encoding, error) {
	little := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	big := unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	switch {
	case bytes.HasPrefix(file, []byte("\xef\xbb\xbf")):
		return nil, nil
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		return little, nil // the mark says which
	case name != "":
		named, err := htmlindex.Get(name)
		if err != nil {
			return nil, fmt.Errorf("%w: no encoding is called %.40q", ErrNotText, name)
		}
		return named, nil
	}
	switch first, second := zeros(file); {
	case second > len(file)/8 && first == 0:
		return little, nil
	case first > len(file)/8 && second == 0:
		return big, nil
	case utf8.Valid(file):
		return nil, nil
	}
	return charmap.Windows1252, nil
}

// zeros counts the zero bytes at even and at odd places.
func zeros(file []byte) (even, odd int) {
	for i, b := range file {
		switch {
		case b != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	return even, odd
}

// isBinary tells whether more than one byte in a hundred is a control character that texts have no use for.
func isBinary(text []byte) bool {
	strange := 0
	for _, b := range text {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' || b == 0x7f {
			strange++
		}
	}
	return strange > len(text)/100
}
