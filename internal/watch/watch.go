// Package watch adds the films that appear in a folder to the library. It looks when the system tells of a change, and
// again and again, because network drives tell of nothing. It never changes the folder, and what goes from the folder
// stays in the library.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"
)

// ErrLater says that what was refused now may be taken later: the library is busy, or its disk is full.
var ErrLater = errors.New("not now")

// Library takes films in. Its methods are called one at a time.
type Library interface {
	// Busy tells whether as much is in work already as should be.
	Busy() bool
	// AddFilm takes a file in and returns its video, or the one that was made of the same bytes before. An error that wraps
	// ErrLater is tried again; any other one is told and the file left alone until it changes.
	AddFilm(ctx context.Context, name string, size int64, body io.Reader) (video string, err error)
	// AddSubtitles gives a video the subtitles in a file. Errors are as those of AddFilm; fs.ErrNotExist says that
	// the video is gone.
	AddSubtitles(ctx context.Context, video, name string, content []byte) error
}

// Records keeps what must outlive the process.
type Records interface {
	Save(ctx context.Context, bucket, key string, value []byte) error
	Each(ctx context.Context, bucket string, visit func(key string, value []byte) error) error
}

// Config says what a Watcher works with. Dir, Library and Records are needed.
type Config struct {
	// Dir is the folder, an absolute path.
	Dir     string
	Library Library
	Records Records
	// Quiet is how long a file must not have changed, 0 for 10 s. Every is the longest time between two looks, 0 for a
	// minute; Settle the shortest, 0 for 2 s.
	Quiet, Every, Settle time.Duration
	// Log is told of what is added; nil for nowhere.
	Log *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// notify makes what tells of changes, for tests; nil for the system.
	notify func() (notifier, error)
}

// Warning is something that somebody should look at; Code is stable.
type Warning struct{ Code, Message string }

// Status is how the watching is.
type Status struct {
	Dir string
	// Scanned is when the folder was last looked through, zero for not yet.
	Scanned time.Time
	// Films is how many films are in the folder, Waiting how many of them are not added yet, Added how many were
	// since the start.
	Films, Waiting, Added int
	Warnings              []Warning
}

// Watcher watches one folder. Its methods may be called from many goroutines at once.
type Watcher struct {
	cfg    Config
	log    *slog.Logger
	ledger *ledger
	seen   map[string]seen // owned by Run

	mu     sync.Mutex
	status Status // guarded by mu; a slice in it is replaced, never written to
}

// New returns a Watcher that knows what was added before. It does nothing until Run.
func New(ctx context.Context, cfg Config) (*Watcher, error) {
	if cfg.Quiet == 0 {
		cfg.Quiet = 10 * time.Second
	}
	if cfg.Every == 0 {
		cfg.Every = time.Minute
	}
	if cfg.Settle == 0 {
		cfg.Settle = 2 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.notify == nil {
		cfg.notify = systemNotifier
	}
	known, err := openLedger(ctx, cfg.Records)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", cfg.Dir, err)
	}
	return &Watcher{cfg: cfg, log: cfg.Log, ledger: known, seen: make(map[string]seen), status: Status{Dir: cfg.Dir}}, nil
}

// Status returns how the watching is now.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Run watches until ctx ends, and then returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	changes := w.listen()
	defer changes.close()
	for {
		next := w.look(ctx, changes)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-changes.events():
			pause(ctx, w.cfg.Settle) // a copy under way tells of every block
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// look looks through the folder once, adds what is due, and returns how long to wait at most until the next time.
func (w *Watcher) look(ctx context.Context, changes *listener) time.Duration {
	found := scan(w.cfg.Dir)
	defer found.close()
	changes.follow(found.folders)
	now := w.cfg.Now()
	var p plan
	p, w.seen = decide(found.files, w.seen, w.ledger.known, now, w.cfg.Quiet)
	added, left, problems := w.addFilms(ctx, found, p.films)
	left += p.waiting
	problems = append(problems, w.addSubtitles(ctx, found, now)...)
	if ctx.Err() != nil {
		return 0
	}
	problems = append(problems, w.ledger.problems(found.files)...)
	w.show(now, found, added, left, append(changes.warnings(), warningsOf(append(found.problems, problems...))...))
	if left > 0 {
		return min(w.cfg.Quiet, w.cfg.Every)
	}
	return w.cfg.Every
}

// addFilms adds one film after another, as long as the library takes them; left counts those that wait on.
func (w *Watcher) addFilms(ctx context.Context, found *folder, films []file) (added, left int, problems []problem) {
	for i, f := range films {
		if ctx.Err() != nil || w.cfg.Library.Busy() {
			return added, left + len(films) - i, problems
		}
		err := w.add(ctx, found, f)
		switch {
		case err == nil:
			added++
		case errors.Is(err, ErrLater):
			return added, left + len(films) - i, problems
		case errors.Is(err, errChanged):
			left++
		default:
			problems = append(problems, problem{f.path, err})
		}
	}
	return added, left, problems
}

func (w *Watcher) show(now time.Time, found *folder, added, left int, warnings []Warning) {
	films := 0
	for _, f := range found.files {
		if f.film {
			films++
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = Status{Dir: w.cfg.Dir, Scanned: now, Films: films, Waiting: left, Added: w.status.Added + added, Warnings: warnings}
}

// isGone tells whether a file or a video is not there any more.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
