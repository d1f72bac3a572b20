package disk

import "os"

// noWait is not needed: no pipe has a name in a folder there.
const noWait = 0

// unlockFile has nothing to do: closing the file releases bbolt's lock, mapped or not.
func unlockFile(*os.File) error { return nil }

// forgetCached does nothing: Windows has no way to drop what is cached of a file.
func forgetCached(*os.File) {}
