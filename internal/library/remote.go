package library

import (
	"context"
	"sync"
	"time"

	"shoal/internal/manifest"
)

const (
	// askTimeout is how long is waited for the node that prepares a video.
	askTimeout = 2 * time.Second
	// askEvery is how often it is asked at most, askLater how long it is left alone when it did not answer.
	askEvery = time.Second
	askLater = 5 * time.Second
	// maxLooked bounds the videos that wait to be asked about because somebody looked at them, askers how many are asked
	// about at the same time.
	maxLooked = 256
	askers    = 4
)

// Remote asks other nodes about the videos that they prepare. Its methods may be called from many goroutines at once.
type Remote interface {
	// Draft asks a node how far a video is; known is the version of the draft that is here, 0 for none. It returns when ctx ends.
	Draft(ctx context.Context, node string, id manifest.VideoID, known uint64) (Draft, error)
}

// Draft is how far a video is that is being prepared, as its node tells it.
type Draft struct {
	State    State
	Stage    string
	Progress float64
	Duration time.Duration
	// Playable is true from the first draft with a segment on.
	Playable bool
	// Version tells the newest draft from others, 0 when there is none.
	Version uint64
	// Manifest is that draft, nil when there is none or the asker has it. It is shared and must not be changed.
	Manifest *manifest.Manifest
}

// Preparing tells another node how far a video of this one is; known is the version of the draft that the other has.
// Errors: ErrNotFound, ErrElsewhere.
func (l *Library) Preparing(id manifest.VideoID, known uint64) (Draft, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err == nil {
		err = l.mine(e)
	}
	if err != nil {
		return Draft{}, err
	}
	d := Draft{
		State: e.video.State, Stage: e.video.Stage, Progress: e.video.Progress, Duration: e.video.Duration,
		Playable: e.video.Playable, Version: e.drafted,
	}
	if e.drafted != known {
		d.Manifest = e.draft
	}
	return d, nil
}

// asks is the asking of one video's node. Whoever begins it holds flight until it has ended; others wait for that.
type asks struct {
	mu     sync.Mutex
	flight chan struct{} // guarded by mu
	next   time.Time     // guarded by mu; nobody asks before
	queued bool          // guarded by mu; somebody of Run will ask
}

// begin says what to do: nothing when all is fresh, to wait for the asking that is under way, or to ask and then end.
func (a *asks) begin(now time.Time) (wait <-chan struct{}, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.flight != nil:
		return a.flight, false
	case now.Before(a.next):
		return nil, false
	}
	a.flight = make(chan struct{})
	return nil, true
}

func (a *asks) end(next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = next
	close(a.flight)
	a.flight = nil
}

// queue tells whether the caller is to have somebody ask.
func (a *asks) queue(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.queued || a.flight != nil || now.Before(a.next) {
		return false
	}
	a.queued = true
	return true
}

func (a *asks) unqueue() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queued = false
}

// lookAt has the progress of a video brought up to date that somebody looks at; mu must be held. It waits for nothing.
func (l *Library) lookAt(e *entry) {
	if l.opts.Remote == nil || e.asks == nil || e.video.State != Processing || !e.asks.queue(l.now()) {
		return
	}
	select {
	case l.looked <- e.video.ID:
	default:
		e.asks.unqueue()
	}
}

// askLooked asks about the videos that somebody looked at, until ctx ends.
func (l *Library) askLooked(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-l.looked:
			if _, _, a := l.asking(id); a != nil {
				a.unqueue()
			}
			_ = l.ask(ctx, id) // it fails when ctx ends
		}
	}
}

// asking returns what there is to ask about a video, a nil asks for nothing.
func (l *Library) asking(id manifest.VideoID) (node string, known uint64, a *asks) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e := l.videos[id]
	if l.opts.Remote == nil || e == nil || e.video.State != Processing {
		return "", 0, nil
	}
	return e.video.Node, e.drafted, e.asks
}

// ask brings up to date what is known of a video that another node prepares. Of many callers one asks and the others wait; when
// that one is given up, another takes over. It fails only when ctx ends.
func (l *Library) ask(ctx context.Context, id manifest.VideoID) error {
	for {
		node, known, a := l.asking(id)
		if a == nil {
			return nil
		}
		wait, mine := a.begin(l.now())
		switch {
		case mine:
			next := l.now()
			defer func() { a.end(next) }()
			pause, err := l.askNow(ctx, node, id, known)
			next = l.now().Add(pause)
			return err
		case wait == nil:
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// askNow asks, and returns for how long nobody needs to again.
func (l *Library) askNow(ctx context.Context, node string, id manifest.VideoID, known uint64) (time.Duration, error) {
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	d, err := l.opts.Remote.Draft(limited, node, id, known)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.videos[id]
	if e == nil || e.asks == nil || e.made != Processing || e.video.Node != node {
		return 0, nil // a record has come that tells more
	}
	if err != nil {
		if !e.video.Away {
			l.log.Info("node that prepares a video does not answer", "video", id, "node", node, "err", err)
		}
		e.video.Away = true
		return askLater, nil
	}
	e.told(d)
	e.refresh(l.edits[id])
	return askEvery, nil
}

// told takes in what the video's node says. That it is ready, or failed, its record will say.
func (e *entry) told(d Draft) {
	e.video.Away = false
	if d.State != Processing {
		return
	}
	e.video.Stage, e.video.Progress, e.video.Duration = d.Stage, d.Progress, d.Duration
	if d.Manifest != nil {
		e.draft, e.drafted = d.Manifest, d.Version
		e.show(d.Manifest)
	}
	e.plays = d.Playable && e.draft != nil
}
