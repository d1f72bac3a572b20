//go:build darwin || freebsd

package disk

import "os"

// forgetCached does nothing: these systems have no portable way to read past the cache of a file.
func forgetCached(*os.File) {}
