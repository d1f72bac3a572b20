package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
	"shoal/internal/webvtt"
)

// MaxSidecar is the longest file that AddText takes, in bytes.
const MaxSidecar = 4 << 20

// Errors of AddText and RemoveText that callers branch on; ErrNotText is another.
var (
	// ErrNoCues says that a file is no subtitles, or none that are read here.
	ErrNoCues = errors.New("no subtitles in the file")
	// ErrLanguage says that a language is no BCP 47 tag.
	ErrLanguage = errors.New("no language tag")
	// ErrManyTexts says that a video has as many texts as it can have.
	ErrManyTexts = errors.New("too many texts")
	// ErrNoText says that a video has no such text.
	ErrNoText = errors.New("no such text")
)

// Sidecar is a file of subtitles that belongs to a video.
type Sidecar struct {
	// File is the whole file: SubRip, WebVTT, ASS or SSA. Encoding is that of its letters, as the WHATWG names it, "" to
	// find out.
	File     []byte
	Encoding string
	// Language is a BCP 47 tag or "", Name is shown to people.
	Language, Name string
	// Forced texts belong to the picture and are shown unless another is chosen.
	Forced bool
}

// AddedText is the answer to a Sidecar.
type AddedText struct {
	// ID is the text's rendition. It follows from what was added, so that the same again is the same.
	ID string
	// Again is true when the video had it before, Waiting when it shows once the video is ready.
	Again, Waiting bool
}

// AddText gives a video subtitles from a file of their own. When it returns without error they are durable: a ready
// video has them at once, one that is being prepared gets them together with the rest.
// Errors: ErrEmpty, ErrTooLarge, ErrNotText, ErrNoCues, ErrLanguage, ErrManyTexts, ErrNoFFmpeg, ErrGone, chunk.ErrFull,
// and those of the catalogue for a video that cannot be changed.
func (im *Importer) AddText(ctx context.Context, id manifest.VideoID, s Sidecar) (AddedText, error) {
	w, err := im.readSidecar(ctx, s)
	if err != nil {
		return AddedText{}, fmt.Errorf("add text to video %s: %w", id, err)
	}
	unlock, err := im.lockVideos(ctx)
	if err != nil {
		return AddedText{}, err
	}
	defer unlock()
	added := AddedText{ID: w.id()}
	m, err := im.cfg.Catalog.Manifest(ctx, id)
	switch {
	case err == nil && m.Complete:
		added.Again, err = im.addTextNow(ctx, id, w)
	case im.queue.imports(id):
		added.Again, err = im.keepWaiting(id, w)
		added.Waiting = true
	default:
		err = im.whyNot(id, err)
	}
	if err != nil {
		return AddedText{}, fmt.Errorf("add text to video %s: %w", id, err)
	}
	return added, nil
}

// whyNot tells why texts of a video cannot be changed that is neither ready nor prepared here, when reading it gave err.
func (im *Importer) whyNot(id manifest.VideoID, err error) error {
	if elsewhere := im.cfg.Catalog.Here(id); elsewhere != nil {
		return elsewhere
	}
	if err == nil {
		return ErrGone // it failed or was deleted in between
	}
	return err
}

// RemoveText takes a text away from a video, whether it came with the film or was added. Its bytes are given back by
// the next survey of the store. Errors: ErrNoText, and those of the catalogue for a video that cannot be changed.
func (im *Importer) RemoveText(ctx context.Context, id manifest.VideoID, rendition string) error {
	unlock, err := im.lockVideos(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := im.cfg.Catalog.Manifest(ctx, id)
	switch {
	case (err != nil || !m.Complete) && im.queue.imports(id):
		err = im.dropWaiting(id, rendition)
	case err == nil && m.Complete:
		err = im.removeTextNow(ctx, id, rendition)
	default:
		err = im.whyNot(id, err)
	}
	if err != nil {
		return fmt.Errorf("remove text of video %s: %w", id, err)
	}
	return nil
}

func (im *Importer) removeTextNow(ctx context.Context, id manifest.VideoID, rendition string) error {
	c := im.claims.open()
	err := im.amendLocked(ctx, id, c, func(m *manifest.Manifest) error {
		before := len(m.Renditions)
		m.Renditions = slices.DeleteFunc(m.Renditions, func(r manifest.Rendition) bool { return r.ID == rendition && r.Kind == manifest.Text })
		if len(m.Renditions) == before {
			return fmt.Errorf("%.20q: %w", rendition, ErrNoText)
		}
		return nil
	})
	return errors.Join(err, c.undo(context.WithoutCancel(ctx)))
}

// waitingText is a text that is read and not yet part of a video.
type waitingText struct {
	Version  int    `json:"version"`
	Language string `json:"language"`
	Name     string `json:"name"`
	Forced   bool   `json:"forced"`
	// WebVTT is what webvtt.Write makes.
	WebVTT string `json:"webvtt"`
	// End is the end of the last cue, in nanoseconds.
	End time.Duration `json:"end_ns"`
}

// id names the rendition by what is in it.
func (w waitingText) id() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %t %s", w.Language, w.Name, w.Forced, w.WebVTT))
	return "sub" + hex.EncodeToString(sum[:6])
}

// readSidecar checks a sidecar and turns it into WebVTT.
func (im *Importer) readSidecar(ctx context.Context, s Sidecar) (waitingText, error) {
	switch {
	case len(s.File) == 0:
		return waitingText{}, ErrEmpty
	case len(s.File) > MaxSidecar:
		return waitingText{}, fmt.Errorf("%d bytes, at most %d: %w", len(s.File), MaxSidecar, ErrTooLarge)
	case s.Language != "" && !manifest.ValidLanguage(s.Language):
		return waitingText{}, fmt.Errorf("%.20q: %w", s.Language, ErrLanguage)
	}
	text, err := readLetters(s.File, s.Encoding)
	if err != nil {
		return waitingText{}, err
	}
	cues, err := im.cuesOf(ctx, text)
	if err != nil {
		return waitingText{}, err
	}
	w := waitingText{Version: waitingVersion, Language: s.Language, Name: plainText(s.Name), Forced: s.Forced, WebVTT: string(webvtt.Write(cues))}
	for _, c := range cues {
		w.End = max(w.End, c.End)
	}
	return w, nil
}

// cuesOf reads subtitles of any kind that is known by its beginning, or by the mark between two times.
func (im *Importer) cuesOf(ctx context.Context, text string) ([]webvtt.Cue, error) {
	written := []byte(text)
	if !strings.HasPrefix(text, "WEBVTT") {
		format := "srt"
		switch {
		case strings.Contains(text, "[Script Info]"), strings.Contains(text, "[Events]"):
			format = "ass"
		case !strings.Contains(text, "-->"):
			return nil, ErrNoCues
		}
		var err error
		if written, err = im.convertText(ctx, format, text); err != nil {
			return nil, err
		}
	}
	cues, err := webvtt.Read(written)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCues, err)
	}
	if len(cues) == 0 {
		return nil, ErrNoCues
	}
	return cues, nil
}

// convertText has ffmpeg turn a text into WebVTT. The demuxer is named, so that nothing else reads it.
func (im *Importer) convertText(ctx context.Context, format, text string) ([]byte, error) {
	ffmpeg, err := im.ffmpeg()
	if err != nil {
		return nil, err
	}
	if err := im.ensureDir(); err != nil {
		return nil, err
	}
	out, err := process{path: ffmpeg, dir: im.cfg.Dir, stdin: strings.NewReader(text),
		args: []string{"-hide_banner", "-nostdin", "-v", "error", "-protocol_whitelist", "pipe", "-format_whitelist", "srt,ass",
			"-codec_whitelist", "subrip,srt,ass,ssa", "-f", format, "-i", "pipe:0", "-map", "0:s:0", "-c:s", "webvtt",
			"-map_metadata", "-1", "-f", "webvtt", "pipe:1"},
		limits: limits{wall: time.Minute, cpu: 30 * time.Second, memory: 1 << 30, file: 1, nice: 5},
	}.output(ctx, webvtt.MaxBytes)
	var failed *processError
	if errors.As(err, &failed) && !failed.killed {
		return nil, fmt.Errorf("%w: %w", ErrNoCues, err)
	}
	return out, err
}

// addTextNow publishes a ready video with one more text.
func (im *Importer) addTextNow(ctx context.Context, id manifest.VideoID, w waitingText) (again bool, err error) {
	c := im.claims.open()
	defer func() { err = errors.Join(err, c.undo(context.WithoutCancel(ctx))) }()
	s := newStorer(ctx, c)
	blob, err := s.storeBlob(strings.NewReader(w.WebVTT))
	if err = errors.Join(err, s.wait()); err != nil {
		return false, err
	}
	err = im.amendLocked(ctx, id, c, func(m *manifest.Manifest) error {
		if _, again = m.Rendition(w.id()); again {
			return errUnchanged
		}
		return addText(m, w, blob)
	})
	return again, err
}

// addText puts a text into a manifest.
func addText(m *manifest.Manifest, w waitingText, blob manifest.Blob) error {
	texts, shown := 0, false
	for _, r := range m.Renditions {
		if r.Kind == manifest.Text {
			texts++
			shown = shown || r.Default
		}
	}
	if texts >= maxTexts || len(m.Renditions) >= manifest.MaxRenditions {
		return fmt.Errorf("%d texts: %w", texts, ErrManyTexts)
	}
	length := max(m.Duration, w.End, time.Millisecond)
	m.Renditions = append(m.Renditions, manifest.Rendition{
		ID: w.id(), Kind: manifest.Text, Codec: "wvtt", Language: w.Language, Name: w.Name, Forced: w.Forced, Default: w.Forced && !shown,
		Timescale: textTimescale, Complete: true,
		Segments: []manifest.Segment{{Blob: blob, Duration: uint64(length.Milliseconds())}},
	})
	return nil
}

// errUnchanged ends an amendment that has nothing to change.
var errUnchanged = errors.New("nothing changed")

// lockVideos makes the caller the only one to publish a video; what it reads of one stays true until unlock.
func (im *Importer) lockVideos(ctx context.Context) (unlock func(), err error) {
	select {
	case im.publishing <- struct{}{}:
		return func() { <-im.publishing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// amend publishes a ready video again, changed by change, which gets a manifest of its own. Whoever else amends the
// video does so before or after. The claim is kept when the video relies on it, and when nobody knows whether it does:
// what is not needed is found by the next survey. Else it is the caller's to undo.
func (im *Importer) amend(ctx context.Context, id manifest.VideoID, c *claim, change func(*manifest.Manifest) error) error {
	unlock, err := im.lockVideos(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return im.amendLocked(ctx, id, c, change)
}

// amendLocked is amend for who has locked videos. Other nodes are not locked out: what they published first is changed then.
func (im *Importer) amendLocked(ctx context.Context, id manifest.VideoID, c *claim, change func(*manifest.Manifest) error) error {
	for done := false; !done; {
		m, was, err := im.cfg.Catalog.Stored(ctx, id)
		if err != nil {
			return err
		}
		m = m.Snapshot()
		if err := change(m); errors.Is(err, errUnchanged) {
			break
		} else if err != nil {
			return err
		}
		at, err := storeManifest(ctx, c, m)
		if err != nil {
			return err
		}
		if done, err = im.cfg.Catalog.Replace(ctx, id, was, m, at); errors.Is(err, chunk.ErrFull) {
			return err
		} else if err != nil {
			c.keep()
			return err
		}
	}
	c.keep()
	return nil
}

// storeManifest keeps a manifest as chunks.
func storeManifest(ctx context.Context, c *claim, m *manifest.Manifest) ([]chunk.Info, error) {
	text, err := m.Encode()
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	s := newStorer(ctx, c)
	blob, err := s.storeBlob(bytes.NewReader(text))
	if err = errors.Join(err, s.wait()); err != nil {
		return nil, fmt.Errorf("store manifest: %w", err)
	}
	return blob.Chunks, nil
}
