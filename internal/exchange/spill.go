package exchange

import (
	"errors"
	"fmt"
	"os"
)

// spilled is a chunk.Reader over a file that only it knows.
type spilled struct {
	file *os.File
	size int64
	// named says that the file could not be removed while it is open.
	named bool
}

// newSpilled writes data, which was verified, to a file that goes when its reader is closed.
func newSpilled(dir string, data []byte) (_ *spilled, err error) {
	f, err := os.CreateTemp(dir, "fetched-*")
	if err != nil {
		return nil, fmt.Errorf("spill chunk: %w", err)
	}
	// Where an open file may be removed, nothing is left of it even when the process is killed.
	s := &spilled{file: f, size: int64(len(data)), named: os.Remove(f.Name()) != nil}
	if _, err := f.WriteAt(data, 0); err != nil {
		s.Close()
		return nil, fmt.Errorf("spill chunk: %w", err)
	}
	return s, nil
}

func (s *spilled) Read(p []byte) (int, error)                { return s.file.Read(p) }
func (s *spilled) ReadAt(p []byte, off int64) (int, error)   { return s.file.ReadAt(p, off) }
func (s *spilled) Seek(off int64, whence int) (int64, error) { return s.file.Seek(off, whence) }
func (s *spilled) Size() int64                               { return s.size }

// File returns the open file, for sendfile; it stays the reader's to close.
func (s *spilled) File() *os.File { return s.file }

// Close closes the file, and removes it where that was not possible before.
func (s *spilled) Close() error {
	err := s.file.Close()
	if s.named {
		s.named = false
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}
