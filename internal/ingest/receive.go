package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"shoal/internal/chunk"
	"shoal/internal/filesystem"
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

// Accept receives a file in one go. When it returns without error the file is durable, and the video will be
// prepared even if the machine stops now. After an error nothing of the file is left.
// Errors: ErrEmpty, ErrTooLarge, ErrBusy, ErrNoFFmpeg, ErrGone, chunk.ErrFull, and those of up.Body.
func (im *Importer) Accept(ctx context.Context, up Upload) (Accepted, error) {
	if err := im.admits(up.Size); err != nil {
		return Accepted{}, err
	}
	if !im.queue.reserve() {
		return Accepted{}, ErrBusy
	}
	defer im.queue.unreserve()
	a, err := im.open(up, false)
	if err != nil {
		return Accepted{}, err
	}
	defer im.release(a)
	got, err := im.receive(ctx, a, up.Body)
	if err != nil || got.Duplicate {
		return got, errors.Join(err, im.drop(a))
	}
	return got, nil
}

// receive takes in the whole of a file at once.
func (im *Importer) receive(ctx context.Context, a *arrival, body io.Reader) (Accepted, error) {
	if err := im.spool(ctx, a, body); err != nil {
		return Accepted{}, err
	}
	switch got := a.note.Offset; {
	case got == 0:
		return Accepted{}, ErrEmpty
	case a.note.Size > 0 && got != a.note.Size:
		return Accepted{}, fmt.Errorf("got %d of %d bytes: %w", got, a.note.Size, io.ErrUnexpectedEOF)
	}
	if err := errors.Join(filesystem.SyncDir(im.dir(a.id)), filesystem.SyncDir(im.cfg.Dir)); err != nil {
		return Accepted{}, noRoom("sync job folder", err)
	}
	return im.finish(ctx, a)
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
	return nil
}

func (im *Importer) dir(id manifest.VideoID) string { return filepath.Join(im.cfg.Dir, string(id)) }

// ensureDir makes the folder of all jobs anew, should somebody have removed it.
func (im *Importer) ensureDir() error {
	if err := os.MkdirAll(im.cfg.Dir, 0o700); err != nil {
		return noRoom("make folder of jobs", err)
	}
	return nil
}

// open lists a new video and makes a folder for its file. The caller holds the turn of what is returned.
func (im *Importer) open(up Upload, resumable bool) (*arrival, error) {
	id, err := im.cfg.Catalog.Receive(up.Name, up.Title)
	if err != nil {
		return nil, fmt.Errorf("receive film: %w", err)
	}
	a := newArrival(id, newNote(up, im.cfg.Now().UTC()), resumable)
	a.turn <- struct{}{}
	if im.cfg.Room() <= 0 {
		im.sweepKept()
	}
	if err := im.arrivals.add(a, im.cfg.Room); err != nil {
		im.cfg.Catalog.Forget(id)
		return nil, fmt.Errorf("receive film: %w", err)
	}
	if err := errors.Join(im.ensureDir(), os.Mkdir(im.dir(id), 0o700)); err != nil {
		return nil, errors.Join(noRoom("make job folder", err), im.drop(a))
	}
	return a, nil
}

// finish hands a file that is here whole to the catalogue, and its video to the queue.
func (im *Importer) finish(ctx context.Context, a *arrival) (Accepted, error) {
	// Who sent the last byte may have gone; the file is here all the same.
	ctx = context.WithoutCancel(ctx)
	sum, err := a.note.sum()
	if err != nil {
		return Accepted{}, fmt.Errorf("hash film: %w", err)
	}
	existing, duplicate, err := im.cfg.Catalog.Accept(ctx, a.id, a.note.Offset, sum)
	if err != nil {
		return Accepted{}, fmt.Errorf("receive film: %w", err)
	}
	if duplicate {
		return Accepted{ID: existing, Duplicate: true}, nil
	}
	im.arrivals.remove(a)
	if a.resumable {
		if err := os.Remove(filepath.Join(im.dir(a.id), noteName)); err != nil {
			im.cfg.Log.Warn("remove the note of a whole upload", "video", a.id, "err", err)
		}
	}
	im.queue.push(im.newJob(a.id), soon)
	if im.arrivals.isGone(a) {
		return Accepted{}, errors.Join(ErrGone, im.Cancel(ctx, a.id))
	}
	return Accepted{ID: a.id}, nil
}

// noRoom turns the system's words for a full disk into chunk.ErrFull.
func noRoom(doing string, err error) error {
	if filesystem.IsFull(err) {
		return fmt.Errorf("%s: %w: %w", doing, chunk.ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
