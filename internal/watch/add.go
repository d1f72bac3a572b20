package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/media"
)

// maxSubtitles is how much of a file of subtitles is read; the library takes less.
const maxSubtitles = 5 << 20

// add adds a film, unless one of the same bytes was added from the folder before.
func (w *Watcher) add(ctx context.Context, found *folder, f file) error {
	same, known, err := w.addedBefore(ctx, found, f)
	if err != nil {
		return err
	}
	if known {
		w.log.Info("a watched film was moved or copied", "file", f.path, "video", same.Video)
		return w.ledger.note(ctx, f, same)
	}
	open, err := found.root.Open(f.path)
	if err != nil {
		return err
	}
	defer open.Close()
	body := &steady{file: open, want: f, hash: sha256.New(), ctx: ctx}
	video, err := w.cfg.Library.AddFilm(ctx, path.Base(f.path), f.size, body)
	switch {
	case body.changed:
		return errChanged
	case err != nil && (errors.Is(err, ErrLater) || ctx.Err() != nil):
		return err
	case err != nil: // it is left alone until it changes
		w.log.Warn("a watched film was not taken", "file", f.path, "err", err)
		return w.ledger.note(ctx, f, entry{Problem: err.Error()})
	}
	w.log.Info("a watched film was added", "file", f.path, "video", video)
	return w.ledger.note(ctx, f, entry{SHA256: chunk.Ref(body.hash.Sum(nil)), Video: video})
}

// addedBefore hashes a film when another one had its size, and looks for one of the same bytes.
func (w *Watcher) addedBefore(ctx context.Context, found *folder, f file) (e entry, known bool, err error) {
	if w.ledger.sizes[f.size] == 0 {
		return e, false, nil
	}
	open, err := found.root.Open(f.path)
	if err != nil {
		return e, false, err
	}
	defer open.Close()
	body := &steady{file: open, want: f, hash: sha256.New(), ctx: ctx}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return e, false, err
	}
	e, known = w.ledger.byContent(f.size, chunk.Ref(body.hash.Sum(nil)))
	return e, known, nil
}

// steady reads a file that must not change meanwhile.
type steady struct {
	file    *os.File
	want    file
	hash    hash.Hash
	ctx     context.Context // that of the look which reads the file
	changed bool
}

func (s *steady) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.file.Read(p)
	s.hash.Write(p[:n])
	if err == io.EOF {
		if info, statErr := s.file.Stat(); statErr != nil || info.Size() != s.want.size || !info.ModTime().Equal(s.want.mtime) {
			s.changed = true
			return n, errChanged
		}
	}
	return n, err
}

// addSubtitles gives films that were added the subtitles that lie beside them, also those that came later.
func (w *Watcher) addSubtitles(ctx context.Context, found *folder, now time.Time) (problems []problem) {
	files := make(map[string]file)
	waiting := false
	for _, f := range found.files {
		files[f.path] = f
		waiting = waiting || !f.film && !w.ledger.known(f)
	}
	if !waiting {
		return nil
	}
	for _, f := range found.files {
		added, known := w.ledger.entries[f.path]
		if !f.film || !known || added.Video == "" || ctx.Err() != nil {
			continue
		}
		for _, name := range media.Subtitles(path.Base(f.path), namesBeside(f, found.files)) {
			beside := files[path.Join(path.Dir(f.path), name)]
			if s, found := w.seen[beside.path]; w.ledger.known(beside) || !found || now.Sub(s.since) < w.cfg.Quiet {
				continue
			}
			if err := w.addOneSubtitles(ctx, found, beside, added.Video); err != nil {
				problems = append(problems, problem{beside.path, err})
			}
		}
	}
	return problems
}

func (w *Watcher) addOneSubtitles(ctx context.Context, found *folder, f file, video string) error {
	open, err := found.root.Open(f.path)
	if err != nil {
		return err
	}
	defer open.Close()
	content, err := io.ReadAll(io.LimitReader(open, maxSubtitles))
	if err != nil {
		return err
	}
	err = w.cfg.Library.AddSubtitles(ctx, video, path.Base(f.path), content)
	switch {
	case isGone(err):
		return w.ledger.note(ctx, f, entry{})
	case err != nil && (errors.Is(err, ErrLater) || ctx.Err() != nil):
		return nil // the film is in work, or the disk full, which others tell
	case err != nil:
		return w.ledger.note(ctx, f, entry{Problem: err.Error()})
	}
	w.log.Info("watched subtitles were added", "file", f.path, "video", video)
	return w.ledger.note(ctx, f, entry{Video: video})
}

// shownProblems is how many files a warning names.
const shownProblems = 3

// warningsOf tells of what is left alone, in words.
func warningsOf(problems []problem) []Warning {
	if len(problems) == 0 {
		return nil
	}
	if first := problems[0]; first.path == "." {
		return []Warning{{"watch_unreadable", fmt.Sprintf("The watched folder cannot be read: %v. Mount it, or give the user that the node runs as the right to read it; it is tried again every minute.", bare(first.err))}}
	}
	message := "In the watched folder, some files are left out: "
	for i, p := range problems[:min(len(problems), shownProblems)] {
		if i > 0 {
			message += "; "
		}
		message += fmt.Sprintf("%s (%v)", p.path, bare(p.err))
	}
	if more := len(problems) - shownProblems; more > 0 {
		message += fmt.Sprintf("; and %d more", more)
	}
	message += ". Each is tried again when it changes."
	if slices.ContainsFunc(problems, func(p problem) bool { return errors.Is(p.err, fs.ErrPermission) }) {
		message += " Give the user that the node runs as the right to read them."
	}
	return []Warning{{"watch_left_out", message}}
}

// bare drops the path from an error of the file system.
func bare(err error) error {
	var inPath *os.PathError
	if errors.As(err, &inPath) {
		return inPath.Err
	}
	return err
}
