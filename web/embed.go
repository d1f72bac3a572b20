// Package web holds the built web client.
//
// The client is written in TypeScript and built by Vite into dist, which is not committed. A program
// that was built without it carries a page that says how to build it. Serving the files (routes, cache
// headers, the content security policy) is left to the caller.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

//go:embed placeholder
var placeholder embed.FS

// Files returns the client's files: index.html in the root, and in assets the files whose names contain
// a hash of their content, so that they may be cached for ever. Without a built client only index.html is
// there. The result may be read from many goroutines.
func Files() fs.FS {
	if _, err := fs.Stat(built, "dist/index.html"); err == nil {
		return inside(built, "dist")
	}
	return inside(placeholder, "placeholder")
}

// inside returns the folder dir of files; dir is one of the embedded ones, so that it cannot fail.
func inside(files fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err)
	}
	return sub
}
