package ingest

import (
	"slices"
	"sync"
	"time"

	"shoal/internal/manifest"
)

// draft is a manifest in the making. One goroutine adds to it, others may take snapshots.
type draft struct {
	mu sync.Mutex
	m  manifest.Manifest // guarded by mu
}

func newDraft(length time.Duration) *draft {
	return &draft{m: manifest.Manifest{Version: manifest.Version, Duration: length}}
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
		d.m.Duration = max(d.m.Duration, d.m.Renditions[i].Length())
	}
	return d.m.Snapshot()
}
