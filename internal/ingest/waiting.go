package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"shoal/internal/filesystem"
	"shoal/internal/manifest"
)

const (
	// Texts that wait for their video lie beside its source, each in a file that is named by its rendition.
	waitingPrefix  = "text-"
	waitingSuffix  = ".json"
	waitingVersion = 1
	// maxWaitingText bounds such a file: WebVTT of webvtt.MaxBytes, escaped.
	maxWaitingText = 48 << 20
)

func (im *Importer) waitingPath(id manifest.VideoID, rendition string) string {
	return filepath.Join(im.dir(id), waitingPrefix+rendition+waitingSuffix)
}

// waitingNames lists the renditions whose texts wait for a video.
func (im *Importer) waitingNames(id manifest.VideoID) (renditions []string, err error) {
	entries, err := os.ReadDir(im.dir(id))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, begins := strings.CutPrefix(e.Name(), waitingPrefix)
		name, ends := strings.CutSuffix(name, waitingSuffix)
		if begins && ends {
			renditions = append(renditions, name)
		}
	}
	return renditions, nil
}

// keepWaiting keeps a text, durably, until its video is ready.
func (im *Importer) keepWaiting(id manifest.VideoID, w waitingText) (again bool, err error) {
	names, err := im.waitingNames(id)
	if errors.Is(err, os.ErrNotExist) {
		return false, ErrGone
	}
	if err != nil {
		return false, fmt.Errorf("look for texts: %w", err)
	}
	if len(names) >= maxTexts {
		return false, fmt.Errorf("%d texts wait: %w", len(names), ErrManyTexts)
	}
	path := im.waitingPath(id, w.id())
	if _, err := os.Lstat(path); err == nil {
		return true, nil
	}
	text, err := json.Marshal(w)
	if err != nil {
		return false, fmt.Errorf("write text: %w", err)
	}
	if err := writeSynced(path+".new", text); err != nil {
		return false, noRoom("write text", errors.Join(err, os.Remove(path+".new")))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return false, noRoom("write text", err)
	}
	return false, filesystem.SyncDir(im.dir(id))
}

func (im *Importer) dropWaiting(id manifest.VideoID, rendition string) error {
	if !manifest.ValidRenditionID(rendition) {
		return ErrNoText
	}
	err := os.Remove(im.waitingPath(id, rendition))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", rendition, ErrNoText)
	}
	return err
}

// Fold ends the preparing of a video like Cancel, in favour of a ready one of the same bytes: that gets the texts that were
// added to this one. Errors: those of AddText, and then nothing was ended.
func (im *Importer) Fold(ctx context.Context, id, into manifest.VideoID) error {
	if err := im.passWaiting(ctx, id, into); err != nil {
		return fmt.Errorf("fold video %s into %s: %w", id, into, err)
	}
	return im.Cancel(ctx, id)
}

// passWaiting gives the texts that wait for one video to another, which is ready.
func (im *Importer) passWaiting(ctx context.Context, id, into manifest.VideoID) error {
	unlock, err := im.lockVideos(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	names, err := im.waitingNames(id)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		w, err := readWaiting(im.waitingPath(id, name))
		if err != nil {
			return err
		}
		if _, err := im.addTextNow(ctx, into, w); err != nil && !errors.Is(err, ErrManyTexts) {
			return err
		}
	}
	return nil
}

// addWaiting puts the texts that wait for a job's video into its draft. One that cannot be read is left out: the
// video is more than its texts. The caller has locked videos.
func (im *Importer) addWaiting(ctx context.Context, j *job) {
	names, err := im.waitingNames(j.id)
	for _, name := range names {
		err = errors.Join(err, im.addOneWaiting(ctx, j, name))
	}
	if err != nil && ctx.Err() == nil {
		im.cfg.Log.Warn("added subtitles are left out", "video", j.id, "err", err)
	}
}

func (im *Importer) addOneWaiting(ctx context.Context, j *job, name string) error {
	w, err := readWaiting(im.waitingPath(j.id, name))
	if err != nil {
		return err
	}
	s := newStorer(ctx, j.claim)
	blob, err := s.storeBlob(strings.NewReader(w.WebVTT))
	if err = errors.Join(err, s.wait()); err != nil {
		return err
	}
	return j.draft.amend(func(m *manifest.Manifest) error { return addText(m, w, blob) })
}

func readWaiting(path string) (w waitingText, err error) {
	f, err := os.Open(path)
	if err != nil {
		return w, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxWaitingText))
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return w, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	if w.Version != waitingVersion || w.WebVTT == "" {
		return w, fmt.Errorf("read %s: version %d", filepath.Base(path), w.Version)
	}
	return w, nil
}
