package disk

import "os"

// reader reads a chunk's file, which never changes under its name.
type reader struct {
	file *os.File
	size int64
}

func (r *reader) Read(p []byte) (int, error)                { return r.file.Read(p) }
func (r *reader) ReadAt(p []byte, off int64) (int, error)   { return r.file.ReadAt(p, off) }
func (r *reader) Seek(off int64, whence int) (int64, error) { return r.file.Seek(off, whence) }
func (r *reader) Close() error                              { return r.file.Close() }
func (r *reader) Size() int64                               { return r.size }

// File returns the open file, for sendfile; it stays the reader's to close.
func (r *reader) File() *os.File { return r.file }
