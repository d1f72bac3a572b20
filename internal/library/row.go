package library

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// rowVersion is the version of the format that row describes.
const rowVersion = 1

// row is a video as it is stored.
type row struct {
	Version int              `json:"version"`
	ID      manifest.VideoID `json:"id"`
	Title   string           `json:"title"`
	State   State            `json:"state"`
	Was     State            `json:"was,omitempty"`
	// Trashed is when the video was put into the trash.
	Trashed time.Time `json:"trashed,omitzero"`
	Stage   string    `json:"stage"`
	// Progress is kept of failed videos only: the others begin anew or are done.
	Progress     float64         `json:"progress,omitempty"`
	Problem      *Problem        `json:"problem,omitempty"`
	DurationNS   int64           `json:"duration_ns,omitempty"`
	Size         int64           `json:"size"`
	Created      time.Time       `json:"created"`
	SourceName   string          `json:"source_name"`
	SourceSHA256 chunk.Ref       `json:"source_sha256"`
	Poster       *blobRow        `json:"poster,omitempty"`
	Renditions   []RenditionInfo `json:"renditions,omitempty"`
	Storyboard   bool            `json:"storyboard,omitempty"`
	Chapters     []chapterRow    `json:"chapters,omitempty"`
	Manifest     []chunk.Info    `json:"manifest,omitempty"`
	// Superseded lists the chunks of manifests that were published before.
	Superseded []chunk.Info `json:"superseded,omitempty"`
}

type chapterRow struct {
	StartNS int64  `json:"start_ns"`
	Title   string `json:"title"`
}

type blobRow struct {
	Hash   chunk.Ref    `json:"hash"`
	Size   int64        `json:"size"`
	Chunks []chunk.Info `json:"chunks"`
}

func encodeRow(e *entry) ([]byte, error) {
	v := &e.video
	r := row{
		Version: rowVersion, ID: v.ID, Title: v.Title, State: v.State, Was: e.was, Trashed: e.trashed, Problem: v.Problem,
		DurationNS: int64(v.Duration), Size: v.Size, Created: v.Created,
		SourceName: v.SourceName, SourceSHA256: v.SourceSHA256,
	}
	switch e.settled() {
	case Failed:
		r.Stage, r.Progress = v.Stage, v.Progress
	case Ready:
		r.Stage, r.Renditions, r.Manifest, r.Superseded = StageDone, v.Renditions, v.Manifest, e.superseded
		if v.Poster != nil {
			r.Poster = &blobRow{Hash: v.Poster.Hash, Size: v.Poster.Size, Chunks: v.Poster.Chunks}
		}
		r.Storyboard = v.Storyboard
		for _, c := range v.Chapters {
			r.Chapters = append(r.Chapters, chapterRow{int64(c.Start), c.Title})
		}
	default:
		r.Stage = StageCheck
	}
	return json.Marshal(r)
}

// settled returns the state a video has outside of the trash.
func (e *entry) settled() State {
	if e.video.State == Trashed {
		return e.was
	}
	return e.video.State
}

// decodeRow reads what encodeRow wrote; it refuses everything else.
func decodeRow(key string, value []byte) (*entry, error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	var r row
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("decode video record: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode video record: more than one value")
	}
	if err := r.check(key); err != nil {
		return nil, fmt.Errorf("decode video record: %w", err)
	}
	return r.entry(), nil
}

func (r *row) check(key string) error {
	switch {
	case r.Version != rowVersion:
		return fmt.Errorf("version %d, want %d", r.Version, rowVersion)
	case string(r.ID) != key:
		return fmt.Errorf("id %q under key %q", r.ID, key)
	case r.Size < 0 || r.DurationNS < 0:
		return errors.New("negative size or duration")
	case !(r.Progress >= 0 && r.Progress <= 1):
		return errors.New("progress out of range")
	}
	if _, err := manifest.ParseVideoID(key); err != nil {
		return err
	}
	if _, err := checkTitle(r.Title); err != nil {
		return err
	}
	return r.checkState()
}

func (r *row) checkState() error {
	settled := r.State
	if r.State == Trashed {
		settled = r.Was
	} else if r.Was != "" {
		return fmt.Errorf("state %s with a former one", r.State)
	}
	switch {
	case settled == Processing && r.State == Processing:
		return nil
	case settled == Ready && len(r.Manifest) > 0:
		return nil
	case settled == Failed && r.Problem != nil:
		return nil
	}
	return fmt.Errorf("state %q does not fit the rest", r.State)
}

func (r *row) entry() *entry {
	e := &entry{was: r.Was, trashed: r.Trashed, superseded: r.Superseded, video: Video{
		ID: r.ID, State: r.State, Stage: r.Stage, Progress: r.Progress, Problem: r.Problem,
		Duration: time.Duration(r.DurationNS), Size: r.Size, Created: r.Created,
		SourceName: r.SourceName, SourceSHA256: r.SourceSHA256,
		Renditions: r.Renditions, Manifest: r.Manifest, Playable: r.State == Ready,
	}}
	if e.settled() == Ready {
		e.video.Progress = 1
	}
	if r.Poster != nil {
		e.video.Poster = &manifest.Blob{Hash: r.Poster.Hash, Size: r.Poster.Size, Chunks: r.Poster.Chunks}
	}
	e.video.Storyboard = r.Storyboard
	for _, c := range r.Chapters {
		e.video.Chapters = append(e.video.Chapters, manifest.Chapter{Start: time.Duration(c.StartNS), Title: c.Title})
	}
	e.setTitle(r.Title)
	return e
}
