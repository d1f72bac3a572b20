package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/manifest"
	"shoal/internal/stream"
)

// files is a store whose readers show the file that they read.
type files struct {
	chunk.Store
	dir string
}

func (s files) Open(_ context.Context, ref chunk.Ref) (chunk.Reader, error) {
	f, err := os.Open(filepath.Join(s.dir, ref.String()))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return fileReader{f, info.Size()}, errors.Join(err)
}

type fileReader struct {
	file *os.File
	size int64
}

func (r fileReader) Read(p []byte) (int, error)                { return r.file.Read(p) }
func (r fileReader) ReadAt(p []byte, off int64) (int, error)   { return r.file.ReadAt(p, off) }
func (r fileReader) Seek(off int64, whence int) (int64, error) { return r.file.Seek(off, whence) }
func (r fileReader) Close() error                              { return r.file.Close() }
func (r fileReader) Size() int64                               { return r.size }
func (r fileReader) File() *os.File                            { return r.file }

// openFiles opens content of data that lies in files of 1000 bytes.
func openFiles(t *testing.T, data []byte) (c *stream.Content, dir string, blob manifest.Blob) {
	t.Helper()
	h := newHouse(t)
	blob = h.keep(data, 1000)
	dir = t.TempDir()
	for i, info := range blob.Chunks {
		if err := os.WriteFile(filepath.Join(dir, info.Ref.String()), data[i*1000:i*1000+int(info.Size)], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.film(blob)
	c, err := stream.New(files{dir: dir}, h.catalog).Blob(t.Context(), filmID, "v0", blob.Hash)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, dir, blob
}

// fileTaker is a writer that takes only what sendfile could send.
type fileTaker struct{ bytes.Buffer }

func (w *fileTaker) Write([]byte) (int, error) { return 0, errors.New("copied through memory") }

func (w *fileTaker) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return 0, errors.New("not a limited reader")
	}
	if _, ok := limited.R.(*os.File); !ok {
		return 0, errors.New("not a file")
	}
	return w.Buffer.ReadFrom(r)
}

func TestChunksInFilesGoOutAsFiles(t *testing.T) {
	data := chunktest.Data(1, 4500)
	c, _, _ := openFiles(t, data)
	var out fileTaker
	if n, err := c.WriteTo(&out); err != nil || n != 4500 || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("whole: %d, %v", n, err)
	}
	if _, err := c.Seek(900, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 50)); err != nil { // reading must not disturb the file's offset
		t.Fatal(err)
	}
	out.Reset()
	if n, err := c.CopyN(&out, 1100); err != nil || n != 1100 || !bytes.Equal(out.Bytes(), data[950:2050]) {
		t.Errorf("a range: %d, %v", n, err)
	}
}

func TestChunksInFilesGoOverAConnection(t *testing.T) {
	data := chunktest.Data(1, 45_500)
	c, _, _ := openFiles(t, data)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sent := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = c.WriteTo(conn)
			err = errors.Join(err, conn.Close())
		}
		sent <- err
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestFileThatEndsEarlyIsNoEndOfTheContent(t *testing.T) {
	c, dir, blob := openFiles(t, chunktest.Data(1, 2500))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, blob.Chunks[0].Ref.String()), 600); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 599 {
		t.Errorf("read %d, %v", len(got), err)
	}
	if _, err := c.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if n, err := c.WriteTo(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) || n != 600 {
		t.Errorf("wrote %d, %v", n, err)
	}
}

// pieces is a store whose readers write themselves, as readers over memory do.
type pieces struct {
	chunk.Store
	data  map[chunk.Ref][]byte
	short int // bytes that a reader leaves out of what it writes, without a word
}

func (s pieces) Open(_ context.Context, ref chunk.Ref) (chunk.Reader, error) {
	return &pieceReader{Reader: bytes.NewReader(s.data[ref]), short: s.short}, nil
}

type pieceReader struct {
	*bytes.Reader
	short int
}

func (*pieceReader) Close() error { return nil }

func (r *pieceReader) WriteTo(w io.Writer) (int64, error) {
	return io.CopyN(w, r.Reader, r.Size()-int64(r.short))
}

func TestChunksInMemoryGoOutInOnePiece(t *testing.T) {
	h := newHouse(t)
	data := chunktest.Data(1, 250_000)
	blob := h.keep(data, 100_000)
	h.film(blob)
	store := pieces{data: make(map[chunk.Ref][]byte)}
	for i, info := range blob.Chunks {
		store.data[info.Ref] = data[i*100_000:][:info.Size]
	}
	open := func() *stream.Content {
		c, err := stream.New(store, h.catalog).Blob(t.Context(), filmID, "v0", blob.Hash)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for _, start := range []int64{0, 100_000, 150_000} {
		c := open()
		var out bytes.Buffer
		if _, err := c.Seek(start, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := c.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), data[start:]) {
			t.Errorf("from %d: %d bytes, %v", start, out.Len(), err)
		}
	}
	store.short = 1
	if n, err := open().WriteTo(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) || n != 99_999 {
		t.Errorf("a reader that writes too little: %d, %v", n, err)
	}
}
