package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// The stages of a video's way, and where each ends on the way from 0 to 1.
const (
	stageReceive = "receive"
	stageCheck   = "check"
	stagePrepare = "prepare"
	stageCopy    = "copy"

	receiveEnd = 0.25
	checkEnd   = 0.27
	prepareEnd = 0.97
	copyEnd    = 0.99
)

const (
	// receiveBlock is how much of a body is read at a time.
	receiveBlock = 256 << 10
	// checkEvery is how often room on the disk is looked at, and how much may wait to be synced.
	checkEvery = 32 << 20
)

// Accept receives a file. When it returns without error the file is durable, and the video will be
// prepared even if the machine stops now. After an error nothing of the file is left.
// Errors: ErrEmpty, ErrTooLarge, ErrBusy, ErrNoFFmpeg, chunk.ErrFull, and those of up.Body.
func (im *Importer) Accept(ctx context.Context, up Upload) (Accepted, error) {
	if err := im.admits(up.Size); err != nil {
		return Accepted{}, err
	}
	if !im.queue.reserve() {
		return Accepted{}, ErrBusy
	}
	defer im.queue.unreserve()
	id, err := im.cfg.Catalog.Receive(up.Name, up.Title)
	if err != nil {
		return Accepted{}, fmt.Errorf("receive film: %w", err)
	}
	existing, duplicate, err := im.receive(ctx, id, up)
	if err != nil || duplicate {
		im.cfg.Catalog.Forget(id)
		return Accepted{ID: existing, Duplicate: duplicate}, errors.Join(err, os.RemoveAll(im.dir(id)))
	}
	im.queue.push(im.newJob(id), soon)
	return Accepted{ID: id}, nil
}

// admits refuses what can be refused before the first byte.
func (im *Importer) admits(size int64) error {
	if _, err := im.ffmpeg(); err != nil {
		return err
	}
	switch {
	case size == 0:
		return ErrEmpty
	case im.cfg.MaxUpload > 0 && size > im.cfg.MaxUpload:
		return fmt.Errorf("%d bytes, at most %d: %w", size, im.cfg.MaxUpload, ErrTooLarge)
	}
	// The file itself and its renditions lie side by side for a while.
	if room := im.cfg.Room(); room < 2*max(size, 0) || room <= 0 {
		return fmt.Errorf("receive %d bytes, %d free: %w", size, room, chunk.ErrFull)
	}
	return nil
}

func (im *Importer) dir(id manifest.VideoID) string { return filepath.Join(im.cfg.Dir, string(id)) }

func (im *Importer) receive(ctx context.Context, id manifest.VideoID, up Upload) (existing manifest.VideoID, duplicate bool, err error) {
	if err := os.Mkdir(im.dir(id), 0o700); err != nil {
		return "", false, noRoom("make job folder", err)
	}
	size, sum, err := im.spool(ctx, id, up)
	if err != nil {
		return "", false, err
	}
	if err := errors.Join(syncDir(im.dir(id)), syncDir(im.cfg.Dir)); err != nil {
		return "", false, noRoom("sync job folder", err)
	}
	return im.cfg.Catalog.Accept(ctx, id, size, sum)
}

// spool writes the body to the job's folder and returns its length and hash once it is durable.
func (im *Importer) spool(ctx context.Context, id manifest.VideoID, up Upload) (size int64, sum chunk.Ref, err error) {
	f, err := os.OpenFile(filepath.Join(im.dir(id), sourceName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, sum, noRoom("create source", err)
	}
	s := spooler{im: im, id: id, expect: up.Size, f: f}
	size, sum, err = s.copy(ctx, up.Body)
	if err = errors.Join(err, s.synced(), f.Sync(), f.Close()); err != nil {
		return 0, sum, noRoom("write source", err)
	}
	switch {
	case size == 0:
		return 0, sum, ErrEmpty
	case up.Size > 0 && size != up.Size:
		return 0, sum, fmt.Errorf("got %d of %d bytes: %w", size, up.Size, io.ErrUnexpectedEOF)
	}
	return size, sum, nil
}

// spooler writes one body, syncing in the background so that little is left to sync at the end.
type spooler struct {
	im      *Importer
	id      manifest.VideoID
	expect  int64
	f       *os.File
	syncing chan error // the sync in flight, or nil
}

func (s *spooler) copy(ctx context.Context, body io.Reader) (size int64, sum chunk.Ref, err error) {
	hash := sha256.New()
	block := make([]byte, receiveBlock)
	for next := int64(checkEvery); ; {
		n, readErr := body.Read(block)
		hash.Write(block[:n])
		if _, err := s.f.Write(block[:n]); err != nil {
			return size, sum, err
		}
		size += int64(n)
		if size >= next {
			next += checkEvery
			if err := s.pause(ctx, size); err != nil {
				return size, sum, err
			}
		}
		if readErr == io.EOF {
			hash.Sum(sum[:0])
			return size, sum, nil
		}
		if readErr != nil {
			return size, sum, fmt.Errorf("read upload: %w", readErr)
		}
	}
}

// pause happens every checkEvery bytes: is there still room, is anyone still interested?
func (s *spooler) pause(ctx context.Context, size int64) error {
	if s.expect > 0 {
		s.im.cfg.Catalog.Progress(s.id, stageReceive, receiveEnd*float64(size)/float64(s.expect))
	}
	if limit := s.im.cfg.MaxUpload; limit > 0 && size > limit {
		return fmt.Errorf("more than %d bytes: %w", limit, ErrTooLarge)
	}
	if room := s.im.cfg.Room(); room <= 0 {
		return fmt.Errorf("after %d bytes: %w", size, chunk.ErrFull)
	}
	if err := s.synced(); err != nil {
		return err
	}
	s.syncing = make(chan error, 1)
	go func(done chan<- error) { done <- s.f.Sync() }(s.syncing)
	return ctx.Err()
}

// synced waits for the sync in flight.
func (s *spooler) synced() error {
	if s.syncing == nil {
		return nil
	}
	err := <-s.syncing
	s.syncing = nil
	return err
}

// noRoom turns the system's words for a full disk into chunk.ErrFull.
func noRoom(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", doing, chunk.ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
