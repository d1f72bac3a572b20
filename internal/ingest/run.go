package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shoal/internal/manifest"
)

// passLimits leave room for a weak machine: sixty times the film's own length.
func passLimits(p pass, length time.Duration) limits {
	wall := 30*time.Minute + 60*length
	return limits{wall: wall, silence: 5 * time.Minute, cpu: wall * time.Duration(runtime.NumCPU()), memory: 4 << 30, file: 1, nice: p.Nice}
}

// runPass runs the job's next pass and hands each segment to the catalogue when it is durable.
func (im *Importer) runPass(ctx context.Context, j *job) error {
	p := j.plan.Passes[j.pass]
	e := passRun{length: j.probed.Duration, dir: im.dir(j.id), done: func(r ready, blob manifest.Blob) { im.add(j, p, r, blob) }}
	if j.pass == 0 {
		e.cutter, j.cutter = j.cutter, nil
		e.beside = func(ctx context.Context) {
			im.poster(ctx, j)
			im.texts(ctx, j)
		}
	}
	a, err := im.encode(ctx, j, p, e)
	if err != nil {
		return err
	}
	if err := im.storeTables(ctx, j, a); err != nil {
		return err
	}
	return im.completePass(j, p)
}

// passRun is how a pass runs: over a source of the given length, in a folder, with done called for each step that is
// durable, and beside, if there is one, from the first segment on.
type passRun struct {
	length time.Duration
	dir    string
	stdin  io.Reader
	cutter *cutter
	done   func(ready, manifest.Blob)
	beside func(context.Context)
}

// encode runs ffmpeg for a pass and returns when all that it made is durable.
func (im *Importer) encode(ctx context.Context, j *job, p pass, e passRun) (*assembly, error) {
	ffmpeg, err := im.ffmpeg()
	if err != nil {
		return nil, err
	}
	store := newStorer(ctx, j.claim)
	group, within := errgroup.WithContext(store.ctx)
	a := newAssembly(within, p, store, outputLimit(e.length))
	begun := make(chan struct{})
	group.Go(func() error {
		defer close(a.steps)
		if e.cutter != nil {
			return a.cut(within, e.cutter, filepath.Join(e.dir, sourceName))
		}
		command := process{path: ffmpeg, dir: e.dir, args: p.args(), limits: passLimits(p, e.length), stdin: e.stdin}
		return command.run(within, a.read)
	})
	group.Go(func() error {
		var once sync.Once
		defer once.Do(func() { close(begun) })
		return a.publish(func(r ready, blob manifest.Blob) {
			e.done(r, blob)
			if r.header == nil {
				once.Do(func() { close(begun) })
			}
		})
	})
	if e.beside != nil {
		group.Go(func() error {
			<-begun
			e.beside(within)
			return nil
		})
	}
	return a, errors.Join(group.Wait(), store.wait())
}

// storeTables keeps what makes one MP4 file of each finished rendition's segments.
func (im *Importer) storeTables(ctx context.Context, j *job, a *assembly) error {
	store := newStorer(ctx, j.claim)
	for _, t := range a.inOrder {
		if t.table == nil || t.segments == 0 {
			continue
		}
		trak, err := t.table.trak(t.trak)
		if err != nil {
			return fmt.Errorf("rendition %s: %w", t.ID, err)
		}
		blob, err := store.storeBlob(bytes.NewReader(trak))
		if err != nil {
			return errors.Join(err, store.wait())
		}
		j.draft.change(t.ID, func(r *manifest.Rendition) { r.Table = &blob })
	}
	return store.wait()
}

// outputLimit is how far the output of a file may go that says it has the given length.
func outputLimit(length time.Duration) time.Duration {
	if length == 0 {
		return 24 * time.Hour
	}
	return length + length/5 + 30*time.Second
}

// add puts what has become durable into the draft and shows it.
func (im *Importer) add(j *job, p pass, r ready, blob manifest.Blob) {
	j.draft.add(r, blob)
	if r.header != nil {
		return
	}
	m := j.draft.snapshot()
	im.cfg.Catalog.Draft(j.id, m)
	if r.track.TrackID == p.Outputs[0].TrackID && j.probed.Duration > 0 {
		part := float64(r.track.time(r.start+r.duration)) / float64(j.probed.Duration)
		im.progress(j, p, min(part, 1))
	}
}

// progress says how much of the whole is done when part of the pass is. A second attempt shares what the
// first left of the way, so that the bar does not go back.
func (im *Importer) progress(j *job, p pass, part float64) {
	j.reached = j.base + (1-j.base)*(j.finished+p.Cost*part)
	im.cfg.Catalog.Progress(j.id, stagePrepare, checkEnd+(prepareEnd-checkEnd)*j.reached)
}

// completePass closes the renditions of a pass that made something of everything.
func (im *Importer) completePass(j *job, p pass) error {
	for _, o := range p.Outputs {
		j.draft.completeRendition(o.ID)
	}
	m := j.draft.snapshot()
	if !m.Playable() {
		return &refusal{"nothing_to_play", "Nothing in the file could be played. If it plays elsewhere, save it as MP4 and add that."}
	}
	im.cfg.Catalog.Draft(j.id, m)
	im.progress(j, p, 1)
	j.finished += p.Cost
	j.pass++
	return nil
}

// minPosterSeek is the shortest time worth seeking: a seek drops cover art and passes the only picture of a
// very short film.
const minPosterSeek = 500 * time.Millisecond

// poster takes a picture at a quarter of the film. A video without one is still a video.
func (im *Importer) poster(ctx context.Context, j *job) {
	if j.plan.Poster < 0 {
		return
	}
	err := im.makePoster(ctx, j)
	if err != nil && ctx.Err() == nil {
		im.cfg.Log.Info("no poster", "video", j.id, "err", err)
	}
}

func (im *Importer) makePoster(ctx context.Context, j *job) error {
	ffmpeg, err := im.ffmpeg()
	if err != nil {
		return err
	}
	args := []string{"-hide_banner", "-nostdin", "-v", "error"}
	if at := j.plan.PosterAt; at >= minPosterSeek {
		args = append(args, "-ss", fmt.Sprintf("%.3f", at.Seconds()))
	}
	args = append(args, inputArgs()...)
	args = append(args, "-i", "file:"+sourceName, "-map", "0:"+strconv.Itoa(j.plan.Poster), "-frames:v", "1", "-an", "-sn", "-dn",
		"-vf", "scale=w=trunc(min(iw*sar\\,960)/2)*2:h=trunc(min(iw*sar\\,960)/dar/2)*2,setsar=1,format=yuvj420p", "-c:v", "mjpeg", "-q:v", "4", "-map_metadata", "-1", "-f", "image2pipe", "pipe:1")
	picture := process{path: ffmpeg, dir: im.dir(j.id), args: args,
		limits: limits{wall: 2 * time.Minute, cpu: 2 * time.Minute, memory: 4 << 30, file: 1, nice: 10}}
	s := newStorer(ctx, j.claim)
	err = picture.run(ctx, func(r io.Reader) error {
		blob, err := s.storeBlob(io.LimitReader(r, 4<<20))
		if err == nil && blob.Size > 0 {
			j.draft.setPoster(blob)
		}
		return err
	})
	return errors.Join(err, s.wait())
}
