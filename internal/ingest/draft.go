package ingest

import (
	"slices"
	"sync"

	"shoal/internal/manifest"
)

// draft is a manifest in the making. One goroutine adds to it, others may take snapshots.
type draft struct {
	mu sync.Mutex
	m  manifest.Manifest // guarded by mu
}

func newDraft(p probed) *draft {
	return &draft{m: manifest.Manifest{Version: manifest.Version, Duration: p.Duration, Chapters: p.Chapters}}
}

// snapshot returns the manifest as it is now.
func (d *draft) snapshot() *manifest.Manifest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.m.Snapshot()
}

func (d *draft) addRendition(r manifest.Rendition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.m.Renditions = append(d.m.Renditions, r)
}

func (d *draft) addSegment(rendition string, s manifest.Segment) {
	d.change(rendition, func(r *manifest.Rendition) { r.Segments = append(r.Segments, s) })
}

func (d *draft) completeRendition(rendition string) {
	d.change(rendition, func(r *manifest.Rendition) { r.Complete = true })
}

func (d *draft) change(rendition string, by func(*manifest.Rendition)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.m.Renditions {
		if d.m.Renditions[i].ID == rendition {
			by(&d.m.Renditions[i])
		}
	}
}

// add takes in a step whose bytes are durable.
func (d *draft) add(r ready, blob manifest.Blob) {
	if r.header != nil {
		d.addRendition(r.rendition(blob))
		return
	}
	d.addSegment(r.track.ID, manifest.Segment{Blob: blob, Start: r.start, Duration: r.duration})
}

// amend changes the manifest in one step.
func (d *draft) amend(change func(*manifest.Manifest) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return change(&d.m)
}

func (d *draft) setPoster(b manifest.Blob) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.m.Poster = &b
}

// complete ends the making: the length is now what there really is.
func (d *draft) complete() *manifest.Manifest {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.m.Complete = true
	d.m.Renditions = slices.DeleteFunc(d.m.Renditions, func(r manifest.Rendition) bool { return len(r.Segments) == 0 })
	d.m.Duration = 0
	for i := range d.m.Renditions {
		if r := &d.m.Renditions[i]; r.Kind != manifest.Text { // the last words may stand beyond the end
			d.m.Duration = max(d.m.Duration, r.Length())
		}
	}
	d.m.Chapters = slices.DeleteFunc(slices.Clone(d.m.Chapters), func(c manifest.Chapter) bool { return c.Start >= d.m.Duration })
	return d.m.Snapshot()
}
