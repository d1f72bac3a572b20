//go:build unix

package disk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

func TestWhatIsNoFileInAChunksPlaceHoldsUpNobody(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link":   func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			d := open(t, dir, disk.Options{})
			info := chunktest.Put(t, d.Chunks(), []byte("abc"))
			path := filepath.Join(dir, "chunks", info.Ref.String()[:2], info.Ref.String())
			if err := errors.Join(os.Remove(path), take(path)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for what, err := range map[string]error{
				"open":   opens(ctx, d, info.Ref),
				"verify": d.Chunks().Verify(ctx, info.Ref),
				"put":    puts(ctx, d),
			} {
				if err == nil || ctx.Err() != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func opens(ctx context.Context, d *disk.Disk, ref chunk.Ref) error {
	r, err := d.Chunks().Open(ctx, ref)
	if err == nil {
		r.Close()
	}
	return err
}

func puts(ctx context.Context, d *disk.Disk) error {
	_, err := d.Chunks().Put(ctx, []byte("abc"))
	return err
}
