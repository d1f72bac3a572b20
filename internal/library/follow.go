package library

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"shoal/internal/manifest"
)

// followAgain is how long what could not be done waits.
const followAgain = time.Minute

// task is something that has to follow from records that came from elsewhere. Several may be due for one video.
type task uint8

const (
	// taskStop ends the import of a video that was purged, taskCancel that of one in the trash, which has failed then.
	taskStop task = 1 << iota
	taskCancel
	// taskOrphan ends a video that this node is said to prepare and knows nothing of.
	taskOrphan
	// taskAssert writes again that a video is ready.
	taskAssert
	// taskRedo publishes again what another publication overwrote.
	taskRedo
	// taskSweep deletes records of a purged video.
	taskSweep
	// taskSkip notes that this node has nothing of a purged video.
	taskSkip
)

// follow notes a task; mu must be held.
func (l *Library) follow(id manifest.VideoID, t task) {
	l.tasks[id] |= t
	l.signal()
}

// signal tells Run that there is something to do.
func (l *Library) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run does what follows from records that came from elsewhere, and asks about the videos of other nodes that somebody looks
// at, until ctx ends; then it returns nil. A node that shares its records runs it once.
func (l *Library) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for range askers {
		all.Go(func() { l.askLooked(ctx) })
	}
	all.Go(func() { l.followAll(ctx) })
	all.Wait()
	return nil
}

func (l *Library) followAll(ctx context.Context) {
	again := time.NewTimer(followAgain)
	defer again.Stop()
	for {
		if !l.followOnce(ctx) {
			again.Reset(followAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-again.C:
		}
	}
}

// followOnce does what is due; false when some of it could not be done.
func (l *Library) followOnce(ctx context.Context) bool {
	due := l.takeTasks()
	done := l.skip(ctx, due)
	for _, id := range slices.Sorted(maps.Keys(due)) {
		for t := taskStop; t < taskSkip && ctx.Err() == nil; t <<= 1 {
			if due[id]&t == 0 {
				continue
			}
			if err := l.perform(ctx, id, t); err != nil && ctx.Err() == nil {
				l.log.Warn("what follows from another node's change could not be done yet", "video", id, "err", err)
				l.putBack(id, t)
				done = false
			}
		}
	}
	for _, id := range l.Unfinished() {
		if err := l.fold(ctx, id); err != nil && ctx.Err() == nil {
			l.log.Warn("video could not be folded into the same one yet", "video", id, "err", err)
			done = false
		}
	}
	return done
}

func (l *Library) takeTasks() map[manifest.VideoID]task {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := l.tasks
	l.tasks = make(map[manifest.VideoID]task)
	return due
}

func (l *Library) putBack(id manifest.VideoID, t task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks[id] |= t
}

func (l *Library) perform(ctx context.Context, id manifest.VideoID, t task) error {
	switch t {
	case taskStop:
		return l.stop(ctx, id, "")
	case taskCancel:
		if v, err := l.Get(id); err != nil || v.State != Trashed {
			return nil // somebody took it out again
		}
		return l.end(ctx, id, l.cancelled)
	case taskOrphan:
		return l.end(ctx, id, l.interrupted)
	case taskAssert:
		return l.assert(ctx, id)
	case taskRedo:
		return l.redo(ctx, id)
	case taskSweep:
		return l.deleteRows(ctx, id, titlePart|trashPart)
	}
	return nil
}

// stop ends this node's import of a video.
func (l *Library) stop(ctx context.Context, id, same manifest.VideoID) error {
	if l.opts.Gone == nil {
		return nil
	}
	if err := l.opts.Gone(ctx, id, same); err != nil {
		return fmt.Errorf("stop import of video %s: %w", id, err)
	}
	return nil
}

// end stops an import and notes by fail that it has failed.
func (l *Library) end(ctx context.Context, id manifest.VideoID, fail func(context.Context, manifest.VideoID) error) error {
	if err := l.stop(ctx, id, ""); err != nil {
		return err
	}
	l.writes.Lock()
	defer l.writes.Unlock()
	return fail(ctx, id)
}

// interrupted notes that this node lost what it had of a video's file.
func (l *Library) interrupted(ctx context.Context, id manifest.VideoID) error {
	return l.failOwn(ctx, id, "interrupted", "Preparing was interrupted and the file is gone. Add it again.")
}

// failOwn ends a video that this node prepares, whether or not it is in the trash; others stay as they are. Writes must be held.
func (l *Library) failOwn(ctx context.Context, id manifest.VideoID, code, message string) error {
	l.mu.RLock()
	e := l.videos[id]
	ends := e != nil && l.own(e) && e.made == Processing
	l.mu.RUnlock()
	if !ends {
		return nil
	}
	return l.change(ctx, id, func(e *entry) error {
		e.fail(code, message)
		return nil
	})
}

// assert writes what this node knows of a ready video again.
func (l *Library) assert(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	err := l.change(ctx, id, func(*entry) error { return nil })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// skip notes of which purged videos this node never had anything.
func (l *Library) skip(ctx context.Context, due map[manifest.VideoID]task) bool {
	values := make(map[string][]byte)
	for id, t := range due {
		if t&taskSkip != 0 {
			values[string(id)] = clearedValue
		}
	}
	if len(values) == 0 {
		return true
	}
	err := saveAll(ctx, l.opts.Local, clearedBucket, values)
	if err == nil || ctx.Err() != nil {
		return true
	}
	l.log.Warn("videos that were purged before cannot be noted yet", "videos", len(values), "err", err)
	for id := range values {
		l.putBack(manifest.VideoID(id), taskSkip)
	}
	return false
}

// fold folds a video that this node prepares into a ready one of the same bytes: two nodes were given them at the same time.
func (l *Library) fold(ctx context.Context, id manifest.VideoID) error {
	v, err := l.Get(id)
	if err != nil || l.opts.Gone == nil {
		return nil
	}
	same, found := l.readySame(ctx, v)
	if !found {
		return nil
	}
	if err := l.stop(ctx, id, same); err != nil {
		return err
	}
	l.log.Info("video is folded into the one that another node made of the same file", "video", id, "same", same)
	l.writes.Lock()
	defer l.writes.Unlock()
	if v, err = l.Get(id); err != nil || v.State != Processing {
		return nil // it became ready, and stays
	}
	if err := l.passTitle(ctx, id, same); err != nil {
		return err
	}
	return l.purge(ctx, id, same)
}

// readySame finds a ready and whole video of the same bytes that another node made.
func (l *Library) readySame(ctx context.Context, v Video) (manifest.VideoID, bool) {
	for _, other := range l.ofFile(v.ID, v.SourceSHA256) {
		if other.State == Ready && other.Node != l.opts.Self && l.manifests.whole(ctx, other.Manifest) {
			return other.ID, true
		}
	}
	return "", false
}

// passTitle gives a title that somebody chose to the same video, unless that one has been given another; writes must be held.
func (l *Library) passTitle(ctx context.Context, from, to manifest.VideoID) error {
	l.mu.RLock()
	title := l.edits[from].title
	l.mu.RUnlock()
	if title == "" {
		return nil
	}
	return l.amend(ctx, to, titlePart, func(_ *entry, ed *edit) (bool, error) {
		if ed.title != "" {
			return false, nil
		}
		ed.title = title
		return true, nil
	})
}
