package disk_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(putterEnv); dir != "" {
		os.Exit(putForEver(dir))
	}
	goleak.VerifyTestMain(m)
}

// folder returns an empty folder for a test that is not about the disk beneath: in memory where the
// system has such a place, because hundreds of fsyncs take long on a busy disk.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "shoal-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// open opens dir and closes it at the end of the test, unless the test did.
func open(t testing.TB, dir string, opts disk.Options) *disk.Disk {
	t.Helper()
	d, err := disk.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil && !errors.Is(err, disk.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// runOnce lets Run do what is due and ends it.
func runOnce(t *testing.T, d *disk.Disk) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// chunkPath is where a chunk lies, as operators know it.
func chunkPath(dir string, ref chunk.Ref) string {
	return filepath.Join(dir, "chunks", ref.String()[:2], ref.String())
}

// files returns the paths below dir of what is no folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestDiskKeepsThePromisesOfAStore(t *testing.T) {
	chunktest.Run(t, func(t *testing.T) chunk.Store { return open(t, folder(t), disk.Options{}).Chunks() })
}

func TestDirectoryIsPrivateAndAsDocumented(t *testing.T) {
	dir := filepath.Join(folder(t), "not", "there", "yet")
	d := open(t, dir, disk.Options{})
	ref := chunktest.Put(t, d.Chunks(), []byte("abc")).Ref
	for path, mode := range map[string]fs.FileMode{
		".": fs.ModeDir | 0o700, "lock": 0o600, "records.db": 0o600, "quarantine": fs.ModeDir | 0o700,
		"chunks": fs.ModeDir | 0o700, "chunks/tmp": fs.ModeDir | 0o700, "chunks/00": fs.ModeDir | 0o700,
		"chunks/ff": fs.ModeDir | 0o700, "chunks/ba/" + ref.String(): 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != mode && os.PathSeparator == '/' {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), mode)
		}
	}
}

func TestDirectoryIsForOneProcess(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	temp := filepath.Join(dir, "chunks", "tmp", "put-1")
	if err := os.WriteFile(temp, []byte("being written"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := disk.Open(dir, disk.Options{})
	if !errors.Is(err, disk.ErrInUse) || !strings.Contains(err.Error(), "another shoal uses this directory") {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
	if _, err := os.Stat(temp); err != nil {
		t.Errorf("the second one swept the first one's file: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, disk.Options{})
}

func TestDirectoryThatIsAFileIsRefused(t *testing.T) {
	path := filepath.Join(folder(t), "film.mp4")
	if err := os.WriteFile(path, []byte("film"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		if d, err := disk.Open(dir, disk.Options{}); err == nil {
			d.Close()
			t.Errorf("open %s: no error", dir)
		}
	}
}

func TestOpenSweepsTemporaryFilesAndNothingElse(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	chunktest.Put(t, d.Chunks(), []byte("abc"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for _, name := range []string{"put-1", "put-2"} {
		if err := os.WriteFile(filepath.Join(dir, "chunks", "tmp", name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir, disk.Options{})
	if after := files(t, dir); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("files after open: %q, want %q", after, before)
	}
}

func TestClosedDiskRefusesEveryCall(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	ctx := t.Context()
	data := []byte("abc")
	ref := chunktest.Put(t, d.Chunks(), data).Ref
	r, err := d.Chunks().Open(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, putErr := d.Chunks().Put(ctx, data)
	_, openErr := d.Chunks().Open(ctx, ref)
	_, statErr := d.Chunks().Stat(ctx, ref)
	_, loadErr := d.Records().Load(ctx, "videos", "a")
	var listErr error
	for _, err := range d.Chunks().List(ctx) {
		listErr = err
	}
	_, namesErr := d.Chunks().Names(ctx, ref[0])
	for name, err := range map[string]error{
		"names": namesErr, "renew": d.Chunks().Renew(ctx, chunk.Info{Ref: ref, Size: 3}),
		"put": putErr, "open": openErr, "stat": statErr, "list": listErr, "load": loadErr,
		"delete":        d.Chunks().Delete(ctx, ref),
		"save":          d.Records().Save(ctx, "videos", "a", nil),
		"delete record": d.Records().Delete(ctx, "videos", "a"),
		"each":          d.Records().Each(ctx, "videos", func(string, []byte) error { return nil }),
		"close":         d.Close(),
	} {
		if !errors.Is(err, disk.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
	if n, err := r.Read(make([]byte, 3)); n != 3 || err != nil {
		t.Errorf("a reader opened before: %d bytes, %v", n, err)
	}
}

func TestChunksAndRecordsAreThereAfterReopening(t *testing.T) {
	dir := folder(t)
	for round := range 3 {
		d := open(t, dir, disk.Options{})
		for earlier := range round {
			chunktest.Holds(t, d.Chunks(), chunktest.Data(uint64(earlier), 10_000))
		}
		if round > 0 {
			if got, err := d.Records().Load(t.Context(), "videos", "a"); err != nil || len(got) != round {
				t.Errorf("record has %d bytes, %v; want %d", len(got), err, round)
			}
		}
		chunktest.Put(t, d.Chunks(), chunktest.Data(uint64(round), 10_000))
		if err := d.Records().Save(t.Context(), "videos", "a", make([]byte, round+1)); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// logTo returns a logger that writes lines to buf.
func logTo(buf *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(buf, nil)) }
