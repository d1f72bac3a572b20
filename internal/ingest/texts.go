package ingest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"shoal/internal/manifest"
	"shoal/internal/webvtt"
)

const (
	maxTexts = 32
	// textTimescale is in ticks a second: WebVTT counts milliseconds.
	textTimescale = 1000
)

// textOutput is a text of the source that becomes WebVTT.
type textOutput struct {
	ID       string
	Stream   int
	Language string
	Name     string
	Default  bool
	Forced   bool
}

// isText tells whether a subtitle is made of letters; others are pictures, which browsers do not show.
func isText(codec string) bool {
	switch codec {
	case "subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text":
		return true
	}
	return false
}

// texts chooses the subtitles to make, and names the codecs of those that are left out.
func (b *builder) texts(streams []probedStream) (outs []textOutput, left []string) {
	shown := false
	for _, s := range streams {
		switch {
		case s.Kind != "subtitle":
			continue
		case !isText(s.Codec) || len(outs) == maxTexts:
			left = append(left, s.Codec)
			continue
		}
		// Files mark their first text as default whether or not anybody asked for it, so only a forced one is shown unasked.
		first := s.Default && s.Forced && !shown
		shown = shown || first
		outs = append(outs, textOutput{ID: b.id("text" + strconv.Itoa(len(outs))), Stream: s.Index, Language: s.Language,
			Name: s.Title, Default: first, Forced: s.Forced})
	}
	return outs, left
}

// file is the text's name in the job's folder.
func (o textOutput) file() string { return o.ID + ".vtt" }

// textArgs is the command line that writes all texts, each into a file of its own.
func textArgs(texts []textOutput) []string {
	args := append([]string{"-hide_banner", "-nostdin", "-v", "error", "-y"}, inputArgs()...)
	args = append(args, "-i", "file:"+sourceName)
	for _, o := range texts {
		args = append(args, "-map", "0:"+strconv.Itoa(o.Stream), "-c:s", "webvtt", "-map_metadata", "-1", "-map_chapters", "-1", "-f", "webvtt", "file:"+o.file())
	}
	return args
}

// texts adds the source's subtitles to the draft. A video without them is still a video.
func (im *Importer) texts(ctx context.Context, j *job) {
	log := im.cfg.Log.With("video", j.id)
	if len(j.plan.TextsLeft) > 0 {
		log.Info("subtitles left out: pictures, or too many", "codecs", strings.Join(j.plan.TextsLeft, " "))
	}
	if len(j.plan.Texts) == 0 {
		return
	}
	if err := im.makeTexts(ctx, j); err != nil && ctx.Err() == nil {
		log.Info("no subtitles", "err", err)
	}
}

func (im *Importer) makeTexts(ctx context.Context, j *job) error {
	ffmpeg, err := im.ffmpeg()
	if err != nil {
		return err
	}
	wall := 10*time.Minute + j.probed.Duration
	command := process{path: ffmpeg, dir: im.dir(j.id), args: textArgs(j.plan.Texts),
		limits: limits{wall: wall, cpu: wall, memory: 2 << 30, file: webvtt.MaxBytes, nice: 10}}
	if _, err := command.output(ctx, 1<<10); err != nil {
		return err
	}
	for _, o := range j.plan.Texts {
		if err := im.storeText(ctx, j, o); err != nil {
			return fmt.Errorf("text of stream %d: %w", o.Stream, err)
		}
	}
	return nil
}

// storeText reads what ffmpeg wrote and stores what is left of it as one segment.
func (im *Importer) storeText(ctx context.Context, j *job, o textOutput) error {
	written, err := os.ReadFile(filepath.Join(im.dir(j.id), o.file()))
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	cues, err := webvtt.Read(written)
	if err != nil || len(cues) == 0 {
		return err
	}
	s := newStorer(ctx, j.claim)
	blob, err := s.storeBlob(bytes.NewReader(webvtt.Write(cues)))
	if waitErr := s.wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return err
	}
	length := j.probed.Duration
	for _, c := range cues {
		length = max(length, c.End)
	}
	j.draft.addRendition(manifest.Rendition{
		ID: o.ID, Kind: manifest.Text, Codec: "wvtt", Language: o.Language, Name: o.Name, Default: o.Default, Forced: o.Forced,
		Source: true, Timescale: textTimescale, Complete: true,
		Segments: []manifest.Segment{{Blob: blob, Duration: uint64(max(length.Milliseconds(), 1))}},
	})
	return nil
}

// plainText makes words of a file fit to be shown: one line of at most manifest.MaxName bytes.
func plainText(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	clean = strings.Join(strings.Fields(clean), " ")
	if len(clean) > manifest.MaxName {
		clean = strings.ToValidUTF8(clean[:manifest.MaxName], "")
	}
	return clean
}
