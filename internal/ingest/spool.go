package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"shoal/internal/chunk"
)

const (
	// receiveBlock is how much of a body is read at a time.
	receiveBlock = 256 << 10
	// checkEvery is how often room on the disk is looked at, and how much may wait to be synced.
	checkEvery = 32 << 20
)

// spool appends body to an arrival's file behind what is durable. Afterwards all that was read is durable,
// with an error or without, unless the disk itself is in trouble. The caller holds the arrival's turn.
func (im *Importer) spool(ctx context.Context, a *arrival, body io.Reader) error {
	f, err := os.OpenFile(filepath.Join(im.dir(a.id), sourceName), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return noRoom("open source", err)
	}
	s := spooler{im: im, a: a, f: f, at: a.note.Offset, hash: newHash()}
	if err = s.rewind(); err == nil {
		err = s.copy(ctx, body)
		err = errors.Join(err, s.settle())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return noRoom("write source", err)
	}
	return nil
}

// spooler writes one body, syncing in the background so that little is left to sync at the end.
type spooler struct {
	im   *Importer
	a    *arrival
	f    *os.File
	at   int64 // where the next byte goes
	hash keptHash
	// syncing is the sync in flight, or nil; what is durable after it comes out.
	syncing chan synced
}

type synced struct {
	note note
	err  error
}

// rewind goes back to what is durable: what was written behind it never happened.
func (s *spooler) rewind() error {
	info, err := s.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < s.at {
		return fmt.Errorf("%d bytes are left of %d", info.Size(), s.at)
	}
	if err := s.f.Truncate(s.at); err != nil {
		return err
	}
	if _, err := s.f.Seek(s.at, io.SeekStart); err != nil {
		return err
	}
	return s.hash.UnmarshalBinary(s.a.note.Hash)
}

func (s *spooler) copy(ctx context.Context, body io.Reader) error {
	block := make([]byte, receiveBlock)
	for next := s.at + checkEvery; ; {
		n, readErr := body.Read(block)
		if err := s.write(block[:n]); err != nil {
			return err
		}
		if s.at >= next {
			next += checkEvery
			if err := s.pause(ctx); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("read upload: %w", readErr)
		}
	}
}

func (s *spooler) write(p []byte) error {
	end := s.at + int64(len(p))
	if size := s.a.note.Size; size > 0 && end > size {
		return fmt.Errorf("more than the %d bytes that were announced: %w", size, ErrTooLarge)
	}
	if limit := s.im.cfg.MaxUpload; limit > 0 && end > limit {
		return fmt.Errorf("more than %d bytes: %w", limit, ErrTooLarge)
	}
	if s.im.arrivals.isGone(s.a) {
		return ErrGone
	}
	n, err := s.f.Write(p)
	s.hash.Write(p[:n])
	s.at += int64(n)
	s.im.arrivals.wrote(s.a, s.at)
	return err
}

// pause happens every checkEvery bytes: is there still room, is anyone still interested?
func (s *spooler) pause(ctx context.Context) error {
	if room := s.im.cfg.Room(); room <= 0 {
		return fmt.Errorf("after %d bytes: %w", s.at, chunk.ErrFull)
	}
	if err := s.wait(); err != nil {
		return err
	}
	next, err := s.here()
	if err != nil {
		return err
	}
	s.syncing = make(chan synced, 1)
	go func(done chan<- synced) { done <- synced{next, s.sync(next)} }(s.syncing)
	return ctx.Err()
}

// here is what will be durable after a sync.
func (s *spooler) here() (note, error) {
	state, err := s.hash.MarshalBinary()
	next := s.a.note
	next.Offset, next.Hash, next.Touched = s.at, state, s.im.cfg.Now().UTC()
	return next, err
}

// sync makes the bytes durable, and only then says so.
func (s *spooler) sync(next note) error {
	if err := s.f.Sync(); err != nil || !s.a.resumable {
		return err
	}
	return next.save(s.im.dir(s.a.id))
}

// wait waits for the sync in flight and takes over what it made durable.
func (s *spooler) wait() error {
	if s.syncing == nil {
		return nil
	}
	done := <-s.syncing
	s.syncing = nil
	if done.err == nil {
		s.reached(done.note)
	}
	return done.err
}

// settle makes all that was written durable.
func (s *spooler) settle() error {
	if err := s.wait(); err != nil || s.at == s.a.note.Offset {
		return err
	}
	next, err := s.here()
	if err == nil {
		err = s.sync(next)
	}
	if err == nil {
		s.reached(next)
	}
	return err
}

func (s *spooler) reached(next note) {
	s.a.note = next
	s.im.arrivals.reached(s.a)
	s.im.showReceived(s.a)
}

// showReceived tells the catalogue how much of a file is here.
func (im *Importer) showReceived(a *arrival) {
	if a.note.Size > 0 {
		im.cfg.Catalog.Progress(a.id, stageReceive, receiveEnd*float64(a.note.Offset)/float64(a.note.Size))
	}
}
