// Package library is the catalogue of videos: it knows each one's title, its state from the first byte to
// the trash, and where its manifest is. Every change that matters is durable before it shows.
//
// Several nodes may share one catalogue: their records are kept alike by somebody else, who tells of those that come from
// elsewhere. A video is prepared by one node, and can be renamed, trashed and purged from each.
//
// How a video is prepared, where records and chunks lie, and who may change what is left to others.
package library

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// The buckets of records. Those of clearedBucket are this node's own.
const (
	// videosBucket has what was made of each added file, under the video's id.
	videosBucket = "videos"
	// editsBucket has what people changed, under the video's id, a slash and what it is.
	editsBucket = "edits"
	// purgedBucket has what each purged video was made of. Such a record stays: a video that has one never comes back.
	purgedBucket = "purged"
	// clearedBucket names the purged videos of which nothing is left on this node.
	clearedBucket = "cleared"
)

// maxSuperseded is how many chunks of older manifests a video remembers; the survey of the store finds the others.
const maxSuperseded = 64

// Records keeps small values durably. Its methods may be called from many goroutines at once.
type Records interface {
	// Save keeps value under key; it is durable when the error is nil.
	Save(ctx context.Context, bucket, key string, value []byte) error
	// Load returns what is under key, or an error that is fs.ErrNotExist.
	Load(ctx context.Context, bucket, key string) ([]byte, error)
	// Delete forgets key; to delete what is not there is no error.
	Delete(ctx context.Context, bucket, key string) error
	// Each calls f with every pair until f answers an error; value is valid during the call only.
	Each(ctx context.Context, bucket string, f func(key string, value []byte) error) error
}

// Options are a Library's settings. The zero value is for a node that stays alone.
type Options struct {
	// Self is this node's id. It stands in the records of what the node prepares, so it must be another one on each node
	// that shares the records, and always the same on this one.
	Self string
	// Local keeps what the other nodes do not share; nil for the same place as the other records. It is a pointer. Records of earlier
	// versions that lie there are moved to the shared ones.
	Local Records
	// Remote asks other nodes about videos that they prepare; nil when there are none.
	Remote Remote
	// Alive tells whether a node can be reached, as far as this one knows; nil when all can.
	Alive func(node string) bool
	// Gone stops this node's import of a video that somebody deleted on another node. Same is empty, or the ready video
	// that was made of the same bytes: then what was added to the import is to be added to that one. It returns when
	// nothing of the import runs any more; it is called again after an error. Nil leaves imports to themselves.
	Gone func(ctx context.Context, id, same manifest.VideoID) error
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
	store   chunk.Store
	opts    Options
	log     *slog.Logger
	now     func() time.Time

	manifests *manifestCache
	// looked are the videos of other nodes whose progress somebody looked at; wake tells of work in tasks.
	looked chan manifest.VideoID
	wake   chan struct{}

	// writes is held over every change of state and every removal, so that rows reach the records in the
	// order they show. It is taken before mu, and mu is never held over I/O.
	writes sync.Mutex

	mu         sync.RWMutex
	videos     map[manifest.VideoID]*entry           // guarded by mu
	edits      map[manifest.VideoID]edit             // guarded by mu; of videos that are not there yet, too
	gone       map[manifest.VideoID]manifest.VideoID // guarded by mu; the purged videos, with the same one that is there if one is
	purged     map[manifest.VideoID]purged           // guarded by mu; those of which something may be left on this node
	unreadable map[string]bool                       // guarded by mu; by bucket and key
	tasks      map[manifest.VideoID]task             // guarded by mu; what is to follow from records that came
	lost       map[manifest.VideoID][]publication    // guarded by mu; what this node published and others overwrote
	heard      uint64                                // guarded by mu; counts the records that came from elsewhere
	drafts     uint64                                // guarded by mu; the last version of a draft
	opened     bool                                  // guarded by mu; false while records are loaded
}

// Open loads the catalogue. A row that cannot be read is logged, counted in Totals and left where it is. Records from
// other nodes may be told to Changed when it has returned, and not before.
func Open(ctx context.Context, records Records, store chunk.Store, opts Options) (*Library, error) {
	l := newLibrary(records, store, opts.withDefaults(records))
	err := l.migrate(ctx)
	if err == nil {
		err = l.loadPurged(ctx)
	}
	for _, bucket := range []string{videosBucket, editsBucket} {
		err = errors.Join(err, records.Each(ctx, bucket, func(key string, value []byte) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.take(bucket, key, value, false)
			return nil
		}))
	}
	if err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = true
	l.signal()
	return l, nil
}

func newLibrary(records Records, store chunk.Store, opts Options) *Library {
	return &Library{
		records:    records,
		store:      store,
		opts:       opts,
		log:        opts.Log,
		now:        opts.Now,
		manifests:  newManifestCache(store, opts.CacheBytes),
		looked:     make(chan manifest.VideoID, maxLooked),
		wake:       make(chan struct{}, 1),
		videos:     make(map[manifest.VideoID]*entry),
		edits:      make(map[manifest.VideoID]edit),
		gone:       make(map[manifest.VideoID]manifest.VideoID),
		purged:     make(map[manifest.VideoID]purged),
		unreadable: make(map[string]bool),
		tasks:      make(map[manifest.VideoID]task),
		lost:       make(map[manifest.VideoID][]publication),
		// After a restart no draft has the version of another one from before.
		drafts: uint64(opts.Now().UnixNano()),
	}
}

func (o Options) withDefaults(records Records) Options {
	if o.Local == nil {
		o.Local = records
	}
	if o.Alive == nil {
		o.Alive = func(string) bool { return true }
	}
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

// Get returns a video, or ErrNotFound.
func (l *Library) Get(id manifest.VideoID) (Video, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return Video{}, err
	}
	l.lookAt(e)
	return e.video.clone(), nil
}

// Totals sums up the library.
type Totals struct {
	// Videos counts those that are not in the trash, Bytes the sizes of their added files.
	Videos int
	Bytes  int64
	// States counts the videos of each state.
	States map[State]int
	// Unreadable counts the rows that could not be read.
	Unreadable int
}

// Totals sums up the library as it is now.
func (l *Library) Totals() Totals {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := Totals{States: make(map[State]int), Unreadable: len(l.unreadable)}
	for _, e := range l.videos {
		t.States[e.video.State]++
		if e.video.State != Trashed {
			t.Videos++
			t.Bytes += e.video.Size
		}
	}
	return t
}

// unreadableVideos counts the rows of videos that could not be read; mu must be held.
func (l *Library) unreadableVideos() (n int) {
	for name := range l.unreadable {
		if strings.HasPrefix(name, videosBucket+"/") {
			n++
		}
	}
	return n
}

// find returns the entry of id; mu must be held.
func (l *Library) find(id manifest.VideoID) (*entry, error) {
	if e := l.videos[id]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("video %q: %w", id, ErrNotFound)
}

// own tells whether this node prepares the video, or did.
func (l *Library) own(e *entry) bool { return e.video.Node == l.opts.Self }

// running tells whether this node has an import of the video under way, whose truth is not in the records.
func (l *Library) running(e *entry) bool {
	return l.own(e) && (e.made == Receiving || e.made == Processing)
}

// Here tells whether this node can do something about the preparing of a video: nil when it prepares it or did, or when the
// video is ready, about which each node can do all. Errors: ErrNotFound, ErrElsewhere.
func (l *Library) Here(id manifest.VideoID) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return err
	}
	if e.made == Ready {
		return nil
	}
	return l.mine(e)
}

// mine returns an ElsewhereError unless the video is prepared by this node, or was.
func (l *Library) mine(e *entry) error {
	if l.own(e) {
		return nil
	}
	return fmt.Errorf("video %s: %w", e.video.ID, &ElsewhereError{Node: e.video.Node, State: e.made})
}
