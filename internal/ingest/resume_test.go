package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/test/film"
)

// idle is a bench whose importer prepares nothing, so that uploads alone are looked at.
func idle(t testing.TB, change ...func(*ingest.Config)) *bench {
	t.Helper()
	b := start(t, change...)
	b.stop()
	return b
}

// restart is what a new process finds; what the old one only had in memory is gone.
func (b *bench) restart(change ...func(*ingest.Config)) {
	b.t.Helper()
	b.catalog.forgetReceiving()
	b.run(change...)
	b.stop()
}

func (c *catalog) forgetReceiving() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, v := range c.videos {
		if v.state == "receiving" {
			delete(c.videos, id)
		}
	}
}

func (b *bench) begin(size int) manifest.VideoID {
	b.t.Helper()
	a, err := b.Begin(b.t.Context(), ingest.Upload{Name: "x.mp4", Size: int64(size)})
	if err != nil {
		b.t.Fatal(err)
	}
	return a.ID
}

// append appends all of content and fails the test if that does not work.
func (b *bench) append(id manifest.VideoID, offset int, content []byte) {
	b.t.Helper()
	n, err := b.Append(b.t.Context(), id, int64(offset), bytes.NewReader(content))
	if err != nil || n != int64(len(content)) {
		b.t.Fatalf("append at %d: %d, %v", offset, n, err)
	}
}

func (b *bench) offset(id manifest.VideoID) int {
	b.t.Helper()
	a, err := b.Arriving(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return int(a.Offset)
}

func (b *bench) file(id manifest.VideoID, name string) string {
	return filepath.Join(b.dir, string(id), name)
}

// sum waits for nothing: it returns the hash that the catalogue was told.
func (b *bench) sum(id manifest.VideoID) (sum chunk.Ref) {
	b.catalog.with(id, func(v *video) { sum = v.sum })
	return sum
}

func TestAFilmInPiecesBecomesAVideo(t *testing.T) {
	b := start(t)
	content := readFile(t, film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264()))
	id := b.begin(len(content))
	half := len(content) / 2
	b.append(id, 0, content[:half])
	b.append(id, half, content[half:])
	got, err := b.Finish(t.Context(), id)
	if err != nil || got.ID != id || got.Duplicate {
		t.Fatalf("finish: %+v, %v", got, err)
	}
	if v := b.catalog.ended(id); v.state != "ready" || v.sum != chunk.Sum(content) {
		t.Errorf("%s %s, hash %s", v.state, v.message, v.sum)
	}
	if _, err := b.Finish(t.Context(), id); !errors.Is(err, ingest.ErrGone) {
		t.Errorf("finish again: %v", err)
	}
	b.clean()
}

func TestWhatWasCountedSurvivesACrashAndNothingElse(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	content := chunktest.Data(seed, 200_000)
	const counted = 120_000
	for name, crash := range map[string]func(t *testing.T, b *bench, id manifest.VideoID){
		"between pieces": func(*testing.T, *bench, manifest.VideoID) {},
		"bytes behind what was counted": func(t *testing.T, b *bench, id manifest.VideoID) {
			f, err := os.OpenFile(b.file(id, "source"), os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				_, err = f.Write(bytes.Repeat([]byte{0}, 90_000)) // as a file system leaves it after a power cut
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"half a note": func(t *testing.T, b *bench, id manifest.VideoID) {
			if err := os.WriteFile(b.file(id, "upload.json.new"), []byte(`{"version":1,"off`), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := idle(t)
			id := b.begin(len(content))
			b.append(id, 0, content[:counted])
			crash(t, b, id)
			b.restart()
			if got := b.offset(id); got != counted {
				t.Fatalf("%d bytes are here, %d were counted", got, counted)
			}
			b.append(id, counted, content[counted:])
			if _, err := b.Finish(t.Context(), id); err != nil || b.sum(id) != chunk.Sum(content) {
				t.Errorf("finish: %v, hash %s", err, b.sum(id))
			}
			if stored := readFile(t, b.file(id, "source")); !bytes.Equal(stored, content) {
				t.Error("the file has other bytes")
			}
		})
	}
}

func TestCrashesAtTheEndsOfAnUpload(t *testing.T) {
	content := []byte("all of the film")
	t.Run("before the first note", func(t *testing.T) {
		b := idle(t)
		if err := os.Mkdir(filepath.Join(b.dir, strings.Repeat("b", 26)), 0o700); err != nil {
			t.Fatal(err)
		}
		b.restart()
		b.clean()
	})
	t.Run("whole, and not accepted yet", func(t *testing.T) {
		b := idle(t)
		id := b.begin(len(content))
		b.append(id, 0, content)
		b.restart()
		b.catalog.with(id, func(v *video) {
			if v.state != "processing" || v.sum != chunk.Sum(content) {
				t.Errorf("%s, hash %s", v.state, v.sum)
			}
		})
	})
	t.Run("accepted, and the note is still there", func(t *testing.T) {
		b := idle(t)
		id := b.begin(len(content))
		b.append(id, 0, content)
		note := readFile(t, b.file(id, "upload.json"))
		if _, err := b.Finish(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.file(id, "upload.json"), note, 0o600); err != nil {
			t.Fatal(err)
		}
		b.restart()
		if _, err := b.Arriving(t.Context(), id); !errors.Is(err, ingest.ErrGone) {
			t.Errorf("it arrives again: %v", err)
		}
		if waiting, _ := b.InWork(); waiting != 1 {
			t.Errorf("%d films wait, want 1", waiting)
		}
	})
	t.Run("ready, and the folder is still there", func(t *testing.T) {
		b := idle(t)
		id := b.begin(len(content))
		b.append(id, 0, content)
		b.catalog.with(id, func(v *video) { v.state = "ready" })
		b.restart()
		b.clean()
	})
	t.Run("the file lost bytes that were durable", func(t *testing.T) {
		b := idle(t)
		id := b.begin(len(content))
		b.append(id, 0, content[:9])
		if err := os.Truncate(b.file(id, "source"), 4); err != nil {
			t.Fatal(err)
		}
		b.restart()
		if got := b.offset(id); got != 0 {
			t.Errorf("it goes on at %d, want the beginning", got)
		}
		b.append(id, 0, content)
		if _, err := b.Finish(t.Context(), id); err != nil || b.sum(id) != chunk.Sum(content) {
			t.Errorf("finish: %v", err)
		}
	})
	t.Run("a damaged note", func(t *testing.T) {
		b := idle(t)
		id := b.begin(len(content))
		if err := os.WriteFile(b.file(id, "upload.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		b.restart()
		b.clean()
	})
}

func TestADuplicateIsKnownAgainAfterARestart(t *testing.T) {
	b := idle(t)
	content := []byte("the same film twice")
	first, second := b.begin(len(content)), b.begin(len(content))
	for _, id := range []manifest.VideoID{first, second} {
		b.append(id, 0, content)
		if got, err := b.Finish(t.Context(), id); err != nil || got.ID != first || got.Duplicate != (id == second) {
			t.Fatalf("finish: %+v, %v", got, err)
		}
	}
	if _, err := os.Stat(b.file(second, "source")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the second copy lies about: %v", err)
	}
	b.restart()
	if a, err := b.Arriving(t.Context(), second); err != nil || a.Same != first || a.Offset != a.Size {
		t.Errorf("after a restart: %+v, %v", a, err)
	}
	if got, err := b.Finish(t.Context(), second); err != nil || got.ID != first || !got.Duplicate {
		t.Errorf("finish again: %+v, %v", got, err)
	}
}

func TestABodyThatBreaksLeavesWhatCameOfIt(t *testing.T) {
	b := idle(t)
	gone := errors.New("client gone")
	id := b.begin(100)
	n, err := b.Append(t.Context(), id, 0, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(gone)))
	if n != 4 || !errors.Is(err, gone) {
		t.Errorf("appended %d, %v", n, err)
	}
	if _, err := b.Append(t.Context(), id, 0, strings.NewReader("half")); !errors.Is(err, ingest.ErrOffset) {
		t.Errorf("append at the wrong end: %v", err)
	}
	if _, err := b.Finish(t.Context(), id); !errors.Is(err, ingest.ErrOffset) {
		t.Errorf("finish half a file: %v", err)
	}
	if n, err := b.Append(t.Context(), id, 4, bytes.NewReader(make([]byte, 97))); n != 0 || !errors.Is(err, ingest.ErrTooLarge) {
		t.Errorf("append too much: %d, %v", n, err)
	}
	if got := b.offset(id); got != 4 {
		t.Errorf("offset %d", got)
	}
}

func TestABrokenDiskCountsNothingThatIsNotDurable(t *testing.T) {
	b := idle(t)
	id := b.begin(10)
	b.append(id, 0, []byte("five!"))
	// The note cannot be replaced: a folder is in its way.
	if err := os.Mkdir(b.file(id, "upload.json.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Append(t.Context(), id, 5, strings.NewReader("more")); n != 0 || err == nil {
		t.Errorf("appended %d, %v", n, err)
	}
	if err := os.Remove(b.file(id, "upload.json.new")); err != nil {
		t.Fatal(err)
	}
	b.append(id, 5, []byte("again"))
	if _, err := b.Finish(t.Context(), id); err != nil || b.sum(id) != chunk.Sum([]byte("five!again")) {
		t.Errorf("finish: %v, hash %s", err, b.sum(id))
	}
}

func TestUploadsAreBoundedAndRoomIsPromisedOnce(t *testing.T) {
	var room atomic.Int64
	room.Store(1000)
	b := idle(t, func(c *ingest.Config) { c.Room, c.MaxArriving = room.Load, 2 })
	first := b.begin(300)
	if _, err := b.Begin(t.Context(), ingest.Upload{Name: "y.mp4", Size: 300}); !errors.Is(err, chunk.ErrFull) {
		t.Errorf("second: %v, want no room", err)
	}
	if _, err := b.Accept(t.Context(), ingest.Upload{Name: "y.mp4", Size: 300, Body: strings.NewReader("x")}); !errors.Is(err, chunk.ErrFull) {
		t.Errorf("in one go: %v, want no room", err)
	}
	b.begin(10)
	if _, err := b.Begin(t.Context(), ingest.Upload{Name: "z.mp4", Size: 10}); !errors.Is(err, ingest.ErrBusy) {
		t.Errorf("third: %v, want busy", err)
	}
	if err := b.Abandon(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	b.begin(300)
	if n := len(b.catalog.videos); n != 2 {
		t.Errorf("%d videos are listed", n)
	}
}

func TestCancelEndsAnUploadThatIsJustBeingWritten(t *testing.T) {
	b := idle(t)
	id := b.begin(1 << 20)
	inside, outside := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := b.Append(context.WithoutCancel(t.Context()), id, 0, inside)
		ended <- err
	}()
	if _, err := outside.Write([]byte("begun")); err != nil {
		t.Fatal(err)
	}
	if err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Arriving(t.Context(), id); !errors.Is(err, ingest.ErrGone) {
		t.Errorf("cancelled, yet: %v", err)
	}
	go func() { _, _ = outside.Write([]byte("more")) }()
	if err := <-ended; !errors.Is(err, ingest.ErrGone) {
		t.Errorf("append ended with %v", err)
	}
	_ = inside.Close()
	b.clean()
}

func TestAbandonedUploadsAreSweptWhileTheProgramRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, func(c *ingest.Config) { c.FFmpeg, c.KeepArriving = "ffmpeg", time.Hour })
		id := b.begin(10)
		b.append(id, 0, []byte("five!"))
		time.Sleep(55 * time.Minute)
		b.append(id, 5, []byte("six"))
		time.Sleep(55 * time.Minute)
		synctest.Wait()
		if got := b.offset(id); got != 8 {
			t.Errorf("offset %d", got)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		b.clean()
		if n := len(b.catalog.videos); n > 0 {
			t.Errorf("%d videos are listed", n)
		}
	})
}

func FuzzUploadNote(f *testing.F) {
	b := idle(f)
	id := b.begin(10)
	good, err := os.ReadFile(b.file(id, "upload.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, seed := range []string{"", "{}", "null", "[]", `{"version":1,"size":-1}`, `{"version":1,"size":5,"offset":6}`, `{"version":2}`} {
		f.Add([]byte(seed))
	}
	f.Add(bytes.Replace(good, []byte(`"offset":0`), []byte(`"offset":9223372036854775807`), 1))
	f.Add(bytes.Replace(good, []byte(`"offset":0`), []byte(`"offset":5`), 1))
	f.Add(bytes.Replace(good, []byte(`}`), []byte(`,"same":"../../etc"}`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := ingest.CheckNote(text); err != nil {
			return
		}
		// What is taken for a note brings no start into trouble.
		dir := filepath.Join(t.TempDir(), "jobs")
		folder := filepath.Join(dir, strings.Repeat("a", 26))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "upload.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		im := ingest.New(ingest.Config{Store: b.store, Catalog: newCatalog(t), Dir: dir, Room: func() int64 { return 1 << 40 }, Log: slog.New(slog.DiscardHandler)})
		if err := im.Recover(t.Context()); err != nil {
			t.Errorf("recover: %v", err)
		}
	})
}
