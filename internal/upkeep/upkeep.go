// Package upkeep looks after what a node has stored, in the background: it deletes chunks that nobody needs any
// more, empties the trash, reads everything again once in a while, and finds out which videos lack something.
// What a video is made of, and what a disk does with a chunk, it leaves to its Library and its Store.
package upkeep

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

const (
	// grace is how long a chunk that nobody refers to is kept.
	grace = 24 * time.Hour
	// restoreGrace is the grace after records were put back from a backup, in which somebody may find out that
	// it was the wrong one.
	restoreGrace = 7 * 24 * time.Hour
	// surveyEvery is how often everything is looked over, surveyDelay how long after a start for the first time.
	surveyEvery = 24 * time.Hour
	surveyDelay = 10 * time.Minute
	// settling is how long a chunk that an import on another node put may lie about before this node hears of the import, and by
	// how much the clocks of two nodes may differ besides.
	settling = 10 * time.Minute
	// lookEvery is how often is looked whether something is due.
	lookEvery = time.Minute
	// retryEvery is how long what could not be done waits, unless somebody asks for it.
	retryEvery = time.Hour
	// bucket is where records of this package are kept.
	bucket = "upkeep"
)

// Contents is what a video is made of.
type Contents struct {
	ID    manifest.VideoID
	Title string
	// Draft is true while the video is being made: its chunks may still be taken back.
	Draft bool
	// Chunks yields all chunks of the video, those that are known when Err says why there may be more.
	Chunks iter.Seq[chunk.Info]
	// Stored are those of the chunks that say which the others are; without them nobody can find out any more.
	Stored []chunk.Info
	Err    error
}

// Library knows the videos. Its methods may be called from many goroutines at once.
type Library interface {
	// Live calls visit with every video that was there when it began and is not purged. An error that is not
	// visit's says that there may be more videos.
	Live(ctx context.Context, visit func(Contents) error) error
	// Has tells whether there is such a video.
	Has(id manifest.VideoID) bool
	Purge(ctx context.Context, id manifest.VideoID) error
	// PurgeTrashed purges what was put into the trash before the given time.
	PurgeTrashed(ctx context.Context, before time.Time) ([]manifest.VideoID, error)
	// Purged lists the purged videos that are not Cleared; their contents end with their manifest.
	Purged() []manifest.VideoID
	PurgedContents(ctx context.Context, id manifest.VideoID) Contents
	// Cleared says that nothing of a purged video is left on this node.
	Cleared(ctx context.Context, id manifest.VideoID) error
	// OldestImport returns since when the oldest import goes on of those that other nodes have not ended.
	OldestImport() (since time.Time, found bool)
}

// Imports knows the chunks that running imports rely on.
type Imports interface {
	// Claimed calls visit, which must not block, with each of those chunks.
	Claimed(visit func(chunk.Ref))
	// Clear passes over those of refs that imports rely on, lets unwanted choose from the rest, and calls remove
	// with the chosen ones, except those that an import has put since Clear began.
	Clear(ctx context.Context, refs []chunk.Ref, unwanted func(context.Context) ([]chunk.Ref, error),
		remove func(context.Context, chunk.Ref) error) error
}

// Store keeps the chunks. Its methods may be called from many goroutines at once.
type Store interface {
	// Walk visits the chunks after one in the order of their names, with the time each was put.
	Walk(ctx context.Context, after chunk.Ref, visit func(info chunk.Info, put time.Time) error) error
	Stat(ctx context.Context, ref chunk.Ref) (chunk.Info, error)
	// DeleteBefore deletes a chunk that was last put before limit, in one step, and returns its size.
	DeleteBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (freed int64, err error)
	// Verify reads a chunk anew; one that is corrupt is put aside.
	Verify(ctx context.Context, ref chunk.Ref) error
	// Quarantined lists what was put aside.
	Quarantined(ctx context.Context) ([]chunk.Ref, error)
}

// Records keeps what must outlive the process. Load of what is not there is fs.ErrNotExist.
type Records interface {
	Load(ctx context.Context, bucket, key string) ([]byte, error)
	Save(ctx context.Context, bucket, key string, value []byte) error
}

// Config says what a Keeper works with.
type Config struct {
	Library Library
	Imports Imports
	Store   Store
	Records Records
	// Shared tells whether other nodes have the same library, and chunks of it; nil for never. Each deletes from its own store
	// alone, and spares what an import on another node may rely on.
	Shared func() bool
	// Holds tells whether this node is to hold a chunk, nil when it is to hold all.
	Holds func(chunk.Ref) bool
	// Find looks for a chunk on all nodes that can be reached, nil for in the store. Errors: chunk.ErrNotFound when none has it.
	Find func(ctx context.Context, ref chunk.Ref) (chunk.Info, error)
	// Heal brings a chunk that went bad back from another node, nil when there is none.
	Heal func(ctx context.Context, ref chunk.Ref) error
	// Totals tells how much is in the store; it is cheap.
	Totals func() (chunks, bytes int64)
	// TrashFor is how long videos stay in the trash; 0 for 7 days.
	TrashFor time.Duration
	// ScrubRate is how many bytes a second a scrub reads; 0 for 10 MB.
	ScrubRate int64
	// Restored is when the records were put back from a backup, zero for never.
	Restored time.Time
	// Log is told what an operator should know; nil for nowhere.
	Log *slog.Logger
}

// Keeper looks after a node's store. Its methods may be called from many goroutines at once.
type Keeper struct {
	cfg Config
	log *slog.Logger
	// wake is told that there is something to clear, ask that a scrub is wanted.
	wake, ask chan struct{}

	mu       sync.Mutex
	affected []affected // guarded by mu; the videos that lack chunks
	blocked  error      // guarded by mu; why nothing is deleted
	scrub    scrubState // guarded by mu
}

// New returns a Keeper; nothing is done until Run.
func New(cfg Config) *Keeper {
	if cfg.TrashFor == 0 {
		cfg.TrashFor = 7 * 24 * time.Hour
	}
	if cfg.ScrubRate == 0 {
		cfg.ScrubRate = 10_000_000
	}
	if cfg.Shared == nil {
		cfg.Shared = func() bool { return false }
	}
	if cfg.Find == nil {
		cfg.Find = cfg.Store.Stat
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1), ask: make(chan struct{}, 1)}
}

// Run does what is due until ctx ends, and then returns nil.
func (k *Keeper) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { k.tidy(ctx) })
	both.Go(func() { k.scrubs(ctx) })
	both.Wait()
	return nil
}

// Purge removes a video for good. Its space is given back soon, as far as nobody else needs the same chunks;
// should the process end before that, after the next start.
func (k *Keeper) Purge(ctx context.Context, id manifest.VideoID) error {
	if err := k.cfg.Library.Purge(ctx, id); err != nil {
		return err
	}
	signal(k.wake)
	return nil
}

// signal tells a goroutine that there is work, unless it knows already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tidy empties the trash, clears what was purged and surveys the store, each in its time.
func (k *Keeper) tidy(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	s := k.newSurveyor(ctx)
	var clearAgain time.Time
	for asked := true; ctx.Err() == nil; {
		k.emptyTrash(ctx)
		if asked || !time.Now().Before(clearAgain) {
			clearAgain = time.Time{}
			if err := k.clearPurged(ctx); err != nil && ctx.Err() == nil {
				clearAgain = time.Now().Add(retryEvery)
				k.log.Warn("space of deleted videos is not given back yet", "err", err)
			}
		}
		k.recheck(ctx)
		if s.due(ctx) {
			s.survey(ctx)
		}
		select {
		case <-ctx.Done():
		case <-k.wake:
			asked = true
		case <-tick.C:
			asked = false
		}
	}
}

// emptyTrash purges what has been in the trash for long enough.
func (k *Keeper) emptyTrash(ctx context.Context) {
	ids, err := k.cfg.Library.PurgeTrashed(ctx, time.Now().Add(-k.cfg.TrashFor))
	for _, id := range ids {
		k.log.Info("video was purged after its time in the trash", "video", id)
	}
	if len(ids) > 0 {
		signal(k.wake)
	}
	if err != nil && ctx.Err() == nil {
		k.log.Warn("the trash could not be emptied", "err", err)
	}
}
