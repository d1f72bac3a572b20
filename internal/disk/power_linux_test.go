package disk_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// shutdown is EXT4_IOC_SHUTDOWN; with noLogFlush all that was not synced is lost, as in a power cut.
const (
	shutdown   = 0x8004587d
	noLogFlush = 2
)

// image is a file system in a file, mounted at dir.
type image struct{ file, dir string }

func newImage(t *testing.T) image {
	t.Helper()
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("there is no mkfs.ext4")
	}
	im := image{file: filepath.Join(t.TempDir(), "image"), dir: t.TempDir()}
	run(t, "truncate", "-s", "200M", im.file)
	run(t, "mkfs.ext4", "-q", im.file)
	return im
}

func (im image) mount(t *testing.T)   { run(t, "mount", "-o", "loop", im.file, im.dir) }
func (im image) unmount(t *testing.T) { run(t, "umount", im.dir) }

// cut takes the power away.
func (im image) cut(t *testing.T) {
	t.Helper()
	f, err := os.Open(im.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		t.Fatalf("shut the file system down: %v", err)
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v: %s", name, err, out)
	}
}

// life is what a disk acknowledged.
type life struct {
	mu      sync.Mutex
	chunks  map[chunk.Ref]bool
	records []string
}

func (l *life) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.chunks) + len(l.records)
}

// putUntilItFails puts chunks and records from several goroutines until the disk is gone.
func (l *life) putUntilItFails(t *testing.T, d *disk.Disk, seed uint64, acked chan<- struct{}) {
	var done sync.WaitGroup
	for worker := range uint64(4) {
		done.Go(func() {
			for i := uint64(0); ; i++ {
				data := chunktest.Data(seed+i*4+worker, 1+int(i*7919%60_000))
				stored, err := d.Chunks().Put(t.Context(), data)
				if err != nil {
					return
				}
				l.mu.Lock()
				l.chunks[stored.Ref] = true
				l.mu.Unlock()
				acked <- struct{}{}
			}
		})
	}
	done.Go(func() {
		for i := 0; ; i++ {
			key := fmt.Sprintf("%d-%d", seed, i)
			if d.Records().Save(t.Context(), "videos", key, make([]byte, 3000)) != nil {
				return
			}
			l.mu.Lock()
			l.records = append(l.records, key)
			l.mu.Unlock()
			acked <- struct{}{}
		}
	})
	done.Wait()
	close(acked)
}

func TestPowerCutLosesNothingAcknowledged(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	im := newImage(t)
	l := &life{chunks: make(map[chunk.Ref]bool)}
	dir := filepath.Join(im.dir, "data")
	for round := range uint64(6) {
		im.mount(t)
		d, err := disk.Open(dir, disk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		acked := make(chan struct{})
		go l.putUntilItFails(t, d, round<<32, acked)
		for range 1 + random.IntN(80) {
			<-acked
		}
		im.cut(t)
		for range acked {
		}
		d.Crash()
		im.unmount(t)

		im.mount(t)
		checkSound(t, dir, l.chunks)
		checkRecords(t, dir, l.records)
		im.unmount(t)
	}
	t.Logf("%d chunks and records acknowledged before 6 power cuts", l.count())
}

func checkRecords(t *testing.T, dir string, want []string) {
	t.Helper()
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, key := range want {
		if _, err := d.Records().Load(t.Context(), "videos", key); err != nil {
			t.Errorf("an acknowledged record is lost: %v", err)
		}
	}
}
