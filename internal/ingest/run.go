package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	return limits{wall: wall, cpu: wall * time.Duration(runtime.NumCPU()), memory: 4 << 30, file: 1, nice: p.Nice}
}

// runPass runs the job's next pass and hands each segment to the catalogue when it is durable.
func (im *Importer) runPass(ctx context.Context, j *job) error {
	ffmpeg, err := im.ffmpeg()
	if err != nil {
		return err
	}
	p := j.plan.Passes[j.pass]
	store := newStorer(ctx, j.claim)
	group, within := errgroup.WithContext(store.ctx)
	a := newAssembly(within, p, store, outputLimit(j.probed.Duration))
	playable := make(chan struct{})
	group.Go(func() error {
		defer close(a.steps)
		command := process{path: ffmpeg, dir: im.dir(j.id), args: p.args(), limits: passLimits(p, j.probed.Duration)}
		return command.run(within, a.read)
	})
	group.Go(func() error {
		var once sync.Once
		defer once.Do(func() { close(playable) })
		return a.publish(func(r ready, blob manifest.Blob) {
			im.add(j, p, r, blob)
			if r.header == nil {
				once.Do(func() { close(playable) })
			}
		})
	})
	if j.pass == 0 {
		group.Go(func() error {
			<-playable
			im.poster(within, j)
			return nil
		})
	}
	if err := errors.Join(group.Wait(), store.wait()); err != nil {
		return err
	}
	if err := im.storeTables(ctx, j, a); err != nil {
		return err
	}
	return im.completePass(j, p)
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
	if r.header != nil {
		j.draft.addRendition(r.rendition(blob))
		return
	}
	j.draft.addSegment(r.track.ID, manifest.Segment{Blob: blob, Start: r.start, Duration: r.duration})
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
	args := append([]string{"-hide_banner", "-nostdin", "-v", "error", "-ss", fmt.Sprintf("%.3f", j.plan.PosterAt.Seconds())}, inputArgs()...)
	args = append(args, "-i", "file:"+sourceName, "-map", "0:"+strconv.Itoa(j.plan.Poster), "-frames:v", "1", "-an", "-sn", "-dn",
		"-vf", "scale=w=min(iw*sar\\,960):h=-2,setsar=1,format=yuvj420p", "-c:v", "mjpeg", "-q:v", "4", "-map_metadata", "-1", "-f", "image2pipe", "pipe:1")
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
