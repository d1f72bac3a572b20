package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Kind says what a Content is.
type Kind string

// The kinds of content.
const (
	Init    Kind = "init"
	Segment Kind = "segment"
	Picture Kind = "picture"
	Movie   Kind = "movie"
	Chunk   Kind = "chunk"
)

// Content is a blob that is read chunk by chunk: an io.ReadSeekCloser and io.WriterTo. A chunk is opened, and
// so verified, when reading reaches it, while the one after it is opened in the background. Errors of the
// store keep their meaning: chunk.ErrNotFound, chunk.ErrCorrupt; after the end of the context that it was
// opened with, reading fails with the context's error. An error of a chunk is returned before anything is
// written of it, so when the first one fails nothing is. It is used by one goroutine at a time.
type Content struct {
	kind Kind
	blob manifest.Blob
	// ends are where the chunks of blob end; shared, and never changed.
	ends []int64
	// head are bytes that stand in no store, in the place of the first chunk; nil for none.
	head  []byte
	store chunk.Store
	// ctx is that of the request which this content answers, since io.Reader takes none.
	ctx context.Context

	pos     int64
	closed  bool
	current *opened // the chunk that was read last, or nil
	next    *ahead  // the chunk after it, or nil
}

// opened is a chunk that can be read.
type opened struct {
	span
	reader chunk.Reader
	cancel context.CancelFunc // ends the context that the reader was opened with
}

// span is a chunk's place in the content.
type span struct {
	index      int
	start, end int64
}

func newContent(ctx context.Context, store chunk.Store, kind Kind, blob manifest.Blob) *Content {
	return &Content{kind: kind, blob: blob, ends: ends(blob.Chunks), store: store, ctx: ctx}
}

// ends returns where each chunk ends in what they hold together.
func ends(chunks []chunk.Info) []int64 {
	all := make([]int64, len(chunks))
	var end int64
	for i, info := range chunks {
		end += info.Size
		all[i] = end
	}
	return all
}

// Size returns the length in bytes.
func (c *Content) Size() int64 { return c.blob.Size }

// Hash returns the SHA-256 of the whole content.
func (c *Content) Hash() chunk.Ref { return c.blob.Hash }

// Kind says what the content is.
func (c *Content) Kind() Kind { return c.kind }

// Read implements io.Reader. It returns at most the rest of a chunk.
func (c *Content) Read(p []byte) (int, error) {
	if c.closed {
		return 0, c.wrap(fs.ErrClosed)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.pos >= c.Size() {
		return 0, io.EOF
	}
	o, err := c.enter(c.Size())
	if err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), o.end-c.pos)]
	n, err := o.reader.ReadAt(p, c.pos-o.start)
	c.pos += int64(n)
	if n == len(p) {
		return n, nil
	}
	return n, c.wrapChunk(o.index, unexpected(err))
}

// Seek implements io.Seeker. It opens nothing; a chunk that is being opened and not needed from there on is
// given up, and Seek waits for that.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	if c.closed {
		return 0, c.wrap(fs.ErrClosed)
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += c.pos
	case io.SeekEnd:
		offset += c.Size()
	default:
		return 0, c.wrap(fmt.Errorf("seek: unknown whence %d", whence))
	}
	if offset < 0 {
		return 0, c.wrap(errors.New("seek before the start"))
	}
	c.pos = offset
	if s := c.locate(offset); c.next != nil && s.index != c.next.index && s.index+1 != c.next.index {
		return offset, c.dropNext()
	}
	return offset, nil
}

// WriteTo implements io.WriterTo for what is left, as CopyN does.
func (c *Content) WriteTo(w io.Writer) (int64, error) {
	return c.copyTo(w, c.Size())
}

// CopyN writes the next n bytes to w and nothing of what follows them is opened. It returns io.EOF when fewer
// are left. When a chunk's reader has a method File() *os.File, the file holding the chunk and nothing
// else, w reads from that, so that a network connection can send it without a copy.
func (c *Content) CopyN(w io.Writer, n int64) (int64, error) {
	left := max(0, c.Size()-c.pos)
	written, err := c.copyTo(w, c.pos+max(0, min(n, left)))
	if err == nil && n > left {
		err = io.EOF
	}
	return written, err
}

// copyTo writes what lies before end.
func (c *Content) copyTo(w io.Writer, end int64) (written int64, err error) {
	if c.closed {
		return 0, c.wrap(fs.ErrClosed)
	}
	for c.pos < end {
		o, err := c.enter(end)
		if err != nil {
			return written, err
		}
		n, err := o.copyN(w, c.pos-o.start, min(end, o.end)-c.pos)
		c.pos += n
		written += n
		if err != nil {
			return written, c.wrapChunk(o.index, err)
		}
	}
	return written, nil
}

// Close ends what is being opened, waits for that and closes what is open. Closing again does nothing.
func (c *Content) Close() error {
	c.closed = true
	return errors.Join(c.leave(), c.dropNext())
}

// enter returns the opened chunk at the position, and opens the one after it in the background if that
// begins before until. The position is inside the content.
func (c *Content) enter(until int64) (*opened, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, c.wrap(err)
	}
	if c.current == nil || c.pos < c.current.start || c.pos >= c.current.end {
		if err := c.leave(); err != nil {
			return nil, err
		}
		o, err := c.take(c.locate(c.pos))
		if err != nil {
			return nil, err
		}
		c.current = o
	}
	if c.current.end < until {
		if err := c.readAhead(c.current.index + 1); err != nil {
			return nil, err
		}
	}
	return c.current, nil
}

// leave closes the current chunk.
func (c *Content) leave() error {
	if c.current == nil {
		return nil
	}
	o := c.current
	c.current = nil
	defer o.cancel()
	return c.wrapChunk(o.index, o.reader.Close())
}

// locate returns where the chunk with the byte at pos lies; behind the end there is none of that index.
func (c *Content) locate(pos int64) span {
	i := sort.Search(len(c.ends), func(i int) bool { return pos < c.ends[i] })
	if i == len(c.ends) {
		return span{i, c.Size(), c.Size()}
	}
	return span{i, c.ends[i] - c.blob.Chunks[i].Size, c.ends[i]}
}

// inMemory is a chunk.Reader over bytes.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// load opens a chunk. It touches nothing that changes, so it may run in the background.
func (c *Content) load(ctx context.Context, i int) (chunk.Reader, error) {
	if i == 0 && c.head != nil {
		return inMemory{bytes.NewReader(c.head)}, nil
	}
	info := c.blob.Chunks[i]
	r, err := c.store.Open(ctx, info.Ref)
	if err != nil {
		return nil, c.wrapChunk(i, err)
	}
	if size := r.Size(); size != info.Size {
		return nil, c.wrapChunk(i, errors.Join(fmt.Errorf("%d bytes, want %d: %w", size, info.Size, chunk.ErrCorrupt), r.Close()))
	}
	return r, nil
}

// copyN writes n bytes from offset on to w.
func (o *opened) copyN(w io.Writer, offset, n int64) (int64, error) {
	if r, ok := o.reader.(interface{ File() *os.File }); ok {
		return copyFrom(w, r.File(), offset, n)
	}
	// A reader over memory writes itself in one piece.
	if r, ok := o.reader.(io.WriterTo); ok && n == o.end-o.start {
		if _, err := o.reader.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		written, err := r.WriteTo(w)
		if err == nil && written != n {
			err = io.ErrUnexpectedEOF
		}
		return written, err
	}
	return copyFrom(w, o.reader, offset, n)
}

// copyFrom is io.CopyN, which hands w a limited reader: for a file that is what sendfile wants.
func copyFrom(w io.Writer, r io.ReadSeeker, offset, n int64) (int64, error) {
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	written, err := io.CopyN(w, r, n)
	return written, unexpected(err)
}

// unexpected turns the end of a chunk that should have gone on into an error that no caller takes for the end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *Content) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s %s: %w", c.kind, c.blob.Hash, err)
}

func (c *Content) wrapChunk(i int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s %s, chunk %d of %d: %w", c.kind, c.blob.Hash, i+1, len(c.blob.Chunks), err)
}
