package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
)

// clip is a film that this machine can make by itself: nothing is downloaded.
type clip struct {
	title string
	// recipes are inputs for ffmpeg, the best first; a build without some filter makes the next one.
	recipes [][]string
}

const (
	clipSeconds = "24"
	picture     = "size=640x360:rate=24"
	beeps       = "aevalsrc='0.4*sin(2*PI*880*t)*lt(mod(t,1),0.08)':s=48000"
	hum         = "sine=frequency=196:sample_rate=48000,volume=0.2"
	words       = "Open this page on a second device. The film comes from this machine, and nothing leaves your network."
)

func demoClips() []clip {
	const test = "testsrc2=" + picture
	const timecode = test + `,drawtext=timecode='00\:00\:00\:00':rate=24:fontsize=44:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=10:x=(w-tw)/2:y=h-90`
	const life = "life=size=160x90:rate=24:seed=7:ratio=0.14:mold=12:life_color=0x2ec4b6:death_color=0x0b3c49:mold_color=0x011627,scale=640:360:flags=neighbor"
	return []clip{
		{"Clock", [][]string{lavfi(timecode, beeps), lavfi(test, beeps)}},
		{"Life", [][]string{lavfi(life, "flite=voice=slt:text='"+words+"',aresample=48000,apad"), lavfi(life, hum)}},
	}
}

func lavfi(video, audio string) []string {
	return []string{"-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio}
}

// addDemo makes the clips and adds them as anyone would, unless the library holds or held something.
func addDemo(ctx context.Context, c *client, log *slog.Logger) error {
	for _, state := range []string{"", "trashed"} {
		videos, err := c.videos(ctx, state)
		if err != nil {
			return fmt.Errorf("look into the library: %w", err)
		}
		if len(videos) > 0 {
			return nil
		}
	}
	dir, err := os.MkdirTemp("", "shoal-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, film := range demoClips() {
		if err := addClip(ctx, c, film, dir); err != nil {
			return fmt.Errorf("add the sample clip %s: %w", film.title, err)
		}
		log.Info("sample clip added", "title", film.title)
	}
	return nil
}

func addClip(ctx context.Context, c *client, film clip, dir string) error {
	file := filepath.Join(dir, film.title+".mp4")
	if err := makeClip(ctx, film, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = c.upload(ctx, film.title+".mp4", film.title, f, info.Size())
	return err
}

// makeClip tries the recipes in turn and returns the last one's error.
func makeClip(ctx context.Context, film clip, file string) error {
	var err error
	for _, recipe := range film.recipes {
		if err = runFFmpeg(ctx, append(recipe, clipOutput(film.title, file)...)); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func clipOutput(title, file string) []string {
	return []string{
		"-t", clipSeconds, "-metadata", "title=" + title,
		"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "48", "-keyint_min", "48", "-sc_threshold", "0",
		"-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", "-y", file,
	}
}

func runFFmpeg(ctx context.Context, args []string) error {
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, args...)...)
	cmd.Stderr = &complaint
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return errNoFFmpeg
	}
	if err != nil {
		return fmt.Errorf("%w: %.200s", err, complaint.String())
	}
	return nil
}
