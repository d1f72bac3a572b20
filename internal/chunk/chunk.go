// Package chunk names and verifies content, and says what a chunk store promises.
//
// A chunk is at most MaxSize bytes, named by the SHA-256 of its bytes. Everything that is
// stored or sent is made of chunks. Where chunks lie (a disk, a cluster) is left to the
// packages that implement Store.
package chunk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// MaxSize is the largest chunk, in bytes.
const MaxSize = 1 << 20

// Errors that callers branch on; stores wrap them with the operation and the chunk.
var (
	// ErrNotFound says that the store holds no such chunk.
	ErrNotFound = errors.New("chunk not found")
	// ErrCorrupt says that bytes do not match the hash they were asked for by.
	ErrCorrupt = errors.New("chunk is corrupt")
	// ErrSize says that a chunk is empty or larger than MaxSize.
	ErrSize = errors.New("chunk size out of range")
	// ErrFull says that the store has no room; nothing of the chunk was kept.
	ErrFull = errors.New("store is full")
)

// Ref names a chunk: the SHA-256 (FIPS 180-4) of its bytes. It is comparable and usable as a map key.
type Ref [sha256.Size]byte

// Sum returns the name of data.
func Sum(data []byte) Ref { return sha256.Sum256(data) }

// ParseRef reads the form that String writes: 64 lower-case hexadecimal digits.
func ParseRef(s string) (Ref, error) {
	var r Ref
	err := r.UnmarshalText([]byte(s))
	return r, err
}

// String returns 64 lower-case hexadecimal digits.
func (r Ref) String() string { return hex.EncodeToString(r[:]) }

// IsZero tells whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// MarshalText writes the form of String.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the form of String; upper-case digits are refused, so that a ref has one spelling.
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(r)) {
		return fmt.Errorf("parse chunk ref: %d characters, want %d", len(text), hex.EncodedLen(len(r)))
	}
	var parsed Ref
	if _, err := hex.Decode(parsed[:], text); err != nil {
		return fmt.Errorf("parse chunk ref: %w", err)
	}
	if parsed.String() != string(text) {
		return errors.New("parse chunk ref: upper-case digits")
	}
	*r = parsed
	return nil
}

// CheckSize returns ErrSize unless a chunk may be size bytes long.
func CheckSize(size int64) error {
	if size < 1 || size > MaxSize {
		return fmt.Errorf("%d bytes, want 1 to %d: %w", size, MaxSize, ErrSize)
	}
	return nil
}

// Info is a chunk's name and its length in bytes.
type Info struct {
	Ref  Ref   `json:"ref"`
	Size int64 `json:"size"`
}

// Verify returns ErrCorrupt unless data is what ref names.
func Verify(ref Ref, data []byte) error {
	if got := Sum(data); got != ref {
		return fmt.Errorf("verify chunk %s: got %s: %w", ref, got, ErrCorrupt)
	}
	return nil
}
