package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"shoal/internal/manifest"
)

// job is one file on its way to a video. It is owned by the worker that took it from the queue.
type job struct {
	id   manifest.VideoID
	done chan struct{} // closed when nothing of the job is left

	cancelOnce sync.Once
	cancelled  chan struct{}
	why        error // why it was cancelled; set before cancelled is closed

	spare    bool // the video is ready, and this makes its extras
	extras   bool // the video became ready and lacks some
	claim    *claim
	probed   probed
	plan     plan
	gap      time.Duration // the longest time between key frames
	cutter   *cutter       // does the first pass in ffmpeg's place; nil for most files
	attempt  int
	pass     int     // the next pass
	finished float64 // the cost of the passes that are done
	base     float64 // how far the first attempt came on the way from 0 to 1
	reached  float64 // how far the job has come
	draft    *draft
}

func (im *Importer) newJob(id manifest.VideoID) *job {
	return &job{id: id, done: make(chan struct{}), cancelled: make(chan struct{}), claim: im.claims.open()}
}

// ended tells whether every pass is done.
func (j *job) ended() bool { return j.pass == len(j.plan.Passes) }

// cancel ends the job with errCancelled or errStopped; the first one counts.
func (j *job) cancel(why error) {
	j.cancelOnce.Do(func() {
		j.why = why
		close(j.cancelled)
	})
}

// errCancelled ends a job that its owner does not want any more.
var errCancelled = errors.New("cancelled")

// watch returns a context that ends when the job is cancelled; call stop when the work is over.
func (j *job) watch(ctx context.Context) (watched context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-j.cancelled:
			cancel(j.why)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		watching.Wait()
	}
}

// Recover takes up what a crash interrupted, uploads that can go on too, and removes what it left half done.
// Call it once, before Accept, Begin and Run.
func (im *Importer) Recover(ctx context.Context) error {
	if err := im.ensureDir(); err != nil {
		return err
	}
	entries, err := os.ReadDir(im.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	here := make(map[manifest.VideoID]bool)
	following := make(map[manifest.VideoID]bool)
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), laterSuffix); ok {
			following[manifest.VideoID(id)] = true
			continue
		}
		here[manifest.VideoID(e.Name())] = true
	}
	for _, id := range im.cfg.Catalog.Unfinished() {
		delete(following, id)
		if !here[id] {
			if err := im.cfg.Catalog.Fail(ctx, id, "interrupted", "Preparing was interrupted and the file is gone. Add it again."); err != nil {
				return fmt.Errorf("give up video %s: %w", id, err)
			}
			continue
		}
		delete(here, id)
		_ = os.Remove(filepath.Join(im.dir(id), failedName)) // it was about to fail
		im.cfg.Log.Info("preparing goes on", "video", id)
		im.queue.push(im.newJob(id), soon)
	}
	for id := range following {
		im.pushSpare(id)
	}
	for id := range here {
		if im.recoverArrival(ctx, string(id)) || im.recoverKept(id) {
			continue
		}
		if err := os.RemoveAll(im.dir(id)); err != nil {
			return fmt.Errorf("remove what is left of job %s: %w", id, err)
		}
	}
	return nil
}

// Run prepares what was accepted until ctx ends, and then returns nil; jobs that were in work are taken up
// by the next Recover. Two workers serve what can be playable soon, so that one slow film does not hold up
// a quick one; another makes the higher rungs. A last one makes the extras of ready videos while no video is being
// prepared; what it has begun it ends.
func (im *Importer) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for _, l := range []lane{soon, soon, later} {
		workers.Go(func() {
			for j := im.queue.take(ctx, l); j != nil; j = im.queue.take(ctx, l) {
				im.serve(ctx, j)
			}
		})
	}
	workers.Go(func() { im.sweepAlways(ctx) })
	workers.Go(func() {
		for j := im.queue.take(ctx, spare); j != nil; j = im.queue.take(ctx, spare) {
			im.serveSpare(ctx, j)
		}
	})
	workers.Wait()
	return nil
}

func (im *Importer) pushSpare(id manifest.VideoID) {
	j := im.newJob(id)
	j.spare = true
	im.queue.push(j, spare)
}

// serve brings a job on until it is done, has failed, or waits for the other lane.
func (im *Importer) serve(ctx context.Context, j *job) {
	watched, stop := j.watch(ctx)
	defer stop()
	err := im.ensureDir()
	if err == nil {
		err = im.advance(watched, j)
	}
	if cause := context.Cause(watched); err != nil && (errors.Is(cause, errCancelled) || errors.Is(cause, errStopped)) {
		err = cause
	}
	switch {
	case err == nil && !j.ended():
		im.queue.push(j, later)
	case err != nil && ctx.Err() != nil: // the program ends, and Recover takes the job up
		j.claim.keep()
		im.queue.finish(j)
	default:
		im.end(ctx, j, err)
		im.queue.finish(j)
		if j.extras {
			im.pushSpare(j.id)
		}
	}
}

// advance checks a new job and runs its first pass, or runs all that is left of an old one.
func (im *Importer) advance(ctx context.Context, j *job) error {
	if j.draft == nil {
		return im.begin(ctx, j)
	}
	for !j.ended() {
		if err := im.runPass(ctx, j); err != nil {
			return err
		}
	}
	return im.publish(ctx, j)
}

func (im *Importer) begin(ctx context.Context, j *job) error {
	if err := im.check(ctx, j); err != nil {
		return err
	}
	err := im.runPass(ctx, j)
	if err != nil && ctx.Err() == nil && j.mayRemake(err) {
		im.cfg.Log.Info("picture is made anew", "video", j.id, "err", err)
		if err = im.remake(ctx, j); err == nil {
			err = im.runPass(ctx, j)
		}
	}
	if err != nil || !j.ended() {
		return err
	}
	return im.publish(ctx, j)
}

// check finds out what the file is and plans the work.
func (im *Importer) check(ctx context.Context, j *job) error {
	im.cfg.Catalog.Progress(j.id, stageCheck, receiveEnd)
	p, err := im.probe(ctx, im.dir(j.id))
	if err != nil {
		return err
	}
	x, err := readIndex(im.dir(j.id))
	if err != nil {
		return err
	}
	var gap time.Duration
	for _, s := range p.Streams {
		if s.Codec == "h264" && !s.Picture {
			if gap, err = im.longestGap(ctx, im.dir(j.id), x, s.Index); err != nil {
				return err
			}
			break
		}
	}
	if j.plan, err = decide(p, gap, j.attempt); err != nil {
		return err
	}
	j.cutter = newCutter(x.moov, x.size, p, j.plan.Passes[0])
	j.probed, j.gap, j.draft = p, gap, newDraft(p)
	im.cfg.Catalog.Describe(j.id, p.Duration)
	im.cfg.Catalog.Progress(j.id, stageCheck, checkEnd)
	return nil
}

// mayRemake tells whether making the picture anew could help where keeping it failed.
func (j *job) mayRemake(err error) bool {
	var failed *processError
	return j.attempt == 0 && j.plan.Passes[0].copies() && (errors.Is(err, errLongGap) || errors.Is(err, errStream) || errors.As(err, &failed) && !failed.killed)
}

// remake plans again without keeping the picture.
func (im *Importer) remake(ctx context.Context, j *job) (err error) {
	if err := j.claim.undo(ctx); err != nil {
		return fmt.Errorf("take back chunks: %w", err)
	}
	j.attempt++
	j.pass, j.finished, j.base, j.draft, j.cutter = 0, 0, j.reached, newDraft(j.probed), nil
	j.plan, err = decide(j.probed, j.gap, j.attempt)
	return err
}

// publish stores the manifest and makes the video ready.
func (im *Importer) publish(ctx context.Context, j *job) error {
	im.cfg.Catalog.Progress(j.id, stageCopy, prepareEnd)
	unlock, err := im.lockVideos(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	im.addWaiting(ctx, j)
	m := j.draft.complete()
	if short := j.probed.Duration - m.Duration; short > 2*time.Second && short > j.probed.Duration/10 {
		return &refusal{"truncated", fmt.Sprintf("The file ends after %s of %s: it was cut short. Copy or download it again, then add it again.",
			clock(m.Duration), clock(j.probed.Duration))}
	}
	extras := !decideExtras(m).none()
	if extras { // before the video is ready: a crash may follow at once
		if err := im.noteLater(j.id); err != nil {
			return err
		}
	}
	at, err := storeManifest(ctx, j.claim, m)
	if err != nil {
		return err
	}
	im.cfg.Catalog.Progress(j.id, stageCopy, copyEnd)
	if err := im.cfg.Catalog.Publish(ctx, j.id, m, at); err != nil {
		return err
	}
	j.extras = extras
	return nil
}

// end cleans up behind a job and tells the catalogue how it ended. Chunks and files go first: on a full
// disk the catalogue may have no room for the words otherwise.
func (im *Importer) end(ctx context.Context, j *job, err error) {
	log := im.cfg.Log.With("video", j.id)
	if err == nil {
		j.claim.keep()
		log.Info("video is ready")
	}
	if err != nil && im.sourceGone(j.id) && !errors.Is(err, errCancelled) {
		err = errors.Join(errSourceGone, err)
	}
	code, message := explain(err)
	kept, cleanErr := im.cleanUp(ctx, j, err, code)
	if cleanErr != nil {
		log.Error("clean up after film", "err", cleanErr)
	}
	if err == nil || errors.Is(err, errCancelled) {
		return
	}
	log.Warn("video could not be prepared", "code", code, "err", err)
	if failErr := im.cfg.Catalog.Fail(ctx, j.id, code, message); failErr != nil {
		log.Error("note that preparing failed", "err", failErr)
	}
	if kept {
		im.kept.put(j.id, im.cfg.Now())
	}
}

// cleanUp removes what a job that ended with err needs no longer; it tells whether the added file is kept.
func (im *Importer) cleanUp(ctx context.Context, j *job, err error, code string) (kept bool, cleanErr error) {
	if err == nil {
		return false, os.RemoveAll(im.dir(j.id))
	}
	if keepsNothing(err, code) {
		return false, im.discard(ctx, j)
	}
	undoErr := errors.Join(j.claim.undo(ctx), im.forgetLater(j.id))
	kept, cleanErr = im.keepSource(j)
	if !kept {
		cleanErr = errors.Join(cleanErr, os.RemoveAll(im.dir(j.id)))
	}
	return kept, errors.Join(undoErr, cleanErr)
}

// discard removes all that lies about of the job and the chunks it still claims.
func (im *Importer) discard(ctx context.Context, j *job) error {
	return errors.Join(j.claim.undo(ctx), im.forgetLater(j.id), os.RemoveAll(im.dir(j.id)))
}
