package ingest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/filesystem"
	"shoal/internal/manifest"
)

const (
	// noteName is the file beside a source that arrives in pieces.
	noteName    = "upload.json"
	noteVersion = 1
	// maxNote bounds the file, maxNoteText each text in it, in bytes.
	maxNote     = 64 << 10
	maxNoteText = 4 << 10
)

// note is what is known of a file that arrives: how much of it is durable, and the state of SHA-256 over
// that much. Both are replaced together, so that they always fit each other.
type note struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	Title   string `json:"title"`
	// Size is the announced length in bytes; 0 when unknown, which no stored note has.
	Size    int64     `json:"size"`
	Offset  int64     `json:"offset"`
	Hash    []byte    `json:"hash"`
	Created time.Time `json:"created"`
	// Touched is when the last bytes came.
	Touched time.Time `json:"touched"`
	// Same is the video that was made of the same bytes before, once the file is here and there is one.
	Same manifest.VideoID `json:"same,omitempty"`
}

// keptHash is a hash whose state can be kept.
type keptHash interface {
	hash.Hash
	MarshalBinary() ([]byte, error)
	UnmarshalBinary(state []byte) error
}

func newHash() keptHash { return sha256.New().(keptHash) }

func newNote(up Upload, now time.Time) note {
	state, err := newHash().MarshalBinary()
	if err != nil {
		panic(fmt.Errorf("save state of sha256: %w", err)) // there is nothing in it that could fail
	}
	return note{
		Version: noteVersion, Name: firstBytes(up.Name), Title: firstBytes(up.Title), Size: max(up.Size, 0),
		Hash: state, Created: now, Touched: now,
	}
}

// firstBytes cuts a text to what a note may hold, between characters.
func firstBytes(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxNoteText)], "")
}

// sum returns the hash of the bytes that are here.
func (n note) sum() (sum chunk.Ref, err error) {
	h := newHash()
	if err := h.UnmarshalBinary(n.Hash); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// decodeNote reads what save writes, and refuses what it would not write.
func decodeNote(text []byte) (note, error) {
	var n note
	if len(text) > maxNote {
		return n, fmt.Errorf("read note: longer than %d bytes", maxNote)
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return n, fmt.Errorf("read note: %w", err)
	}
	if n.Version != noteVersion {
		return n, fmt.Errorf("read note: version %d", n.Version)
	}
	if n.Size <= 0 || n.Offset < 0 || n.Offset > n.Size {
		return n, fmt.Errorf("read note: %d of %d bytes", n.Offset, n.Size)
	}
	if len(n.Name) > maxNoteText || len(n.Title) > maxNoteText {
		return n, errors.New("read note: a text is too long")
	}
	if n.Same != "" {
		if _, err := manifest.ParseVideoID(string(n.Same)); err != nil {
			return n, fmt.Errorf("read note: %w", err)
		}
	}
	if _, err := n.sum(); err != nil {
		return n, fmt.Errorf("read note: %w", err)
	}
	return n, nil
}

// loadNote reads the note in a job's folder.
func loadNote(dir string) (note, error) {
	f, err := os.Open(filepath.Join(dir, noteName))
	if err != nil {
		return note{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNote+1))
	if err != nil {
		return note{}, err
	}
	return decodeNote(text)
}

// save replaces the note in a job's folder, durably: after a crash the old one is there or the new one.
func (n note) save(dir string) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	path := filepath.Join(dir, noteName)
	if err := writeSynced(path+".new", text); err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	return filesystem.SyncDir(dir)
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
