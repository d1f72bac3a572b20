package filesystem

// SyncDir does nothing: Windows has no fsync of a folder, so a name may be lost in a power cut there.
func SyncDir(string) error { return nil }
