// Package library is the catalogue of videos: it knows each one's title, its state from the first byte to
// the trash, and where its manifest is. Every change that matters is durable before it shows.
//
// How a video is prepared, where records and chunks lie, and who may change what is left to others.
package library

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// bucket holds one row for each video, under its id; purgedBucket one for each that was purged and whose
// chunks may still lie in the store.
const (
	bucket       = "videos"
	purgedBucket = "purged"
)

// maxSuperseded is how many chunks of older manifests a video remembers; the survey of the store finds the others.
const maxSuperseded = 64

// Records keeps small values durably. Its methods may be called from many goroutines at once.
type Records interface {
	// Save keeps value under key; it is durable when the error is nil.
	Save(ctx context.Context, bucket, key string, value []byte) error
	// Delete forgets key; to delete what is not there is no error.
	Delete(ctx context.Context, bucket, key string) error
	// Each calls f with every pair until f answers an error; value is valid during the call only.
	Each(ctx context.Context, bucket string, f func(key string, value []byte) error) error
}

// Options are a Library's settings; the zero value works.
type Options struct {
	// Log is told of rows that cannot be read; nil for nowhere.
	Log *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// NewID makes ids, from crypto/rand when nil.
	NewID func() manifest.VideoID
	// CacheBytes bounds the manifests kept in memory, counted in their stored form; 0 for 16 MiB.
	CacheBytes int64
}

// Library is the catalogue. Its methods may be called from many goroutines at once; what they return is
// the caller's own.
type Library struct {
	records Records
	log     *slog.Logger
	now     func() time.Time
	newID   func() manifest.VideoID

	manifests *manifestCache

	// writes is held over every change of state and every removal, so that rows reach the records in the
	// order they show. It is taken before mu, and mu is never held over I/O.
	writes sync.Mutex

	mu         sync.RWMutex
	videos     map[manifest.VideoID]*entry // guarded by mu
	purged     map[manifest.VideoID]purged // guarded by mu
	unreadable int                         // guarded by mu
}

// entry is what the library knows of a video. Slices and pointers in it are replaced, never written to.
type entry struct {
	video Video
	// was is the state to which a trashed video returns, trashed when it was put into the trash.
	was     State
	trashed time.Time
	// superseded lists the chunks of manifests that were published before, and go with the video at the latest.
	superseded []chunk.Info
	// draft is the newest manifest while the video is processed.
	draft *manifest.Manifest
	// folded is the title as it is sorted, words what a search looks through; both lower case.
	folded, words string
}

// Open loads the catalogue. A row that cannot be read is logged, counted in Totals and left where it is.
func Open(ctx context.Context, records Records, store chunk.Store, opts Options) (*Library, error) {
	opts = opts.withDefaults()
	l := &Library{
		records:   records,
		log:       opts.Log,
		now:       opts.Now,
		newID:     opts.NewID,
		manifests: newManifestCache(store, opts.CacheBytes),
		videos:    make(map[manifest.VideoID]*entry),
		purged:    make(map[manifest.VideoID]purged),
	}
	if err := records.Each(ctx, bucket, l.load); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	if err := records.Each(ctx, purgedBucket, l.loadPurged); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	return l, nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() manifest.VideoID { return manifest.NewVideoID(rand.Reader) }
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 16 << 20
	}
	return o
}

// load takes in one row; it answers no error, so that one bad row costs one video only.
func (l *Library) load(key string, value []byte) error {
	e, err := decodeRow(key, value)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unreadable++
		l.log.Error("video record cannot be read and is left out", "video", key, "err", err)
		return nil
	}
	if e.video.State == Trashed && e.trashed.IsZero() {
		e.trashed = l.now()
	}
	l.videos[e.video.ID] = e
	return nil
}

// Get returns a video, or ErrNotFound.
func (l *Library) Get(id manifest.VideoID) (Video, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return Video{}, err
	}
	return e.video.clone(), nil
}

// Totals sums up the library.
type Totals struct {
	// Videos counts those that are not in the trash, Bytes the sizes of their added files.
	Videos int
	Bytes  int64
	// States counts the videos of each state.
	States map[State]int
	// Unreadable counts the rows that Open could not read.
	Unreadable int
}

// Totals sums up the library as it is now.
func (l *Library) Totals() Totals {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := Totals{States: make(map[State]int), Unreadable: l.unreadable}
	for _, e := range l.videos {
		t.States[e.video.State]++
		if e.video.State != Trashed {
			t.Videos++
			t.Bytes += e.video.Size
		}
	}
	return t
}

// find returns the entry of id; mu must be held.
func (l *Library) find(id manifest.VideoID) (*entry, error) {
	if e := l.videos[id]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("video %q: %w", id, ErrNotFound)
}

// change makes a durable change to a video; writes must be held, so that no state changes and no entry goes
// meanwhile. It runs edit on a copy, stores that, and runs edit again on the entry itself: progress and
// drafts may have come in since the copy was taken.
func (l *Library) change(ctx context.Context, id manifest.VideoID, edit func(*entry) error) error {
	l.mu.RLock()
	e, err := l.find(id)
	if err != nil {
		l.mu.RUnlock()
		return err
	}
	next := *e
	l.mu.RUnlock()
	if err := edit(&next); err != nil {
		return fmt.Errorf("video %s: %w", id, err)
	}
	if err := l.save(ctx, &next); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return edit(e)
}

func (l *Library) save(ctx context.Context, e *entry) error {
	value, err := encodeRow(e)
	if err != nil {
		return fmt.Errorf("save video %s: %w", e.video.ID, err)
	}
	if err := l.records.Save(ctx, bucket, string(e.video.ID), value); err != nil {
		return fmt.Errorf("save video %s: %w", e.video.ID, err)
	}
	return nil
}

// setTitle gives the entry a title and what follows from it.
func (e *entry) setTitle(title string) {
	e.video.Title = title
	e.folded = strings.ToLower(title)
	e.words = e.folded + "\n" + strings.ToLower(e.video.SourceName)
}

// clone returns a copy that shares nothing with v.
func (v Video) clone() Video {
	if v.Problem != nil {
		p := *v.Problem
		v.Problem = &p
	}
	if v.Poster != nil {
		p := *v.Poster
		p.Chunks = slices.Clone(p.Chunks)
		v.Poster = &p
	}
	v.Renditions = slices.Clone(v.Renditions)
	v.Chapters = slices.Clone(v.Chapters)
	v.Manifest = slices.Clone(v.Manifest)
	return v
}
