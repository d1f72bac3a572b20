package chunk

import (
	"errors"
	"io"
)

// errSplitterClosed is returned by a write after Close.
var errSplitterClosed = errors.New("split: write after close")

// Splitter cuts a stream into chunks of exactly MaxSize bytes; the last one is shorter. It holds at
// most one buffer, however long the stream is. It is used by one goroutine at a time. A splitter that
// is given up may be dropped without Close; what it holds is then never handed over.
type Splitter struct {
	put func(data []byte) error
	// buf is what was written since the last put; nil when that is nothing.
	buf []byte
	// err is the first error of put; nothing is handed over after it.
	err    error
	closed bool
}

// NewSplitter returns a splitter that hands each chunk to put, in order and never empty. The data
// belongs to put from then on, whatever put returns, so put may keep it and store it in another
// goroutine; whoever is done with it should give it to Release.
func NewSplitter(put func(data []byte) error) *Splitter { return &Splitter{put: put} }

// Write takes p, which it does not keep, and hands over every chunk that p completes. It returns
// the first error of put, then and ever after, and the bytes of p taken before.
func (s *Splitter) Write(p []byte) (int, error) {
	taken := 0
	for len(p) > 0 {
		room, err := s.room()
		if err != nil {
			return taken, err
		}
		n := copy(room, p)
		p = p[n:]
		taken += n
		if err := s.grow(n); err != nil {
			return taken, err
		}
	}
	return taken, s.err
}

// ReadFrom takes all of r, reading straight into the chunks; io.Copy uses it. It returns the bytes
// taken and the first error of r or put.
func (s *Splitter) ReadFrom(r io.Reader) (int64, error) {
	var taken int64
	for {
		room, err := s.room()
		if err != nil {
			return taken, err
		}
		n, readErr := r.Read(room)
		taken += int64(n)
		if err := s.grow(n); err != nil {
			return taken, err
		}
		if readErr == io.EOF {
			return taken, nil
		}
		if readErr != nil {
			return taken, readErr
		}
	}
}

// Close hands over what is left, if anything, and returns the first error of put. Closing again
// does nothing and returns the same.
func (s *Splitter) Close() error {
	s.closed = true
	if s.err == nil && len(s.buf) > 0 {
		s.flush()
	}
	if s.buf != nil {
		Release(s.buf)
		s.buf = nil
	}
	return s.err
}

// room returns the free part of the buffer, which is never empty.
func (s *Splitter) room() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.closed {
		return nil, errSplitterClosed
	}
	if s.buf == nil {
		s.buf = Buffer()
	}
	return s.buf[len(s.buf):MaxSize], nil
}

// grow counts n bytes that were put into room.
func (s *Splitter) grow(n int) error {
	s.buf = s.buf[:len(s.buf)+n]
	if len(s.buf) == MaxSize {
		s.flush()
	}
	return s.err
}

func (s *Splitter) flush() {
	data := s.buf
	s.buf = nil
	s.err = s.put(data)
}
