package watch

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"shoal/internal/media"
)

// file is a film or a file of subtitles in the folder; path is relative to it, with slashes.
type file struct {
	path  string
	size  int64
	mtime time.Time
	film  bool
}

// problem is why something in the folder is left alone.
type problem struct {
	path string
	err  error
}

// folder is what was found in one look. Paths that lead out of the folder, by whichever links, are not followed.
type folder struct {
	root     *os.Root
	files    []file
	folders  []string
	problems []problem
}

// scan looks through a folder. What cannot be read is among the problems.
func scan(dir string) *folder {
	f := new(folder)
	var err error
	if f.root, err = os.OpenRoot(dir); err != nil {
		f.problems = []problem{{".", err}}
		return f
	}
	_ = fs.WalkDir(f.root.FS(), ".", f.visit) // visit goes on after every error
	return f
}

func (f *folder) close() {
	if f.root != nil {
		f.root.Close()
	}
}

func (f *folder) visit(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		if !isGone(err) {
			f.problems = append(f.problems, problem{name, err})
		}
		if entry != nil && entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if hidden := strings.HasPrefix(path.Base(name), ".") && name != "."; hidden {
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if entry.IsDir() {
		f.folders = append(f.folders, name)
		return nil
	}
	film := media.IsFilm(name)
	if !film && !media.IsSubtitles(name) {
		return nil
	}
	// A link is followed as long as it stays in the folder.
	info, err := f.root.Stat(name)
	switch {
	case err == nil && info.Mode().IsRegular():
		f.files = append(f.files, file{name, info.Size(), info.ModTime(), film})
	case err != nil && !isGone(err) && entry.Type().IsRegular():
		f.problems = append(f.problems, problem{name, err})
	}
	return nil
}

// seen is how a file was when it was looked at before, and since when it is so.
type seen struct {
	size  int64
	mtime time.Time
	since time.Time
}

// plan is what one look leads to.
type plan struct {
	films   []file
	waiting int
}

// decide chooses the films to add: those that nobody added as they are now, and that have not changed for a while. It
// returns what to remember for the next look.
func decide(files []file, before map[string]seen, known func(file) bool, now time.Time, quiet time.Duration) (plan, map[string]seen) {
	var p plan
	after := make(map[string]seen)
	for _, f := range files {
		if known(f) {
			continue
		}
		s, found := before[f.path]
		if !found || s.size != f.size || !s.mtime.Equal(f.mtime) {
			s = seen{f.size, f.mtime, now}
		}
		after[f.path] = s
		switch ready := now.Sub(s.since) >= quiet && f.size > 0; {
		case !f.film:
		case ready:
			p.films = append(p.films, f)
		default:
			p.waiting++
		}
	}
	return p, after
}

// namesBeside lists the files in the folder of f.
func namesBeside(f file, files []file) (names []string) {
	for _, other := range files {
		if path.Dir(other.path) == path.Dir(f.path) {
			names = append(names, path.Base(other.path))
		}
	}
	return names
}

// errChanged says that a film changed while it was read; it is looked at again.
var errChanged = errors.New("the file is still changing")
