package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/filesystem"
	"shoal/internal/manifest"
)

// ErrNoSource says that the added file of a failed video is not kept, or not any more.
var ErrNoSource = errors.New("the added file is not kept")

// failedName marks the folder of a job that failed; its time is when that was.
const failedName = "failed"

// keptSources are the added files of failed videos that may be tried again. Whoever takes one out of the books has
// it alone.
type keptSources struct {
	mu    sync.Mutex
	since map[manifest.VideoID]time.Time // guarded by mu
}

func newKeptSources() *keptSources { return &keptSources{since: make(map[manifest.VideoID]time.Time)} }

func (k *keptSources) put(id manifest.VideoID, since time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.since[id] = since
}

func (k *keptSources) get(id manifest.VideoID) (since time.Time, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	since, found = k.since[id]
	return since, found
}

func (k *keptSources) take(id manifest.VideoID) (since time.Time, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	since, found = k.since[id]
	delete(k.since, id)
	return since, found
}

// byAge lists the files, the oldest first.
func (k *keptSources) byAge() []manifest.VideoID {
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := make([]manifest.VideoID, 0, len(k.since))
	for id := range k.since {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b manifest.VideoID) int { return k.since[a].Compare(k.since[b]) })
	return ids
}

// RetryUntil returns until when a failed video can be tried again; found is false when it cannot. The file may have to
// go earlier, when the disk is full.
func (im *Importer) RetryUntil(id manifest.VideoID) (until time.Time, found bool) {
	since, found := im.kept.get(id)
	return since.Add(im.cfg.KeepFailed), found
}

// Retry prepares a failed video again, from the file that is still here. Errors: ErrNoSource, ErrBusy, ErrNoFFmpeg, and
// those of the catalogue.
func (im *Importer) Retry(ctx context.Context, id manifest.VideoID) error {
	if err := im.cfg.Catalog.Here(id); err != nil {
		return err
	}
	if _, err := im.ffmpeg(); err != nil {
		return err
	}
	if !im.queue.reserve() {
		return ErrBusy
	}
	defer im.queue.unreserve()
	since, found := im.kept.take(id)
	if !found || im.sourceGone(id) {
		return fmt.Errorf("try video %s again: %w", id, ErrNoSource)
	}
	if err := im.cfg.Catalog.Retry(ctx, id); err != nil {
		im.kept.put(id, since)
		return err
	}
	// Should this fail, the next start knows that the video is in work.
	_ = os.Remove(filepath.Join(im.dir(id), failedName))
	im.queue.push(im.newJob(id), soon)
	return nil
}

// mayHelp tells whether the same file may do better another time. What is wrong with the file itself stays wrong.
func mayHelp(code string) bool {
	switch code {
	case "failed", "killed", "stuck", "too_slow", "no_ffmpeg", "unreadable", "stopped":
		return true
	}
	return false
}

// errSourceGone says that the added file of a video in work is not there any more.
var errSourceGone = errors.New("the added file is gone")

func (im *Importer) sourceGone(id manifest.VideoID) bool {
	_, err := os.Lstat(filepath.Join(im.dir(id), sourceName))
	return errors.Is(err, os.ErrNotExist)
}

// keepSource cleans up behind a failed job but leaves what a retry needs: the added file and texts that wait. It
// tells whether it did: not where the disk would be full with it.
func (im *Importer) keepSource(j *job) (bool, error) {
	info, err := os.Lstat(filepath.Join(im.dir(j.id), sourceName))
	if err != nil || im.cfg.Room() <= info.Size() {
		return false, nil
	}
	entries, err := os.ReadDir(im.dir(j.id))
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() == sourceName || strings.HasPrefix(e.Name(), waitingPrefix) && strings.HasSuffix(e.Name(), waitingSuffix) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(im.dir(j.id), e.Name())); err != nil {
			return false, err
		}
	}
	if err := writeSynced(filepath.Join(im.dir(j.id), failedName), nil); err != nil {
		return false, err
	}
	return true, filesystem.SyncDir(im.dir(j.id))
}

// dropKept removes the file of a failed video, if there is one.
func (im *Importer) dropKept(id manifest.VideoID) error {
	if _, found := im.kept.take(id); !found {
		return nil
	}
	if err := os.RemoveAll(im.dir(id)); err != nil {
		return fmt.Errorf("remove the file of failed video %s: %w", id, err)
	}
	return nil
}

// sweepKept removes the files of failed videos that are old, and as many others as the disk needs.
func (im *Importer) sweepKept() {
	oldest := im.cfg.Now().Add(-im.cfg.KeepFailed)
	for _, id := range im.kept.byAge() {
		since, found := im.kept.get(id)
		if !found || since.After(oldest) && im.cfg.Room() > 0 {
			continue
		}
		im.cfg.Log.Info("the file of a failed video is thrown away", "video", id, "failed", since)
		if err := im.dropKept(id); err != nil {
			im.cfg.Log.Error("throw away the file of a failed video", "video", id, "err", err)
		}
	}
}

// recoverKept takes the file of a failed video into the books; it tells whether there is one in the folder of that name.
func (im *Importer) recoverKept(id manifest.VideoID) bool {
	info, err := os.Lstat(filepath.Join(im.dir(id), failedName))
	if err != nil {
		return false
	}
	im.kept.put(id, info.ModTime())
	return true
}

// errStopped ends a job that its owner does not want now, and may want later.
var errStopped = errors.New("stopped")

// Stop ends the work on a video and returns when nothing of it runs any more: one that is being prepared has failed
// then and can be tried again, one that is ready stays as it is. What is not in work is left alone. It returns the
// catalogue's error when another node prepares the video.
func (im *Importer) Stop(ctx context.Context, id manifest.VideoID) error {
	if err := im.cfg.Catalog.Here(id); err != nil {
		return err
	}
	waiting, done := im.queue.cancel(id, errStopped)
	if waiting != nil {
		defer im.queue.finish(waiting)
		if waiting.spare {
			return im.discard(ctx, waiting)
		}
		im.end(ctx, waiting, errStopped)
		return nil
	}
	return await(ctx, done)
}

// await waits for done, which may be nil for what has ended.
func await(ctx context.Context, done <-chan struct{}) error {
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keepsNothing tells whether a job that ended so leaves no file to try again with.
func keepsNothing(err error, code string) bool {
	return errors.Is(err, errCancelled) || errors.Is(err, chunk.ErrFull) || !mayHelp(code)
}
