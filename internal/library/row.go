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
const rowVersion = 2

// row is what importing a file made of it. What people change is not in it, so that neither is lost when both change at
// the same time on different nodes.
type row struct {
	Version int              `json:"version"`
	ID      manifest.VideoID `json:"id"`
	// Title is what the video was called when it was added.
	Title string `json:"title"`
	// Node prepares the video, or did; By wrote this row.
	Node  string `json:"node"`
	By    string `json:"by"`
	State State  `json:"state"`
	Stage string `json:"stage"`
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
	// Superseded lists the chunks of each manifest that was published before, the oldest first.
	Superseded [][]chunk.Info `json:"superseded,omitempty"`
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
		Version: rowVersion, ID: v.ID, Title: e.title, Node: v.Node, By: e.by, State: e.made, Problem: v.Problem,
		DurationNS: int64(v.Duration), Size: v.Size, Created: v.Created,
		SourceName: v.SourceName, SourceSHA256: v.SourceSHA256,
	}
	switch e.made {
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

// decodeRow reads what encodeRow wrote; it refuses everything else.
func decodeRow(key string, value []byte) (*row, error) {
	var r row
	if err := decodeStrictly(value, &r); err != nil {
		return nil, fmt.Errorf("decode video record: %w", err)
	}
	if err := r.check(key); err != nil {
		return nil, fmt.Errorf("decode video record: %w", err)
	}
	return &r, nil
}

// decodeStrictly reads one JSON value that has no field which into lacks.
func decodeStrictly(value []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// versionOf reads the version of a record of any form, 0 when it has none.
func versionOf(value []byte) int {
	var head struct {
		Version int `json:"version"`
	}
	_ = json.Unmarshal(value, &head)
	return head.Version
}

func checkVersion(got, want int) error {
	if got != want {
		return fmt.Errorf("version %d, want %d", got, want)
	}
	return nil
}

func (r *row) check(key string) error {
	if err := checkVersion(r.Version, rowVersion); err != nil {
		return err
	}
	switch {
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
	switch {
	case r.State == Processing:
		return nil
	case r.State == Ready && len(r.Manifest) > 0:
		return nil
	case r.State == Failed && r.Problem != nil:
		return nil
	}
	return fmt.Errorf("state %q does not fit the rest", r.State)
}

// supersedes tells whether whoever wrote the row knew the manifest in the chunks at.
func (r *row) supersedes(at []chunk.Info) bool {
	name := nameOf(at)
	if nameOf(r.Manifest) == name {
		return true
	}
	for _, before := range r.Superseded {
		if nameOf(before) == name {
			return true
		}
	}
	return false
}

func (r *row) entry() *entry {
	e := &entry{made: r.State, title: r.Title, by: r.By, superseded: r.Superseded, video: Video{
		ID: r.ID, Stage: r.Stage, Progress: r.Progress, Problem: r.Problem, Node: r.Node,
		Duration: time.Duration(r.DurationNS), Size: r.Size, Created: r.Created,
		SourceName: r.SourceName, SourceSHA256: r.SourceSHA256,
		Renditions: r.Renditions, Manifest: r.Manifest,
	}}
	if e.made == Ready {
		e.video.Progress = 1
	}
	if r.Poster != nil {
		e.video.Poster = &manifest.Blob{Hash: r.Poster.Hash, Size: r.Poster.Size, Chunks: r.Poster.Chunks}
	}
	e.video.Storyboard = r.Storyboard
	for _, c := range r.Chapters {
		e.video.Chapters = append(e.video.Chapters, manifest.Chapter{Start: time.Duration(c.StartNS), Title: c.Title})
	}
	return e
}
