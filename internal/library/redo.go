package library

import (
	"context"
	"errors"
	"slices"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// publication is what a node published: the chunks of the manifest, and of those that it followed.
type publication struct {
	manifest   []chunk.Info
	superseded [][]chunk.Info
}

// redo publishes a video again with what this node had added to it, or taken away, and another node did not know of when it
// published the video.
func (l *Library) redo(ctx context.Context, id manifest.VideoID) error {
	for {
		l.mu.RLock()
		lost := l.lost[id]
		l.mu.RUnlock()
		if len(lost) == 0 {
			return nil
		}
		done, err := l.redoOnce(ctx, id, lost[0])
		switch {
		case errors.Is(err, ErrNotFound):
			return nil // it was purged
		case errors.Is(err, manifest.ErrInvalid):
			l.log.Error("what was added on two nodes at the same time cannot be put together", "video", id, "err", err)
			done = true
		case err != nil:
			return err
		}
		if done {
			l.redone(id)
		}
	}
}

func (l *Library) redone(id manifest.VideoID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost[id] = l.lost[id][min(1, len(l.lost[id])):]; len(l.lost[id]) == 0 {
		delete(l.lost, id)
	}
}

// redoOnce is redo unless somebody publishes the video meanwhile, then done is false.
func (l *Library) redoOnce(ctx context.Context, id manifest.VideoID, lost publication) (done bool, err error) {
	at, err := l.published(id)
	if err != nil {
		return false, err
	}
	theirs, err := l.manifests.get(ctx, at)
	if err != nil {
		return false, err
	}
	ours, err := l.manifests.read(ctx, lost.manifest)
	if err != nil {
		return false, err
	}
	m, changed := reconcile(l.ancestor(ctx, id, lost), ours, theirs)
	if !changed {
		return true, nil
	}
	stored, err := l.storeManifest(ctx, m)
	if err != nil {
		return false, err
	}
	l.log.Info("what was added on two nodes at the same time is put together", "video", id)
	return l.putTogether(ctx, id, at, m, stored)
}

// published returns where the manifest of a ready video lies, whether or not it is in the trash.
func (l *Library) published(id manifest.VideoID) ([]chunk.Info, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return nil, err
	}
	return e.video.Manifest, nil
}

// putTogether is Replace for a video that may be in the trash: it may come out again.
func (l *Library) putTogether(ctx context.Context, id manifest.VideoID, was []chunk.Info, m *manifest.Manifest, at []chunk.Info) (done bool, err error) {
	l.writes.Lock()
	defer l.writes.Unlock()
	now, err := l.published(id)
	if err != nil || nameOf(now) != nameOf(was) {
		return false, err
	}
	return true, l.change(ctx, id, func(e *entry) error {
		e.publish(m, at)
		return nil
	})
}

// ancestor returns the newest manifest that both publications follow, nil when it is not known.
func (l *Library) ancestor(ctx context.Context, id manifest.VideoID, lost publication) *manifest.Manifest {
	l.mu.RLock()
	var known row
	if e := l.videos[id]; e != nil {
		known = row{Manifest: e.video.Manifest, Superseded: e.superseded}
	}
	l.mu.RUnlock()
	for _, at := range slices.Backward(lost.superseded) {
		if !known.supersedes(at) {
			continue
		}
		m, err := l.manifests.read(ctx, at)
		if err != nil {
			return nil
		}
		return m
	}
	return nil
}

func (l *Library) storeManifest(ctx context.Context, m *manifest.Manifest) (at []chunk.Info, err error) {
	text, err := m.Encode()
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(text, chunk.MaxSize) {
		stored, err := l.store.Put(ctx, part)
		if err != nil {
			return nil, err
		}
		at = append(at, stored.Info)
	}
	return at, nil
}

// reconcile does to theirs what made ours of base: it adds the renditions that ours brought, removes the texts that ours took
// away, and tells whether that changed anything. A nil base stands for one without anything.
func reconcile(base, ours, theirs *manifest.Manifest) (m *manifest.Manifest, changed bool) {
	if base == nil {
		base = new(manifest.Manifest)
	}
	m = theirs.Snapshot()
	before := len(m.Renditions)
	m.Renditions = slices.DeleteFunc(m.Renditions, func(r manifest.Rendition) bool {
		return r.Kind == manifest.Text && lacks(ours, r.ID) && !lacks(base, r.ID)
	})
	changed = len(m.Renditions) < before
	for _, r := range ours.Renditions {
		if lacks(base, r.ID) && lacks(m, r.ID) && len(m.Renditions) < manifest.MaxRenditions {
			r.Default = r.Default && !hasDefault(m, r.Kind)
			m.Renditions = append(m.Renditions, r)
			changed = true
		}
	}
	if m.Storyboard == nil && ours.Storyboard != nil && base.Storyboard == nil {
		m.Storyboard, changed = ours.Storyboard, true
	}
	return m, changed
}

func lacks(m *manifest.Manifest, rendition string) bool {
	_, found := m.Rendition(rendition)
	return !found
}

func hasDefault(m *manifest.Manifest, kind manifest.Kind) bool {
	return slices.ContainsFunc(m.Renditions, func(r manifest.Rendition) bool { return r.Kind == kind && r.Default })
}
