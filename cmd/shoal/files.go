package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mediaExtensions are what add takes from a directory; a file that is named itself may be called anything.
const mediaExtensions = " .mp4 .m4v .mov .mkv .webm .avi .ts .m2ts .mts .mpg .mpeg .vob .wmv .asf .flv .f4v .ogv .3gp .3g2 .mxf .dv" +
	" .mp3 .m4a .m4b .aac .flac .ogg .oga .opus .wav .wma .aiff .aif .ac3 .mka "

// filesToAdd replaces each directory among paths by the films in it, sorted by name.
func filesToAdd(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, problem("cannot add "+path, bare(err).Error(), "")
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := filmsIn(path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func filmsIn(dir string) ([]string, error) {
	var films []string
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
		if entry.Type().IsRegular() && isMediaName(path) {
			films = append(films, path)
		}
		return nil
	})
	if err == nil && len(films) == 0 {
		err = problem("cannot add "+dir, "There is no video or sound file in it.", "name the files themselves")
	}
	return films, err
}

func isMediaName(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext != "" && !strings.Contains(ext, " ") && strings.Contains(mediaExtensions, " "+ext+" ")
}
