package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// pollEvery is how often --wait asks how far the work is.
const pollEvery = 400 * time.Millisecond

// adder adds files to one node, one after another.
type adder struct {
	app    *app
	client *client
	bars   *bars
	title  string
	wait   bool
}

func addCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add FILE|DIR…",
		Short: "Add films to the library",
		Long: "Add films to the library. Of a directory, every video and sound file is added, those in its\n" +
			"subdirectories too. Subtitles beside a film come along when they are named as it is, such as\n" +
			"film.srt or film.de.srt. Each video's id is printed on standard output once the node has the whole file.",
		Args: cobra.MinimumNArgs(1),
	}
	title := cmd.Flags().String("title", "", "the video's `TITLE` (default: from the file's name)")
	wait := cmd.Flags().Bool("wait", false, "wait until the video is ready")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		films, err := filesToAdd(args)
		if err != nil {
			return err
		}
		if *title != "" && len(films) != 1 {
			return misuse("cannot give one title to "+count(len(films), "file"), "", "add them one by one")
		}
		all := adder{app: a, client: c, bars: a.newBars(), title: *title, wait: *wait}
		return all.addAll(ctx, films)
	})
	return cmd
}

// addAll goes on after a file that failed; it stops where no other could succeed.
func (d *adder) addAll(ctx context.Context, films []filmFile) error {
	failed := 0
	for _, f := range films {
		err := d.add(ctx, f)
		if err == nil {
			continue
		}
		if len(films) == 1 || ctx.Err() != nil || hopeless(err) {
			return err
		}
		failed++
		fmt.Fprintln(d.app.stderr, printable(err.Error()))
	}
	if failed > 0 {
		return problem(fmt.Sprintf("%d of %s could not be added", failed, count(len(films), "file")), "", "")
	}
	return nil
}

// hopeless tells whether the next file would fail just so: no node, no leave, no room.
func hopeless(err error) bool {
	var t *trouble
	var refusal *apiError
	return errors.As(err, &t) || errors.As(err, &refusal) && refusal.Status == http.StatusInsufficientStorage
}

// add sends one film with its subtitles and, where asked to, waits until it is ready.
func (d *adder) add(ctx context.Context, f filmFile) error {
	v, err := d.send(ctx, f.path)
	d.bars.end()
	if err != nil {
		return fmt.Errorf("add %s: %w", f.path, err)
	}
	if v.Duplicate {
		fmt.Fprintf(d.app.stderr, "%s is in the library already\n", printable(filepath.Base(f.path)))
	}
	fmt.Fprintln(d.app.stdout, printable(v.ID))
	lacking := d.addSubtitles(ctx, v, f.subtitles)
	if !d.wait {
		return lacking
	}
	err = d.watch(ctx, f.path, v)
	d.bars.end()
	return errors.Join(err, lacking)
}

// addSubtitles sends what lies beside a film. The film is there without them too, so that all are tried.
func (d *adder) addSubtitles(ctx context.Context, v video, files []string) error {
	var errs []error
	for _, file := range files {
		if _, err := d.client.addSubtitles(ctx, v.ID, file, nil); err != nil {
			errs = append(errs, fmt.Errorf("the film %s was added, without %s: %w", v.ID, file, err))
		}
	}
	return errors.Join(errs...)
}

func (d *adder) send(ctx context.Context, file string) (video, error) {
	f, err := os.Open(file)
	if err != nil {
		return video{}, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return video{}, bare(err)
	}
	if !info.Mode().IsRegular() {
		return video{}, errors.New("this is not a regular file")
	}
	name := filepath.Base(file)
	body := io.TeeReader(io.LimitReader(f, info.Size()), d.bars.bytes(name, info.Size()))
	return d.client.upload(ctx, name, d.title, body, info.Size())
}

// watch follows v until it is ready or failed.
func (d *adder) watch(ctx context.Context, file string, v video) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		switch v.State {
		case "ready":
			d.bars.part(v.Stage, 1)
			return nil
		case "failed":
			return fmt.Errorf("prepare %s: %s", file, failure(v))
		case "trashed":
			return fmt.Errorf("prepare %s: it was removed meanwhile", file)
		}
		d.bars.part(v.Stage, v.Progress)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		var err error
		if v, err = d.client.video(ctx, v.ID); err != nil {
			return fmt.Errorf("follow %s: %w", file, err)
		}
	}
}

func failure(v video) string {
	if v.Error == nil {
		return "it could not be prepared"
	}
	return v.Error.Message
}

// bare drops the path from an error of the file system: the caller says it.
func bare(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
