package library

import (
	"errors"
	"strings"
	"time"

	"shoal/internal/manifest"
)

// skewed is by how much the clock of another node may be wrong without harm.
const skewed = 24 * time.Hour

// Changed takes in a record that came from another node, or that somebody deleted there. It is durable by then. What a record
// of that bucket does not concern is passed over. Changed neither waits nor writes, so that it may be called by who holds the
// records; what has to follow is done by Run. It must be called with one record after the other, in their order for each key.
func (l *Library) Changed(bucket, key string, value []byte, deleted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard++
	l.take(bucket, key, value, deleted)
}

// take takes a record into memory; mu must be held. One that cannot be read costs one video only.
func (l *Library) take(bucket, key string, value []byte, deleted bool) {
	if bucket != videosBucket && bucket != editsBucket && bucket != purgedBucket {
		return
	}
	name := bucket + "/" + key
	delete(l.unreadable, name)
	id, part, _ := strings.Cut(key, "/")
	video, err := manifest.ParseVideoID(id)
	switch {
	case err != nil:
	case part != "" && bucket != editsBucket:
		err = errForeign
	case bucket == videosBucket:
		err = l.takeVideo(key, video, value, deleted)
	case bucket == editsBucket:
		err = l.takeEdit(video, part, value, deleted)
	case bucket == purgedBucket:
		err = l.takePurged(video, value, deleted)
	}
	if err != nil && !deleted {
		l.unreadable[name] = true
		l.log.Error("record cannot be read and is left out", "bucket", bucket, "video", key, "err", err)
	}
}

func (l *Library) takeVideo(key string, id manifest.VideoID, value []byte, deleted bool) error {
	e := l.videos[id]
	if _, gone := l.gone[id]; gone {
		if !deleted { // by somebody who had not heard
			l.follow(id, taskSweep)
		}
		return nil
	}
	if deleted {
		if e != nil && !l.running(e) {
			l.drop(e)
		}
		return nil
	}
	r, err := decodeRow(key, value)
	if err != nil {
		if e != nil {
			e.newer = true
		}
		return err
	}
	if e == nil || l.yields(e, r) {
		l.install(r)
	}
	return nil
}

// yields tells whether a record takes the place of what is known of the video, and notes what is to be done when something
// would be lost by that. Mu must be held.
func (l *Library) yields(e *entry, r *row) bool {
	switch {
	case l.running(e):
		return false
	case e.made == Ready && r.State != Ready:
		// Somebody wrote that who had lost what it knew, such as a node whose records were restored: once ready is ready.
		l.follow(e.video.ID, taskAssert)
		return false
	case e.made == Ready && e.by == l.opts.Self && !r.supersedes(e.video.Manifest):
		l.lost[e.video.ID] = append(l.lost[e.video.ID], publication{e.video.Manifest, e.superseded})
		l.follow(e.video.ID, taskRedo)
	}
	return true
}

// install makes an entry of a record; mu must be held.
func (l *Library) install(r *row) {
	id := r.ID
	e, before := r.entry(), l.videos[id]
	if e.made == Processing && before != nil && before.made == Processing {
		e.inherit(before)
	}
	switch {
	case e.made == Ready:
		l.signal() // another one may be folded into it
	case e.made == Processing && !l.own(e) && e.asks == nil:
		e.asks, e.seen = new(asks), l.now()
		if !l.opened { // it was heard of before, by a clock that may be wrong
			e.seen = e.video.Created.Add(-skewed)
		}
	case e.made == Processing && l.own(e) && l.opened:
		l.follow(id, taskOrphan)
	}
	e.refresh(l.edits[id])
	l.videos[id] = e
	delete(l.purged, id)
}

// drop takes a video out of the catalogue that somebody deleted for good; mu must be held.
func (l *Library) drop(e *entry) {
	id := e.video.ID
	l.purged[id] = purged{manifest: e.video.Manifest, superseded: e.superseded, draft: e.draft}
	delete(l.videos, id)
	delete(l.lost, id)
	delete(l.unreadable, videosBucket+"/"+string(id))
}

// OldestImport returns when this node first heard of the oldest of the imports that other nodes have not ended; found is
// false when there are none. What such an import relies on was put since, as far as it was put on this node.
func (l *Library) OldestImport() (since time.Time, found bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, e := range l.videos {
		if e.made != Processing || l.own(e) {
			continue
		}
		if !found || e.seen.Before(since) {
			since, found = e.seen, true
		}
	}
	return since, found
}

// errForeign says that a record is of no kind that this program knows.
var errForeign = errors.New("unknown kind of record")
