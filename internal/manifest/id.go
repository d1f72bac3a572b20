package manifest

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
)

// VideoID names a video: 26 characters of lower-case base32 (128 random bits), safe in URLs and file names.
type VideoID string

const (
	videoIDBytes = 16
	videoIDChars = 26
)

var videoIDText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewVideoID makes an id from 16 bytes of random, which is crypto/rand.Reader outside tests. It panics
// when random fails, which that reader never does.
func NewVideoID(random io.Reader) VideoID {
	var bits [videoIDBytes]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		panic(fmt.Sprintf("make video id: %v", err))
	}
	return VideoID(videoIDText.EncodeToString(bits[:]))
}

// ParseVideoID reads what NewVideoID writes and nothing else: no upper case, no padding, no second
// spelling of the same bits.
func ParseVideoID(s string) (VideoID, error) {
	if len(s) != videoIDChars {
		return "", fmt.Errorf("parse video id: %d characters, want %d", len(s), videoIDChars)
	}
	var bits [videoIDBytes]byte
	if _, err := videoIDText.Decode(bits[:], []byte(s)); err != nil {
		return "", errors.New("parse video id: not lower-case base32")
	}
	if videoIDText.EncodeToString(bits[:]) != s {
		return "", errors.New("parse video id: bits behind the last byte")
	}
	return VideoID(s), nil
}
