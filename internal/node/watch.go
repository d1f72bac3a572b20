package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"shoal/internal/chunk"
	"shoal/internal/httpapi"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/watch"
)

// watchedAtOnce is how many films of a watched folder may be in work: each lies on the disk twice meanwhile.
const watchedAtOnce = 4

// watchedLibrary takes in what a watched folder has.
type watchedLibrary struct {
	importer *ingest.Importer
	library  *library.Library
}

func (l watchedLibrary) Busy() bool {
	waiting, running := l.importer.InWork()
	return waiting+running >= watchedAtOnce
}

func (l watchedLibrary) AddFilm(ctx context.Context, name string, size int64, body io.Reader) (string, error) {
	got, err := l.importer.Accept(ctx, ingest.Upload{Name: name, Size: size, Body: body})
	return string(got.ID), ofWatched(err)
}

func (l watchedLibrary) AddSubtitles(ctx context.Context, video, name string, content []byte) error {
	id := manifest.VideoID(video)
	if same, folded := l.library.SameAs(id); folded {
		id = same
	}
	v, err := l.library.Get(id)
	if errors.Is(err, library.ErrNotFound) || v.State == library.Trashed {
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	if v.State == library.Failed {
		return watch.ErrLater // it may be tried again
	}
	said := ingest.ReadSidecarName(v.SourceName, name)
	_, err = l.importer.AddText(ctx, id, ingest.Sidecar{File: content, Language: said.Language, Name: said.Name, Forced: said.Forced})
	if errors.Is(err, library.ErrNotReady) || errors.Is(err, library.ErrElsewhere) || errors.Is(err, ingest.ErrGone) {
		return watch.ErrLater
	}
	return ofWatched(err)
}

// ofWatched tells what may go better later from what the file is to blame for, in words for the latter.
func ofWatched(err error) error {
	switch {
	case errors.Is(err, ingest.ErrBusy), errors.Is(err, ingest.ErrNoFFmpeg), errors.Is(err, chunk.ErrFull):
		return fmt.Errorf("%w: %w", watch.ErrLater, err)
	case errors.Is(err, ingest.ErrTooLarge):
		return errors.New("larger than this node takes: see --max-upload")
	case errors.Is(err, ingest.ErrNotText), errors.Is(err, ingest.ErrNoCues):
		return errors.New("no subtitles that can be read")
	case errors.Is(err, ingest.ErrManyTexts):
		return errors.New("the video has as many subtitles as it can have")
	}
	return err
}

// watched tells how the watching of a folder is, nil when none is watched.
func (n *Node) watched() *httpapi.Watched {
	if n.watcher == nil {
		return nil
	}
	s := n.watcher.Status()
	w := &httpapi.Watched{Dir: s.Dir, Scanned: s.Scanned, Films: s.Films, Waiting: s.Waiting, Added: s.Added}
	for _, one := range s.Warnings {
		w.Warnings = append(w.Warnings, httpapi.Warning{Code: one.Code, Message: one.Message})
	}
	return w
}
