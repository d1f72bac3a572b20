package library

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Receive makes an entry for a file that begins to arrive. Name is the file's name; title may be empty, then
// one is made from the name. Nothing is durable before Accept. Errors: ErrTitle.
func (l *Library) Receive(name, title string) (manifest.VideoID, error) {
	id := l.newID()
	if err := l.Resume(id, name, title, l.now()); err != nil {
		return "", err
	}
	return id, nil
}

// Resume is Receive for a video whose file was arriving before a restart. It fails when there is a video of
// that id.
func (l *Library) Resume(id manifest.VideoID, name, title string, created time.Time) error {
	name = cleanName(name)
	if title == "" {
		title = titleFromName(name)
	}
	title, err := checkTitle(title)
	if err != nil {
		return err
	}
	e := &entry{video: Video{
		ID: id, State: Receiving, Stage: StageReceive, Created: created.UTC(), SourceName: name,
	}}
	e.setTitle(title)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.videos[id] != nil {
		return fmt.Errorf("receive %q: id %s is taken", name, id)
	}
	l.videos[id] = e
	return nil
}

// Forget drops a video whose file did not arrive whole. Any other video is left alone.
func (l *Library) Forget(id manifest.VideoID) {
	l.writes.Lock()
	defer l.writes.Unlock()
	l.forget(id)
}

// forget is Forget with writes held; it tells whether there was such a video.
func (l *Library) forget(id manifest.VideoID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.videos[id]
	if e == nil || e.video.State != Receiving {
		return false
	}
	delete(l.videos, id)
	return true
}

// Accept says that the file of id has arrived: from now on the video survives a crash, in state processing.
// When a video of the same bytes is processing or ready already, id is forgotten and that one is returned;
// of several at once exactly one is accepted. Errors: ErrNotFound when the video was deleted meanwhile.
func (l *Library) Accept(ctx context.Context, id manifest.VideoID, size int64, sha256 chunk.Ref) (existing manifest.VideoID, duplicate bool, err error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	if existing, duplicate = l.sameFile(ctx, id, sha256); duplicate {
		l.forget(id)
		return existing, true, nil
	}
	err = l.change(ctx, id, func(e *entry) error {
		if e.video.State != Receiving {
			return fmt.Errorf("accept in state %s: %w", e.video.State, ErrState)
		}
		e.video.State, e.video.Stage = Processing, StageCheck
		e.video.Size, e.video.SourceSHA256 = size, sha256
		return nil
	})
	if err != nil {
		return "", false, l.withdraw(ctx, id, err)
	}
	return "", false, nil
}

// withdraw takes back a row that may have been stored although storing it failed: its uploader was told no.
func (l *Library) withdraw(ctx context.Context, id manifest.VideoID, cause error) error {
	l.mu.RLock()
	e := l.videos[id]
	arriving := e != nil && e.video.State == Receiving
	l.mu.RUnlock()
	if !arriving {
		return cause
	}
	if err := l.records.Delete(context.WithoutCancel(ctx), bucket, string(id)); err != nil {
		return errors.Join(cause, fmt.Errorf("withdraw video %s: %w", id, err))
	}
	return cause
}

// sameFile finds another video of the same bytes that is processing, or ready and whole, the oldest if there
// are several. One that lost chunks is passed over: what is added now puts them back.
func (l *Library) sameFile(ctx context.Context, id manifest.VideoID, sha256 chunk.Ref) (manifest.VideoID, bool) {
	for _, v := range l.ofFile(id, sha256) {
		if v.State == Processing || l.manifests.whole(ctx, v.Manifest) {
			return v.ID, true
		}
	}
	return "", false
}

// ofFile lists the other videos of the same bytes that are processing or ready, the oldest first.
func (l *Library) ofFile(id manifest.VideoID, sha256 chunk.Ref) []Video {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var found []*entry
	for other, e := range l.videos {
		live := e.video.State == Processing || e.video.State == Ready
		if other != id && live && e.video.SourceSHA256 == sha256 {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, byAge)
	videos := make([]Video, len(found))
	for i, e := range found {
		videos[i] = e.video
	}
	return videos
}

// Unfinished lists the videos in state processing, oldest first.
func (l *Library) Unfinished() []manifest.VideoID {
	l.mu.RLock()
	var found []*entry
	for _, e := range l.videos {
		if e.video.State == Processing {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, byAge)
	l.mu.RUnlock()
	ids := make([]manifest.VideoID, len(found))
	for i, e := range found {
		ids[i] = e.video.ID
	}
	return ids
}

func byAge(a, b *entry) int {
	return cmp.Or(a.video.Created.Compare(b.video.Created), cmp.Compare(a.video.ID, b.video.ID))
}

// Progress says in which stage a video is and which part of the whole work is done, 0 to 1. A fraction
// below the last one is taken for that. It is kept in memory only, and ignored unless the video is
// receiving or processing.
func (l *Library) Progress(id manifest.VideoID, stage string, fraction float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.videos[id]
	if e == nil || e.video.State != Receiving && e.video.State != Processing {
		return
	}
	e.video.Stage = stage
	if fraction > e.video.Progress { // false for NaN too
		e.video.Progress = min(fraction, 1)
	}
}

// Describe says how long a video is, before its manifest does. It is kept in memory only.
func (l *Library) Describe(id manifest.VideoID, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.videos[id]; e != nil && e.video.State == Processing {
		e.video.Duration = length
	}
}

// Draft hands over what is made of a video so far; m is not changed any more. It is kept in memory only, and
// ignored unless the video is processing.
func (l *Library) Draft(id manifest.VideoID, m *manifest.Manifest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.videos[id]; e != nil && e.video.State == Processing {
		e.draft = m
		e.show(m)
		e.video.Playable = e.video.Playable || m.Playable()
	}
}

// show puts into the listing what m says.
func (e *entry) show(m *manifest.Manifest) {
	if m.Duration > 0 {
		e.video.Duration = m.Duration
	}
	e.video.Poster = m.Poster
	e.video.Renditions = renditionInfos(m)
	e.video.Storyboard, e.video.Chapters = m.Storyboard != nil, m.Chapters
}

// Publish makes a video ready, durably; at lists the chunks that hold the canonical bytes of m, which must be
// durable already. A ready video may be published again, with more renditions.
// Errors: ErrNotFound, ErrState for a video that failed or lies in the trash.
func (l *Library) Publish(ctx context.Context, id manifest.VideoID, m *manifest.Manifest, at []chunk.Info) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	at = slices.Clone(at)
	err := l.change(ctx, id, func(e *entry) error {
		if e.video.State != Processing && e.video.State != Ready {
			return fmt.Errorf("publish in state %s: %w", e.video.State, ErrState)
		}
		if before := e.video.Manifest; len(before) > 0 && nameOf(before) != nameOf(at) {
			all := slices.Concat(e.superseded, before)
			e.superseded = all[max(0, len(all)-maxSuperseded):]
		}
		e.video.State, e.video.Stage, e.video.Progress = Ready, StageDone, 1
		e.video.Playable, e.video.Manifest = true, at
		e.draft = nil
		e.show(m)
		return nil
	})
	if err == nil {
		l.manifests.put(at, m)
	}
	return err
}

// Retry takes a failed video up again, durably: it is processing then, as after Accept.
// Errors: ErrNotFound, ErrState unless the video failed, ErrDuplicate when another video of the same bytes is there.
func (l *Library) Retry(ctx context.Context, id manifest.VideoID) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	v, err := l.Get(id)
	if err != nil {
		return err
	}
	if other, found := l.sameFile(ctx, id, v.SourceSHA256); found {
		return fmt.Errorf("retry video %s: video %s: %w", id, other, ErrDuplicate)
	}
	return l.change(ctx, id, func(e *entry) error {
		if e.video.State != Failed {
			return fmt.Errorf("retry in state %s: %w", e.video.State, ErrState)
		}
		e.video.State, e.video.Stage, e.video.Progress, e.video.Problem = Processing, StageCheck, 0, nil
		return nil
	})
}

// Fail ends a video with a code and words for its owner, durably. A draft of it plays no longer.
// Errors: ErrNotFound, ErrState unless the video is processing.
func (l *Library) Fail(ctx context.Context, id manifest.VideoID, code, message string) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	return l.change(ctx, id, func(e *entry) error {
		if e.video.State != Processing {
			return fmt.Errorf("fail in state %s: %w", e.video.State, ErrState)
		}
		e.fail(code, message)
		return nil
	})
}

func (e *entry) fail(code, message string) {
	e.video.State = Failed
	e.video.Problem = &Problem{Code: code, Message: message}
	e.video.Playable, e.video.Poster, e.video.Renditions = false, nil, nil
	e.video.Storyboard, e.video.Chapters = false, nil
	e.draft = nil
}
