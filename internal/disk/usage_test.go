package disk_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// counted walks over the store, as the totals need not.
func counted(t *testing.T, d *disk.Disk) disk.Totals {
	t.Helper()
	want := disk.Totals{Exact: true}
	for _, size := range chunktest.List(t, d.Chunks()) {
		want.Chunks++
		want.Bytes += size
	}
	return want
}

func TestTotalsFollowEveryPutAndDelete(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var done sync.WaitGroup
	for worker := range uint64(6) {
		done.Go(func() {
			random := rand.New(rand.NewPCG(seed, worker))
			for range 30 {
				data := chunktest.Data(random.Uint64N(20), 1+random.IntN(3))
				if random.IntN(3) == 0 {
					d.Chunks().Delete(t.Context(), chunk.Sum(data))
				} else {
					d.Chunks().Put(t.Context(), data)
				}
			}
		})
	}
	done.Wait()
	if got, want := d.Chunks().Stats().Totals, counted(t, d); got != want {
		t.Errorf("totals are %+v, want %+v", got, want)
	}
}

func TestTotalsAreThereAtOnceAfterAProperClose(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000))
	chunktest.Put(t, d.Chunks(), chunktest.Data(2, 500))
	d.Close()
	d = open(t, dir, disk.Options{})
	if got, want := d.Chunks().Stats().Totals, (disk.Totals{Chunks: 2, Bytes: 1500, Exact: true}); got != want {
		t.Errorf("totals are %+v, want %+v", got, want)
	}
}

func TestTotalsAreInDoubtAfterACrashAndRunCountsAgain(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000))
	d.Close()
	d = open(t, dir, disk.Options{})
	chunktest.Put(t, d.Chunks(), chunktest.Data(2, 500))
	d.Crash()
	d = open(t, dir, disk.Options{})
	if got, want := d.Chunks().Stats().Totals, (disk.Totals{Chunks: 1, Bytes: 1000}); got != want {
		t.Errorf("totals after the crash are %+v, want those saved last, %+v", got, want)
	}
	runOnce(t, d)
	want := disk.Totals{Chunks: 2, Bytes: 1500, Exact: true}
	if got := d.Chunks().Stats().Totals; got != want {
		t.Errorf("totals after Run are %+v, want %+v", got, want)
	}
	d.Close()
	if got := open(t, dir, disk.Options{}).Chunks().Stats().Totals; got != want {
		t.Errorf("totals of the next life are %+v, want %+v", got, want)
	}
}

func TestRunSavesTotalsOnceInAWhile(t *testing.T) {
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		d := open(t, dir, disk.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000))
		time.Sleep(disk.SaveEvery + time.Second)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		d.Crash()
	})
	d := open(t, dir, disk.Options{})
	if got, want := d.Chunks().Stats().Totals, (disk.Totals{Chunks: 1, Bytes: 1000}); got != want {
		t.Errorf("totals after the crash are %+v, want %+v", got, want)
	}
}

func TestRecountIsRightWhileChunksComeAndGo(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	for i := range 300 {
		path := chunkPath(dir, chunk.Sum(chunktest.Data(uint64(i), 10)))
		if err := os.WriteFile(path, chunktest.Data(uint64(i), 10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.Crash()
	d = open(t, dir, disk.Options{})
	var done sync.WaitGroup
	stop := make(chan struct{})
	for worker := range uint64(3) {
		done.Go(func() {
			for i := worker; ; i += 3 {
				select {
				case <-stop:
					return
				default:
				}
				data := chunktest.Data(i%300, 10)
				d.Chunks().Delete(t.Context(), chunk.Sum(data))
				d.Chunks().Put(t.Context(), data)
				d.Chunks().Delete(t.Context(), chunk.Sum(chunktest.Data((i+100)%300, 10)))
			}
		})
	}
	for range 5 {
		runOnce(t, d)
		d.Doubt()
	}
	runOnce(t, d)
	close(stop)
	done.Wait()
	if got, want := d.Chunks().Stats().Totals, counted(t, d); got != want {
		t.Errorf("totals are %+v, want %+v", got, want)
	}
}

func TestRunGoesOnWhenItCannotCount(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	d.Doubt()
	shard := filepath.Join(dir, "chunks", "7f")
	if err := os.Remove(shard); err != nil {
		t.Fatal(err)
	}
	runOnce(t, d)
	if d.Chunks().Stats().Exact {
		t.Error("totals are exact though a folder could not be read")
	}
	if err := os.Mkdir(shard, 0o700); err != nil {
		t.Fatal(err)
	}
	runOnce(t, d)
	if !d.Chunks().Stats().Exact {
		t.Error("totals are not exact after the folder is back")
	}
}

func TestCapacityIsNotExceeded(t *testing.T) {
	d := open(t, folder(t), disk.Options{Capacity: 10_000})
	var mu sync.Mutex
	stored := 0
	var done sync.WaitGroup
	for i := range 16 {
		done.Go(func() {
			_, err := d.Chunks().Put(t.Context(), chunktest.Data(uint64(i), 1000))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				stored++
			} else if !errors.Is(err, chunk.ErrFull) {
				t.Errorf("put: %v, want ErrFull", err)
			}
		})
	}
	done.Wait()
	if got := d.Chunks().Stats().Bytes; got != 10_000 || stored != 10 {
		t.Errorf("%d puts took %d bytes, want 10 and all 10000", stored, got)
	}
	if room := d.Room(); room != 0 {
		t.Errorf("room for %d bytes, want 0", room)
	}
	for ref := range chunktest.List(t, d.Chunks()) {
		if err := d.Chunks().Delete(t.Context(), ref); err != nil {
			t.Error(err)
		}
		break
	}
	if room := d.Room(); room != 1000 {
		t.Errorf("room for %d bytes after a delete, want 1000", room)
	}
	chunktest.Put(t, d.Chunks(), chunktest.Data(100, 1000))
}

func TestChunkThatIsThereCanBePutThoughTheStoreIsFull(t *testing.T) {
	d := open(t, folder(t), disk.Options{Capacity: 1000})
	data := chunktest.Data(1, 1000)
	chunktest.Put(t, d.Chunks(), data)
	if stored, err := d.Chunks().Put(t.Context(), data); err != nil || stored.New {
		t.Errorf("put: New %v, %v", stored.New, err)
	}
}

// space is a file system that a test fills.
type space struct {
	free, size int64
	asked      int
	err        error
	now        time.Time
}

func (s *space) ask(string) (free, size int64, err error) {
	s.asked++
	return s.free, s.size, s.err
}

func withSpace(t *testing.T, free, size int64) (*disk.Disk, *space) {
	d := open(t, folder(t), disk.Options{})
	s := &space{free: free, size: size, now: time.Unix(1, 0)}
	d.SetSpace(s.ask, func() time.Time { return s.now })
	return d, s
}

func TestRoomIsWhatIsFreeLessAReserve(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct{ free, size, want int64 }{
		{50 * gib, 100 * gib, 49 * gib},
		{50 * gib, 1000 * gib, 49 * gib},
		{5 * gib, 10 * gib, 5*gib - 10*gib/20},
		{gib / 2, 100 * gib, 0},
		{0, 10 * gib, 0},
	} {
		d, _ := withSpace(t, c.free, c.size)
		if got := d.Room(); got != c.want {
			t.Errorf("room is %d of %d free of %d, want %d", got, c.free, c.size, c.want)
		}
		if got, err := d.Free(); got != c.free || err != nil {
			t.Errorf("free is %d, %v; want %d", got, err, c.free)
		}
	}
}

func TestReserveIsLeftFree(t *testing.T) {
	d, s := withSpace(t, 2_500, 20_000)
	chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000))
	s.free -= 1000
	if _, err := d.Chunks().Put(t.Context(), chunktest.Data(2, 1000)); !errors.Is(err, chunk.ErrFull) {
		t.Errorf("put: %v, want ErrFull", err)
	}
	chunktest.Lacks(t, d.Chunks(), chunk.Sum(chunktest.Data(2, 1000)))
	chunktest.Holds(t, d.Chunks(), chunktest.Data(1, 1000))
	s.free += 1000
	chunktest.Put(t, d.Chunks(), chunktest.Data(2, 1000))
}

func TestFileSystemIsAskedOnceASecond(t *testing.T) {
	d, s := withSpace(t, 1<<30, 1<<30)
	for i := range 10 {
		chunktest.Put(t, d.Chunks(), chunktest.Data(uint64(i), 1000))
		d.Room()
	}
	if s.asked != 1 {
		t.Errorf("asked %d times in an instant, want 1", s.asked)
	}
	s.now, s.free = s.now.Add(2*time.Second), 0
	if _, err := d.Chunks().Put(t.Context(), chunktest.Data(99, 1000)); !errors.Is(err, chunk.ErrFull) {
		t.Errorf("put after others filled the disk: %v, want ErrFull", err)
	}
	if room := d.Room(); room != 0 {
		t.Errorf("room for %d bytes, want 0", room)
	}
}

func TestFileSystemThatDoesNotAnswerHasNoRoom(t *testing.T) {
	d, s := withSpace(t, 1<<30, 1<<30)
	s.err = errors.New("stale handle")
	if room := d.Room(); room != 0 {
		t.Errorf("room for %d bytes, want 0", room)
	}
	if _, err := d.Free(); !errors.Is(err, s.err) {
		t.Errorf("free: %v", err)
	}
	if _, err := d.Chunks().Put(t.Context(), chunktest.Data(1, 1000)); !errors.Is(err, s.err) || errors.Is(err, chunk.ErrFull) {
		t.Errorf("put: %v, want the file system's error", err)
	}
}

func TestFileSystemThatHidesItsSizeIsTriedAllTheSame(t *testing.T) {
	d, _ := withSpace(t, 0, 0)
	chunktest.Put(t, d.Chunks(), chunktest.Data(1, 1000))
}
