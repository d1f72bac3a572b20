package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"shoal/internal/media"
)

// filmFile is a file to add, with the files of subtitles that belong to it.
type filmFile struct {
	path      string
	subtitles []string
}

// filesToAdd returns the files among paths, and of each directory the films in it, sorted by name; each with the
// subtitles that lie beside it. A file that is named itself may be called anything.
func filesToAdd(paths []string) ([]filmFile, error) {
	var films []filmFile
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, problem("cannot add "+path, bare(err).Error(), "")
		}
		if info.IsDir() {
			found, err := filmsIn(path)
			if err != nil {
				return nil, err
			}
			films = append(films, found...)
		} else if !media.IsSubtitles(path) {
			films = append(films, filmFile{path: path})
		}
	}
	if err := giveSubtitles(films); err != nil {
		return nil, err
	}
	for _, path := range paths {
		if media.IsSubtitles(path) && !belongs(path, films) {
			return nil, misuse("cannot add "+path+" by itself", "It is subtitles, and none of the files is the film of that name.",
				"shoal subtitles ID "+path+", with the id of the video they are for")
		}
	}
	return films, nil
}

func filmsIn(dir string) ([]filmFile, error) {
	var films []filmFile
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return problem("cannot read "+path, bare(err).Error(), "")
		}
		if hidden := strings.HasPrefix(entry.Name(), "."); hidden && path != dir {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() && media.IsFilm(path) {
			films = append(films, filmFile{path: path})
		}
		return nil
	})
	if err == nil && len(films) == 0 {
		err = problem("cannot add "+dir, "There is no video or sound file in it.", "name the files themselves")
	}
	return films, err
}

// giveSubtitles finds what lies beside the films. A folder that may not be listed has none.
func giveSubtitles(films []filmFile) error {
	folders := map[string][]string{}
	for i, f := range films {
		dir := filepath.Dir(f.path)
		names, known := folders[dir]
		if !known {
			var err error
			if names, err = fileNames(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
				return problem("cannot look for subtitles in "+dir, bare(err).Error(), "")
			}
			folders[dir] = names
		}
		for _, name := range media.Subtitles(filepath.Base(f.path), names) {
			films[i].subtitles = append(films[i].subtitles, filepath.Join(dir, name))
		}
	}
	return nil
}

// fileNames lists the regular files in a folder.
func fileNames(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// belongs tells whether a file of subtitles goes with one of the films.
func belongs(path string, films []filmFile) bool {
	for _, f := range films {
		for _, with := range f.subtitles {
			if filepath.Clean(path) == filepath.Clean(with) {
				return true
			}
		}
	}
	return false
}
