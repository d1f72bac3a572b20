package library

import (
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
	id := l.opts.NewID()
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
	e := &entry{made: Receiving, title: title, video: Video{
		ID: id, Stage: StageReceive, Created: created.UTC(), SourceName: name, Node: l.opts.Self,
	}}
	e.refresh(edit{})
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, gone := l.gone[id]; gone || l.videos[id] != nil {
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
// When a video of the same bytes is processing or ready already, on whichever node, id is forgotten and that one is returned;
// of several at once on one node exactly one is accepted. Two nodes that accept the same bytes before they hear of each
// other both go on, so that neither file is lost; when one video is ready, the other is folded into it, unless it became
// ready too. Errors: ErrNotFound when the video was deleted meanwhile.
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
		e.made, e.video.Stage = Processing, StageCheck
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
	if err := l.records.Delete(context.WithoutCancel(ctx), videosBucket, string(id)); err != nil {
		return errors.Join(cause, fmt.Errorf("withdraw video %s: %w", id, err))
	}
	return cause
}

// sameFile finds another video of the same bytes that is processing, or ready and whole, the oldest if there
// are several. One that lost chunks is passed over: what is added now puts them back. So is one that is processed by a
// node that cannot be reached: it may never become ready.
func (l *Library) sameFile(ctx context.Context, id manifest.VideoID, sha256 chunk.Ref) (manifest.VideoID, bool) {
	for _, v := range l.ofFile(id, sha256) {
		switch {
		case v.State == Processing && (v.Node == l.opts.Self || l.opts.Alive(v.Node)),
			v.State == Ready && l.manifests.whole(ctx, v.Manifest):
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

// Unfinished lists the videos in state processing that this node prepares, oldest first.
func (l *Library) Unfinished() []manifest.VideoID {
	l.mu.RLock()
	var found []*entry
	for _, e := range l.videos {
		if e.video.State == Processing && l.own(e) {
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

// Progress says in which stage a video is and which part of the whole work is done, 0 to 1. A fraction
// below the last one is taken for that. It is kept in memory only, and ignored unless the video is
// receiving or processing on this node.
func (l *Library) Progress(id manifest.VideoID, stage string, fraction float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.videos[id]
	if e == nil || !l.running(e) {
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
	if e := l.videos[id]; e != nil && e.made == Processing && l.own(e) {
		e.video.Duration = length
	}
}

// Draft hands over what is made of a video so far; m is not changed any more. It is kept in memory only, and
// ignored unless the video is processing on this node.
func (l *Library) Draft(id manifest.VideoID, m *manifest.Manifest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.videos[id]; e != nil && e.video.State == Processing && l.own(e) {
		l.drafts++
		e.draft, e.drafted = m, l.drafts
		e.plays = e.plays || m.Playable()
		e.show(m)
		e.refresh(l.edits[id])
	}
}

// Publish makes a video ready, durably; at lists the chunks that hold the canonical bytes of m, which must be
// durable already. A ready video may be published again, on any node; see Replace for when others may do so too.
// Errors: ErrNotFound, ErrElsewhere, ErrState for a video that failed or lies in the trash.
func (l *Library) Publish(ctx context.Context, id manifest.VideoID, m *manifest.Manifest, at []chunk.Info) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	return l.publish(ctx, id, m, at)
}

// Replace publishes a ready video again if its manifest still lies in the chunks was, as Stored told; done is false when
// somebody else has published it meanwhile. Errors: those of Publish.
func (l *Library) Replace(ctx context.Context, id manifest.VideoID, was []chunk.Info, m *manifest.Manifest, at []chunk.Info) (done bool, err error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	v, err := l.Get(id)
	if err != nil {
		return false, err
	}
	if v.State == Ready && nameOf(v.Manifest) != nameOf(was) {
		return false, nil
	}
	return true, l.publish(ctx, id, m, at)
}

// publish is Publish with writes held.
func (l *Library) publish(ctx context.Context, id manifest.VideoID, m *manifest.Manifest, at []chunk.Info) error {
	at = slices.Clone(at)
	err := l.change(ctx, id, func(e *entry) error {
		if e.video.State != Processing && e.video.State != Ready {
			return fmt.Errorf("publish in state %s: %w", e.video.State, ErrState)
		}
		if e.made == Processing && !l.own(e) {
			return l.mine(e)
		}
		e.publish(m, at)
		return nil
	})
	if err == nil {
		l.manifests.put(at, m)
	}
	return err
}

// Retry takes a failed video up again, durably: it is processing then, as after Accept. Errors: ErrNotFound, ErrElsewhere,
// ErrState unless the video failed, ErrDuplicate when another video of the same bytes is there.
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
		if err := l.mine(e); err != nil {
			return err
		}
		if e.video.State != Failed {
			return fmt.Errorf("retry in state %s: %w", e.video.State, ErrState)
		}
		e.made, e.video.Stage, e.video.Progress, e.video.Problem = Processing, StageCheck, 0, nil
		return nil
	})
}

// Fail ends a video with a code and words for its owner, durably. A draft of it plays no longer.
// Errors: ErrNotFound, ErrElsewhere, ErrState unless the video is processing.
func (l *Library) Fail(ctx context.Context, id manifest.VideoID, code, message string) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	return l.change(ctx, id, func(e *entry) error {
		if err := l.mine(e); err != nil {
			return err
		}
		if e.video.State != Processing {
			return fmt.Errorf("fail in state %s: %w", e.video.State, ErrState)
		}
		e.fail(code, message)
		return nil
	})
}
